package io.signetmesh.collector.log;

import io.signetmesh.audit.tlog.TreeHash;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A ledger as it was when the log had a size, in a file: lines of text, of which the last one is
 * the SHA-256 of all before it. It saves reading the log, and it is never believed against it.
 *
 * @param size entries of the log that the ledger is of
 * @param root of the log at that size
 * @param ledger the journals
 */
record LedgerSnapshot(long size, TreeHash root, JournalLedger ledger) {
  private static final Logger log = LoggerFactory.getLogger(LedgerSnapshot.class);
  private static final String FORM = "signet audit ledger 2";
  private static final Set<String> WRITERS = Set.of("writer", "aside", "incomplete");
  private static final long MAX_BYTES = 256L << 20;

  /**
   * Writes the file, in place of the one before.
   *
   * @throws IOException when it cannot be written; the one before is left
   */
  void write(Path file) throws IOException {
    StringBuilder text = new StringBuilder(FORM + "\n" + size + " " + root + "\n");
    String[] last = {""};
    ledger.forEach(
        (key, position) -> {
          if (!key.writer().equals(last[0])) {
            last[0] = key.writer();
            byte[] name = key.writer().getBytes(StandardCharsets.UTF_8);
            text.append("writer ").append(Base64.getEncoder().encodeToString(name)).append('\n');
          }
          text.append(key.journal())
              .append(' ')
              .append(position.durable())
              .append(' ')
              .append(position.millis())
              .append('\n');
        });
    if (ledger.isIncomplete()) {
      text.append("incomplete\n");
    }
    ledger.forEachAside(
        (writer, journals) -> {
          byte[] name = writer.getBytes(StandardCharsets.UTF_8);
          text.append(journals.isIncomplete() ? "incomplete " : "aside ")
              .append(Base64.getEncoder().encodeToString(name))
              .append('\n');
          journals.forEach(
              (id, durable) -> text.append(id).append(' ').append(durable).append('\n'));
        });
    StateFiles.writeSecret(file, text + sum(text.toString()) + "\n");
  }

  /** Reads the file. Empty when there is none, or when it is not as it was written. */
  static Optional<LedgerSnapshot> read(Path file) throws IOException {
    String text;
    try {
      if (Files.size(file) > MAX_BYTES) {
        log.warn("{} is larger than {} bytes; the log is read instead", file, MAX_BYTES);
        return Optional.empty();
      }
      text = Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    try {
      int end = text.lastIndexOf('\n', text.length() - 2) + 1;
      String body = text.substring(0, end);
      if (text.substring(end).equals(sum(body) + "\n")) {
        return Optional.of(parse(body));
      }
      log.warn("{} is not as it was written; the log is read instead", file);
    } catch (RuntimeException e) {
      log.warn("{} cannot be understood; the log is read instead", file, e);
    }
    return Optional.empty();
  }

  private static LedgerSnapshot parse(String body) {
    String[] lines = body.split("\n");
    if (!lines[0].equals(FORM)) {
      throw new IllegalArgumentException("first line: expected " + FORM);
    }
    int blank = lines[1].indexOf(' ');
    JournalLedger ledger = new JournalLedger();
    String writer = "";
    for (int i = 2; i < lines.length; i++) {
      String[] words = lines[i].split(" ");
      if (lines[i].equals("incomplete")) {
        ledger.setIncomplete();
      } else if (WRITERS.contains(words[0])) {
        writer = new String(Base64.getDecoder().decode(words[1]), StandardCharsets.UTF_8);
        if (words[0].equals("incomplete")) {
          ledger.setIncomplete(writer);
        }
      } else if (words.length == 2) {
        ledger.putAside(writer, words[0], Long.parseLong(words[1]));
      } else {
        ledger.put(
            new JournalKey(writer, words[0]),
            new JournalLedger.Position(Long.parseLong(words[1]), Long.parseLong(words[2])));
      }
    }
    return new LedgerSnapshot(
        Long.parseLong(lines[1].substring(0, blank)),
        TreeHash.parse(lines[1].substring(blank + 1)),
        ledger);
  }

  private static String sum(String text) {
    try {
      byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
