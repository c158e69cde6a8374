package io.signetmesh.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which journal the sequence numbers of a file belong to: two records with one id and one number
 * are the same record. It is in a file of its own, {@code <journal>.id}, which all processes share
 * that write to the journal. It is made before the first record, and made anew wherever numbers
 * could be given twice.
 *
 * @param id 32 lower-case hex digits, chosen at random
 * @param first number of the first record of this journal, 1 or more; records before it in the same
 *     files belong to the journal before
 * @param boot id of the start of the host in which it was last used; empty where hosts have none
 * @param unsure when not 0: the host has been started anew since, and what it had in its memory and
 *     not on the disk is lost, so that numbers above this one may have been given before
 */
public record JournalId(String id, long first, String boot, long unsure) {
  private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");
  private static final Pattern FORM =
      Pattern.compile("([0-9a-f]{32})\n([1-9]\\d{0,17})\n([0-9a-f-]{0,36})\n(\\d{1,18})\n");
  private static final int MAX_BYTES = 128;
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Checks the ranges. */
  public JournalId {
    if (!id.matches("[0-9a-f]{32}") || first < 1 || unsure < 0) {
      throw new IllegalArgumentException(
          "journal id " + id + " from " + first + ": expected 32 hex digits, from 1 or more");
    }
  }

  /** Another id for the records from a number on. */
  static JournalId random(long first) {
    byte[] random = new byte[16];
    RANDOM.nextBytes(random);
    return new JournalId(HexFormat.of().formatHex(random), first, currentBoot(), 0);
  }

  /** The same once it is known that no number was given twice. */
  JournalId sure() {
    return new JournalId(id, first, boot, 0);
  }

  /**
   * The same in a host that may have been started anew.
   *
   * @param last number of the last record that is on the disk
   */
  JournalId inThisBoot(long last) {
    String now = currentBoot();
    if (now.equals(boot)) {
      return this;
    }
    // What was unsure before is not less so now.
    return new JournalId(id, first, now, unsure == 0 ? last : Math.min(unsure, last));
  }

  private static String currentBoot() {
    try {
      String text = Files.readString(BOOT).strip();
      return text.matches("[0-9a-f-]{1,36}") ? text : "";
    } catch (IOException e) {
      return "";
    }
  }

  /**
   * Reads the id of a journal.
   *
   * @param journal the current file of the journal
   * @return null when it has none, or none that can be read as one
   */
  public static @Nullable JournalId read(Path journal) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(MAX_BYTES);
    try (FileChannel in = FileChannel.open(file(journal), StandardOpenOption.READ)) {
      while (bytes.hasRemaining() && in.read(bytes) >= 0) {
        // To the end, or as much as an id can have.
      }
    } catch (NoSuchFileException e) {
      return null;
    }
    String text = new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII);
    Matcher matcher = FORM.matcher(text);
    return matcher.matches()
        ? new JournalId(
            matcher.group(1),
            Long.parseLong(matcher.group(2)),
            matcher.group(3),
            Long.parseLong(matcher.group(4)))
        : null;
  }

  /**
   * Gives a journal this id. It is on the disk when this returns. By who holds the {@link
   * WriterLock} only.
   */
  void write(Path journal) throws IOException {
    Path file = file(journal);
    Path next = JournalFiles.beside(journal, ".id.new");
    Files.deleteIfExists(next);
    try (FileChannel out =
        FileChannel.open(
            next,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            JournalFiles.privateFile())) {
      String text = id + "\n" + first + "\n" + boot + "\n" + unsure + "\n";
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(true);
    }
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    Path directory = file.toAbsolutePath().getParent();
    if (directory != null) {
      try (FileChannel folder = FileChannel.open(directory, StandardOpenOption.READ)) {
        folder.force(true);
      }
    }
  }

  private static Path file(Path journal) {
    return JournalFiles.beside(journal, ".id");
  }
}
