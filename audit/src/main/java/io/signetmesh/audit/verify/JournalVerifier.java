package io.signetmesh.audit.verify;

import io.signetmesh.audit.JournalFiles;
import io.signetmesh.audit.JournalHead;
import io.signetmesh.audit.RecordSequence;
import io.signetmesh.audit.verify.JournalFinding.Kind;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Verifies the files of a journal by its heads, offline: what was removed, edited, moved or put in
 * between is found, and the records are named. What was cut off at the end together with its heads
 * is found only if it is known which record was the last one, as a collector knows it.
 *
 * <p>Between two heads, a change is located to the records that the second one covers, and exactly
 * to the record where its number shows it. Records before the first head that begins in the files
 * are not covered: the files before are rotated away.
 *
 * <p>Not thread-safe; for one use.
 */
public final class JournalVerifier {
  /** How much later than the last head a record may be that no head covers. */
  private static final Duration TAIL = Duration.ofSeconds(10);

  /** How far the times of records and heads may be set back. */
  private static final Duration SKEW = Duration.ofSeconds(60);

  /** Longest line that is read, in bytes. */
  private static final int MAX_LINE = 16 << 20;

  private final HeadCheck check;
  private final List<JournalFinding> findings = new ArrayList<>();
  private final Map<String, List<byte[]>> certificates = new HashMap<>();

  /** Numbers with which a head begins. */
  private final Set<Long> begins = new HashSet<>();

  private String name = "";
  private long lineNumber;
  private long first;
  private long last;
  private MessageDigest digest = sha256();

  /** Number of the first record that is in the digest; 0: none is. */
  private long digestFrom;

  /** Hash of the line of the last head; null: there was none. */
  private @Nullable String previous;

  private long heads;

  /** Time of the last head in milliseconds since the Unix epoch; that of records since it. */
  private long headMillis;

  private long newestMillis = Long.MIN_VALUE;
  private boolean timeless;

  /** Lines and bytes since the last head. */
  private long tailLines;

  private long tailBytes;
  private String journal = "";
  private long from;
  private long covered;

  private JournalVerifier(HeadCheck check) {
    this.check = check;
  }

  /**
   * Verifies a journal where it is.
   *
   * @param file the current file; those before it are beside it
   * @param known number of a record that is known to exist, such as the last one that a collector
   *     has; 0 for none
   * @throws IOException when a file cannot be read
   */
  public static JournalReport verifyJournal(Path file, int keptFiles, long known, HeadCheck check)
      throws IOException {
    List<Path> files = new ArrayList<>();
    for (int number = keptFiles; number >= 0; number--) {
      Path path = JournalFiles.numbered(file, number);
      if (Files.exists(path)) {
        files.add(path);
      }
    }
    return verify(files, known, check);
  }

  /**
   * Verifies files of a journal.
   *
   * @param files in the order in which they were written
   * @param known as above
   * @throws IOException when a file cannot be read
   */
  public static JournalReport verify(List<Path> files, long known, HeadCheck check)
      throws IOException {
    JournalVerifier verifier = new JournalVerifier(check);
    for (Path file : files) {
      verifier.read(file, verifier::look);
    }
    for (Path file : files) {
      verifier.read(file, verifier::line);
    }
    return verifier.report(known);
  }

  private JournalReport report(long known) {
    if (heads > 0 && !isTailOfHead()) {
      find(
          Kind.UNCOVERED,
          covered + 1,
          last,
          "expected a head: behind the last one are at most %d records, %d bytes and %d s"
              .formatted(JournalHead.MAX_RECORDS, JournalHead.MAX_BYTES, TAIL.toSeconds()));
    }
    if (known > last) {
      find(Kind.CUT, last + 1, known, "expected these after the last record, " + last);
    }
    return new JournalReport(first, last, heads, from, covered, findings);
  }

  /** Whether what is behind the last head may be there before the next one is written. */
  private boolean isTailOfHead() {
    return tailLines == 0
        || (tailLines <= JournalHead.MAX_RECORDS
            && tailBytes <= JournalHead.MAX_BYTES
            && !timeless
            && newestMillis <= headMillis + TAIL.toMillis());
  }

