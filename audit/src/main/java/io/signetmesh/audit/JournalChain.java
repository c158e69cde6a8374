package io.signetmesh.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the heads of a journal. A head covers what this process has written since the last one: it
 * is taken from what was handed to the kernel, and never read back, so that nobody has lines signed
 * by writing them to the file. Where the file does not go on as this process left it, the chain is
 * broken, and says so. By who holds the {@link WriterLock} only.
 */
final class JournalChain {
  private static final Logger log = LoggerFactory.getLogger(JournalChain.class);

  /** Records after which a head is due. */
  static final int MAX_RECORDS = JournalHead.MAX_RECORDS;

  /** Bytes of records after which a head is due. */
  static final int MAX_BYTES = JournalHead.MAX_BYTES;

  /** How often a head is written while there are records. */
  private static final Duration EVERY = Duration.ofSeconds(1);

  /** How far the certificate of an earlier head is looked for, in bytes. */
  private static final int WINDOW = 8 << 20;

  /** Longest line of a head by an earlier process that is taken, in bytes. */
  private static final int MAX_LINE = 64 << 10;

  private final Path file;

  /** The file that has the certificate of the last head; null for none. */
  private @Nullable Object key;

  /** Who can sign heads, in the order to ask them; null: there are none. */
  private volatile @Nullable Supplier<List<HeadSigner>> signers;

  /** Over the lines that this process has written and that no head covers. */
  private MessageDigest digest = JournalHead.newSha256();

  /** Number of the first one of them; 0: there is none. */
  private long first;

  /** Records and bytes of them. Others read the number of records. */
  private volatile long uncovered;

  private long uncoveredBytes;

  /** Records of this process that no head will cover. */
  private volatile long abandoned;

  /** When the next head is due, if there is something to cover. */
  private long atNanos;

  /** Whether the last one could not be made: the next one is not tried before its time. */
  private boolean failed;

  /** What the next head names, unless the following decides that. */
  private String previous = "";

  /** The last line before those of this process, which is a head that was not verified yet. */
  private byte @Nullable [] earlier;

  /** The file with that line, and where the line ends. */
  private Path earlierFile;

  private long earlierEnd;

  /** Number of the last head that is known. */
  private long covered;

  private String certificate = "";

  JournalChain(Path file) {
    this.file = file;
    this.earlierFile = file;
  }

  void signBy(Supplier<List<HeadSigner>> by) {
    signers = by;
  }

  /** Records that this process has written and that no head covers. On any thread. */
  long uncovered() {
    return uncovered + abandoned;
  }

  /** Whether there is something to cover by a head, sooner or later. */
  boolean isDue() {
    return signers != null && uncovered > 0;
  }

  /** Time until a head is due; the longest there is when none is. */
  long nanosToHead() {
    return isDue() ? Math.max(0, atNanos - System.nanoTime()) : Long.MAX_VALUE;
  }

  /**
   * What is in the file before the next line of this process.
   *
   * @param end where it ends
   */
  void goOn(JournalDisk.Found found, long end) {
    if (!found.foreign()) {
      return;
    }
    byte[] last = null;
    if (first == 0) {
      try {
        last = lastHead(end);
      } catch (IOException e) {
        log.warn("audit journal {}: its last head cannot be read: {}", file, e.toString());
      }
    } else {
      log.warn(
          "audit journal {} was changed by others: no head covers {} records from {} on",
          file,
          uncovered,
          first);
    }
    // Who can write the file can also write these lines: they are not signed.
    abandoned += uncovered;
    uncovered = 0;
    uncoveredBytes = 0;
    first = 0;
    digest = JournalHead.newSha256();
    certificate = "";
    earlier = last;
    previous = last == null && found.sequence() > 0 ? JournalHead.BREAK : previous;
  }

  /** The last line if it is a head after those that are known; null if it is another line. */
  private byte @Nullable [] lastHead(long position) throws IOException {
    Path path = position > 0 ? file : JournalFiles.numbered(file, 1);
    if (!Files.isRegularFile(path)) {
      return null;
    }
    try (FileChannel in = FileChannel.open(path, StandardOpenOption.READ)) {
      long end = LastLine.end(in, position > 0 ? position : in.size());
      long begin = end == 0 ? 0 : LastLine.end(in, end - 1);
      if (end - begin > MAX_LINE) {
        return null;
      }
      byte[] line = read(in, begin, end);
      if (!JournalHead.isHead(line, 0, line.length)
          || RecordSequence.of(line, 0, line.length) <= covered) {
        return null;
      }
      earlierFile = path;
      earlierEnd = end;
      return line;
    }
  }

