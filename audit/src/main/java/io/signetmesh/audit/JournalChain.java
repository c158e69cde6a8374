package io.signetmesh.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds what the next head of a journal has to cover: the lines after the last one, in whatever
 * file and by whatever process they were written. They are read back, so that a head never states
 * what is not in the files. By who holds the {@link WriterLock} only.
 */
final class JournalChain {
  private static final Logger log = LoggerFactory.getLogger(JournalChain.class);

  /** Records after which a head is due. */
  static final int MAX_RECORDS = 4_096;

  /** Bytes of records after which a head is due. */
  static final int MAX_BYTES = 1 << 20;

  /** How often a head is written while there are records. */
  private static final Duration EVERY = Duration.ofSeconds(1);

  /** How far the last head is looked for, in bytes; beyond that a chain begins anew. */
  private static final int WINDOW = 8 << 20;

  private final Path file;
  private final int keptFiles;

  /** The file that has the last head that is known; null for none. */
  private @Nullable Object key;

  /** Where the line of that head ends. */
  private long after;

  /** Signs heads; null: there are none. */
  private volatile @Nullable HeadSigner signer;

  /** Records and bytes that this process has written and that no head covers. */
  private long uncovered;

  private long uncoveredBytes;

  /** When the next head is due, if there is something to cover. */
  private long atNanos;

  /** Whether the last one could not be made: the next one is not tried before its time. */
  private boolean failed;

  private String previous = "";
  private String certificate = "";

  JournalChain(Path file, int keptFiles) {
    this.file = file;
    this.keptFiles = keptFiles;
  }

  /**
   * What a head has to say of the lines before it.
   *
   * @param first number of the first one
   * @param sha256 over all of them, in hex
   * @param previous as in {@link JournalHead}
   */
  record Covered(long first, String sha256, String previous) {}

  /**
   * Looks at what no head covers.
   *
   * @return null when there is nothing
   */
  @Nullable Covered covered() throws IOException {
    Deque<byte[]> parts = new ArrayDeque<>();
    int window = WINDOW;
    boolean found = false;
    String head = "";
    for (int number = 0; number <= keptFiles && window > 0 && !found; number++) {
      Path path = JournalFiles.numbered(file, number);
      try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
        long size = in.size();
        long from = Math.max(0, size - window);
        if (Objects.equals(key, JournalFiles.key(path)) && after >= from && after <= size) {
          found = true;
          head = previous;
          from = after;
        }
        byte[] bytes = read(in, from, size);
        // What is cut by the window is not covered.
        int begin = from > 0 && !found ? endOfLine(bytes, 0) : 0;
        for (int line = begin; line < bytes.length; line = endOfLine(bytes, line)) {
          int end = endOfLine(bytes, line);
          if (JournalHead.isHead(bytes, line, end)) {
            head = hash(bytes, line, end);
            begin = end;
            found = true;
          }
        }
        window = from > 0 && !found ? 0 : window - bytes.length;
        parts.addFirst(Arrays.copyOfRange(bytes, begin, bytes.length));
      } catch (NoSuchFileException e) {
        // It was not made yet, or there is no older one.
      }
    }
    MessageDigest digest = JournalHead.newSha256();
    long first = 0;
    for (byte[] part : parts) {
      digest.update(part);
      if (first <= 0 && part.length > 0) {
        first = RecordSequence.of(part, 0, part.length);
      }
    }
    return first <= 0 ? null : new Covered(first, JournalHead.hex(digest.digest()), head);
  }

  void signBy(HeadSigner by) {
    signer = by;
  }

  /** Whether there is something to cover by a head, sooner or later. */
  boolean isDue() {
    return signer != null && uncovered > 0;
  }

  /** Time until a head is due; the longest there is when none is. */
  long nanosToHead() {
    return isDue() ? Math.max(0, atNanos - System.nanoTime()) : Long.MAX_VALUE;
  }

  /** Records are in the current file that are to be covered. */
  void wrote(long records, int bytes) {
    if (uncovered == 0) {
      atNanos = System.nanoTime() + EVERY.toNanos();
    }
    uncovered += records;
    uncoveredBytes += bytes;
    if (!failed && (uncovered >= MAX_RECORDS || uncoveredBytes >= MAX_BYTES)) {
      atNanos = System.nanoTime();
    }
  }

  /**
   * Makes the next head.
   *
   * @param sequence its number
   * @return null when there is nothing to cover, or no key to sign by, or it cannot be made now
   */
  @Nullable JournalHead next(long sequence, long epochMillis) {
    HeadSigner by = signer;
    if (by == null) {
      return null;
    }
    // If it cannot be made, there is a next time.
    atNanos = System.nanoTime() + EVERY.toNanos();
    failed = true;
    try {
      JournalHead made = make(sequence, epochMillis, by);
      failed = made == null && uncovered > 0;
      return made;
    } catch (IOException | RuntimeException e) {
      log.warn("no head for audit journal {}: {}", file, e.toString());
      return null;
    }
  }

  private @Nullable JournalHead make(long sequence, long epochMillis, HeadSigner by)
      throws IOException {
    JournalId id = JournalId.read(file);
    Covered covered = covered();
    if (covered == null) {
      // Another process has covered it.
      uncovered = 0;
      uncoveredBytes = 0;
    }
    if (id == null || covered == null) {
      return null;
    }
    JournalHead head =
        new JournalHead(
            sequence,
            epochMillis,
            id.id(),
            covered.first(),
            covered.sha256(),
            covered.previous(),
            "",
            "",
            List.of());
    HeadSigner.Signed signed = by.sign(head.statement());
    if (signed == null) {
      return null;
    }
    head = head.signedBy(signed, true);
    return hasCertificate(head.certificate()) ? head.signedBy(signed, false) : head;
  }

  /** Whether the current file has the certificate in a head that this process knows of. */
  private boolean hasCertificate(String fingerprint) throws IOException {
    return certificate.equals(fingerprint)
        && Files.exists(file)
        && Objects.equals(key, JournalFiles.key(file));
  }

  /**
   * A head is in the current file.
   *
   * @param end where its line ends
   */
  void wrote(JournalHead head, long end) {
    uncovered = 0;
    uncoveredBytes = 0;
    byte[] line = head.line();
    after = end;
    previous = hash(line, 0, line.length);
    certificate = head.certificate();
    try {
      key = JournalFiles.key(file);
    } catch (IOException e) {
      // Then it is looked for.
      key = null;
    }
  }

  private static String hash(byte[] bytes, int from, int to) {
    MessageDigest digest = JournalHead.newSha256();
    digest.update(bytes, from, to - from);
    return JournalHead.hex(digest.digest());
  }

  /** Where the line ends that an offset is in, behind its newline. */
  private static int endOfLine(byte[] bytes, int from) {
    int at = from;
    while (at < bytes.length && bytes[at] != '\n') {
      at++;
    }
    return Math.min(bytes.length, at + 1);
  }

  private static byte[] read(FileChannel in, long from, long to) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(to - from)];
    ByteBuffer into = ByteBuffer.wrap(bytes);
    while (into.hasRemaining()) {
      if (in.read(into, from + into.position()) < 0) {
        throw new IOException("file became shorter while it was read");
      }
    }
    return bytes;
  }
}