  /** Takes a line, with its newline if it has one. */
  @FunctionalInterface
  private interface Lines {
    void take(byte[] line);
  }

  private void read(Path file, Lines lines) throws IOException {
    name = String.valueOf(file.getFileName());
    lineNumber = 0;
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      for (int one = in.read(); one >= 0; one = in.read()) {
        line.write(one);
        if (one == '\n') {
          lineNumber++;
          lines.take(line.toByteArray());
          line.reset();
        } else if (line.size() > MAX_LINE) {
          throw new IOException(file + " has a line of more than " + MAX_LINE + " bytes");
        }
      }
    }
    if (line.size() > 0) {
      lineNumber++;
      lines.take(line.toByteArray());
    }
  }

  /** First pass: what the heads say. */
  private void look(byte[] line) {
    JournalHead head = head(line);
    if (head == null) {
      return;
    }
    begins.add(head.first());
    if (!head.certificates().isEmpty()) {
      try {
        List<byte[]> chain = head.certificates().stream().map(JournalVerifier::decode).toList();
        certificates.putIfAbsent(hash(chain.getFirst()), chain);
      } catch (IllegalArgumentException e) {
        // The head will lack it.
      }
    }
  }

  private static @Nullable JournalHead head(byte[] line) {
    return JournalHead.isHead(line, 0, line.length) ? JournalHead.parse(line) : null;
  }

  /** Second pass. */
  private void line(byte[] line) {
    if (line[line.length - 1] != '\n') {
      find(Kind.CUT, last + 1, last + 1, "the line does not end");
    }
    long sequence = RecordSequence.of(line, 0, line.length);
    if (sequence < 1) {
      find(Kind.UNREADABLE, 0, 0, "expected a line that begins with {\"sequence\":N,");
      update(line);
      return;
    }
    follow(sequence);
    if (begins.contains(sequence) && sequence > covered) {
      digest = sha256();
      digestFrom = sequence;
    }
    boolean marked = JournalHead.isHead(line, 0, line.length);
    JournalHead head = marked ? JournalHead.parse(line) : null;
    if (marked && head == null) {
      find(Kind.FOREIGN_HEAD, sequence, sequence, "expected a head as journals write it");
    }
    if (head == null) {
      update(line);
    } else {
      take(head, line);
    }
  }

  private void update(byte[] line) {
    digest.update(line);
    tailLines++;
    tailBytes += line.length;
    try {
      newestMillis = Math.max(newestMillis, JournalHead.time(line).toEpochMilli());
    } catch (DateTimeException | ArithmeticException e) {
      timeless = true;
    }
  }

  private void follow(long sequence) {
    if (first == 0) {
      first = sequence;
    } else if (sequence > last + 1) {
      find(Kind.MISSING, last + 1, sequence - 1, "expected these before record " + sequence);
    } else if (sequence <= last) {
      find(Kind.REORDERED, sequence, sequence, "comes after record " + last);
    }
    last = Math.max(last, sequence);
  }

  private void take(JournalHead head, byte[] line) {
    long sequence = head.sequence();
    boolean begun = previous == null;
    boolean broken =
        head.previous().equals(JournalHead.BREAK)
            || (head.previous().isEmpty() && head.first() > 1);
    if (begun && !broken && !head.previous().isEmpty() && head.first() > first) {
      long named = head.first() - 1;
      find(
          Kind.FOREIGN_HEAD,
          named,
          named,
          "expected the head here that the one at " + sequence + " names");
    }
    if (broken) {
      find(
          Kind.BREAK,
          Math.max(1, Math.min(covered + 1, head.first() - 1)),
          Math.max(1, head.first() - 1),
          "the chain begins anew at record "
              + head.first()
              + ": records before it may be missing, or not be by who signs");
    } else if (!begun && !head.previous().equals(previous)) {
      find(
          Kind.FOREIGN_HEAD,
          sequence,
          sequence,
          head.previous().isEmpty()
              ? "the chain begins anew: records before it may be missing"
              : "expected that it names the head before it, and it names another one");
    }
    if (!begun && !broken && head.first() != covered + 1) {
      find(
          Kind.FOREIGN_HEAD,
          sequence,
          sequence,
          "expected that it begins with record " + (covered + 1) + ", not " + head.first());
    }
    if (head.first() < first && begun) {
      // Its beginning is rotated away, so that it proves nothing of the rest.
      from = sequence + 1;
    } else {
      from = from == 0 ? head.first() : from;
      String found = HexFormat.of().formatHex(digest.digest());
      if (digestFrom != head.first() || !found.equals(head.sha256())) {
        find(
            Kind.CHANGED,
            head.first(),
            sequence - 1,
            "the head at " + sequence + " states other records");
      }
    }
    follow(head);
    sign(head);
    heads++;
    previous = hash(line);
    covered = sequence;
    digest = sha256();
    digestFrom = sequence + 1;
  }

  /** Whether the head is of the same journal and later. */
  private void follow(JournalHead head) {
    long sequence = head.sequence();
    long before = Math.max(newestMillis, heads == 0 ? Long.MIN_VALUE : headMillis);
    if (before > head.epochMillis() + SKEW.toMillis()) {
      find(
          Kind.TIME,
          sequence,
          sequence,
          "its time is before %s, which is that of a record before it"
              .formatted(Instant.ofEpochMilli(before)));
    }
    if (heads > 0 && !journal.equals(head.journal()) && !head.previous().equals(previous)) {
      find(
          Kind.FOREIGN_HEAD,
          sequence,
          sequence,
          "expected one of journal %s, not of %s".formatted(journal, head.journal()));
    }
    journal = head.journal();
    headMillis = head.epochMillis();
    newestMillis = Long.MIN_VALUE;
    timeless = false;
    tailLines = 0;
    tailBytes = 0;
  }

  private void sign(JournalHead head) {
    List<byte[]> chain = certificates.get(head.certificate());
    String fault;
    if (chain == null) {
      fault = "its certificate " + head.certificate() + " is in no file";
    } else {
      try {
        byte[] signature = decode(head.signature());
        expectCertificates(head, chain);
        Instant time = Instant.ofEpochMilli(head.epochMillis());
        fault = check.fault(head.statement(), signature, chain, time);
      } catch (IllegalArgumentException e) {
        fault = "its signature or a certificate is " + e.getMessage();
      }
    }
    if (fault != null) {
      find(Kind.SIGNATURE, head.sequence(), head.sequence(), fault);
    }
  }

  /**
   * A head that has certificates has those of its key, as other heads do: nothing else signs them.
   */
  private static void expectCertificates(JournalHead head, List<byte[]> chain) {
    List<String> own = head.certificates();
    if (own.isEmpty()) {
      return;
    }
    boolean same = own.size() == chain.size();
    for (int i = 0; same && i < chain.size(); i++) {
      same = Arrays.equals(decode(own.get(i)), chain.get(i));
    }
    if (!same) {
      throw new IllegalArgumentException("not that of its key");
    }
  }

  /**
   * Decodes what a head has in Base64. No other text than the one that was written is taken: the
   * decoder ignores the last bits, and padding that is missing (RFC 4648 3.5).
   */
  private static byte[] decode(String text) {
    byte[] bytes = Base64.getDecoder().decode(text);
    if (!Base64.getEncoder().encodeToString(bytes).equals(text)) {
      throw new IllegalArgumentException("not the Base64 of what it decodes to");
    }
    return bytes;
  }

  private void find(Kind kind, long from, long to, String detail) {
    if (findings.size() < JournalReport.MAX_FINDINGS) {
      findings.add(new JournalFinding(kind, from, to, name, lineNumber, detail));
    }
  }

  private static String hash(byte[] bytes) {
    return HexFormat.of().formatHex(sha256().digest(bytes));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }
}