  /**
   * Records are in the current file that are to be covered.
   *
   * @param from number of the first one
   * @param lines with their newlines
   */
  void wrote(long from, long records, byte[] lines, int length) {
    if (uncovered == 0) {
      atNanos = System.nanoTime() + EVERY.toNanos();
    }
    first = first == 0 ? from : first;
    digest.update(lines, 0, length);
    uncovered = uncovered + records;
    uncoveredBytes += length;
    if (!failed && (uncovered >= MAX_RECORDS || uncoveredBytes >= MAX_BYTES)) {
      atNanos = System.nanoTime();
    }
  }

  /**
   * Makes the next head. Whatever fails, what is to be covered stays so.
   *
   * @param sequence its number
   * @param line takes the line, and stays empty without one
   * @return null when there is nothing to cover, or no key to sign by, or it cannot be made now
   */
  @Nullable JournalHead next(long sequence, long epochMillis, JsonLine line) {
    Supplier<List<HeadSigner>> by = signers;
    if (by == null || first == 0) {
      return null;
    }
    // If it cannot be made, there is a next time.
    atNanos = System.nanoTime() + EVERY.toNanos();
    failed = true;
    try {
      JournalHead made = null;
      for (HeadSigner each : by.get()) {
        made = made == null ? make(sequence, epochMillis, each) : made;
      }
      failed = made == null;
      if (made != null) {
        line.head(made);
      }
      return made;
    } catch (Throwable e) {
      failed = true;
      line.clear();
      // Also an Error: the records are in the file, and are not lost with their head.
      log.warn("no head for audit journal {}: {}", file, e.toString());
      return null;
    }
  }

  private @Nullable JournalHead make(long sequence, long epochMillis, HeadSigner by)
      throws IOException, CloneNotSupportedException {
    JournalId id = JournalId.read(file);
    if (id == null) {
      throw new IOException("it has no id");
    }
    MessageDigest now = (MessageDigest) digest.clone();
    JournalHead head =
        new JournalHead(
            sequence,
            epochMillis,
            id.id(),
            first,
            JournalHead.hex(now.digest()),
            earlier == null ? previous : JournalHead.BREAK,
            "",
            "",
            List.of());
    HeadSigner.Signed signed = by.sign(head.statement());
    byte[] last = earlier;
    if (signed != null && last != null) {
      boolean goesOn = isAccepted(last, by);
      if (goesOn) {
        head = head.after(JournalHead.hash(last));
        signed = by.sign(head.statement());
      } else {
        log.warn("audit journal {}: its last head is not by this workload", file);
      }
      if (signed != null) {
        previous = head.previous();
        earlier = null;
      }
    }
    if (signed == null) {
      return null;
    }
    head = head.signedBy(signed, true);
    return hasCertificate(head.certificate()) ? head.signedBy(signed, false) : head;
  }

  private boolean isAccepted(byte[] line, HeadSigner by) throws IOException {
    JournalHead head = JournalHead.parse(line);
    if (head == null) {
      return false;
    }
    try {
      List<byte[]> chain = certificates(head).stream().map(Base64.getDecoder()::decode).toList();
      return !chain.isEmpty()
          && JournalHead.hash(chain.getFirst()).equals(head.certificate())
          && by.accepts(
              head.statement(),
              Base64.getDecoder().decode(head.signature()),
              chain,
              Instant.ofEpochMilli(head.epochMillis()));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** The certificates of an earlier head, which are in the same file; none if they are not. */
  private List<String> certificates(JournalHead head) throws IOException {
    if (!head.certificates().isEmpty()) {
      return head.certificates();
    }
    List<String> found = List.of();
    try (FileChannel in = FileChannel.open(earlierFile, StandardOpenOption.READ)) {
      byte[] bytes = read(in, Math.max(0, earlierEnd - WINDOW), earlierEnd);
      int end;
      for (int line = 0; line < bytes.length && found.isEmpty(); line = end) {
        end = endOfLine(bytes, line);
        if (JournalHead.isHead(bytes, line, end) && end - line <= MAX_LINE) {
          JournalHead other = JournalHead.parse(Arrays.copyOfRange(bytes, line, end));
          if (other != null && other.certificate().equals(head.certificate())) {
            found = other.certificates();
          }
        }
      }
    }
    return found;
  }

  /** Whether the current file has the certificate in a head that this process has written. */
  private boolean hasCertificate(String fingerprint) throws IOException {
    return certificate.equals(fingerprint)
        && Files.exists(file)
        && Objects.equals(key, JournalFiles.key(file));
  }

  /** A head is in the current file. */
  void wrote(JournalHead head) {
    uncovered = 0;
    uncoveredBytes = 0;
    first = 0;
    digest = JournalHead.newSha256();
    previous = JournalHead.hash(head.line());
    covered = head.sequence();
    certificate = head.certificate();
    try {
      key = JournalFiles.key(file);
    } catch (IOException e) {
      // Then the next head has it, too.
      key = null;
    }
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
