package io.signetmesh.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.HeadSigner;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.audit.JournalHead;
import io.signetmesh.audit.verify.JournalFinding.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

final class JournalVerifierTest {
  private static final KeyPair KEY = key();
  private static final byte[] CERTIFICATE = KEY.getPublic().getEncoded();
  private static final HeadCheck CHECK =
      (statement, signature, certificates, time) -> {
        try {
          Signature check = Signature.getInstance("Ed25519");
          check.initVerify(KEY.getPublic());
          check.update(statement);
          return Arrays.equals(certificates.getFirst(), CERTIFICATE) && check.verify(signature)
              ? null
              : "wrong signature";
        } catch (GeneralSecurityException e) {
          return e.toString();
        }
      };
  private static final HeadSigner SIGNER =
      new HeadSigner() {
        @Override
        public Signed sign(byte[] statement) {
          try {
            Signature signature = Signature.getInstance("Ed25519");
            signature.initSign(KEY.getPrivate());
            signature.update(statement);
            return new Signed(signature.sign(), List.of(CERTIFICATE));
          } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
          }
        }

        @Override
        public boolean accepts(
            byte[] statement, byte[] signature, List<byte[]> certificates, Instant time) {
          return CHECK.fault(statement, signature, certificates, time) == null;
        }
      };

  private static Path dir = Path.of("");

  /** The files of a journal that was opened four times and rotated, oldest first. */
  private static final List<Path> FILES = new ArrayList<>();

  private static final List<byte[]> LINES = new ArrayList<>();
  private static long last;

  private static KeyPair key() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  @BeforeContainer
  static void write() throws Exception {
    dir = Files.createTempDirectory("verify");
    Path file = dir.resolve("a.jsonl");
    for (int i = 0; i < 4; i++) {
      JournalConfig config = new JournalConfig(file, 16_384, i == 1 ? 1 : 1 << 20, 9, false);
      try (Journal journal = Journal.open(config, InstantSource.system())) {
        journal.signHeads(SIGNER);
        for (int record = 0; record < 5; record++) {
          journal.record(
              new AdministrativeEvent(0, "bundle-changed", "identity", "é" + record, Map.of()));
        }
      }
    }
    for (int number = 9; number >= 0; number--) {
      Path path = number == 0 ? file : dir.resolve("a.jsonl." + number);
      if (Files.exists(path)) {
        FILES.add(path);
        LINES.addAll(lines(Files.readAllBytes(path)));
      }
    }
    last = report(FILES).last();
  }

  @AfterContainer
  static void remove() throws IOException {
    try (Stream<Path> files = Files.list(dir)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(dir);
  }

  private static List<byte[]> lines(byte[] text) {
    List<byte[]> lines = new ArrayList<>();
    int begin = 0;
    for (int i = 0; i < text.length; i++) {
      if (text[i] == '\n') {
        lines.add(Arrays.copyOfRange(text, begin, i + 1));
        begin = i + 1;
      }
    }
    return lines;
  }

  private static JournalReport report(List<Path> files) throws IOException {
    return JournalVerifier.verify(files, last, CHECK);
  }

  private static JournalReport report(byte[] text) throws IOException {
    Path changed = Files.write(dir.resolve("changed"), text);
    return report(List.of(changed));
  }

  private static byte[] join(List<byte[]> lines) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    lines.forEach(all::writeBytes);
    return all.toByteArray();
  }

  /** What is wrong, where the files end with a record that a head covers. */
  private static boolean isFound(JournalReport report) {
    return !report.isGood() || report.uncovered() > 0;
  }

  @Example
  void whatAJournalWritesIsIntact() throws Exception {
    JournalReport report = report(FILES);

    assertThat(report.findings()).isEmpty();
    assertThat(report.uncovered()).isZero();
    assertThat(report.first()).isEqualTo(1);
    assertThat(report.from()).isEqualTo(1);
    assertThat(report.heads()).isGreaterThanOrEqualTo(4);
    assertThat(report(join(LINES)).isIntact()).isTrue();
  }

  @Property(tries = 400)
  void eachChangedByteIsFound(@ForAll Random random) throws Exception {
    byte[] text = join(LINES);
    int at = random.nextInt(text.length);
    byte[] changed = text.clone();
    do {
      changed[at] = (byte) random.nextInt(256);
    } while (changed[at] == text[at]);

    assertThat(isFound(report(changed))).as("byte %d: %s", at, new String(changed, UTF_8)).isTrue();
  }

  /** Decoders of Base64 ignore the last bits, and padding that is missing. */
  @Example
  void anotherTextOfTheSameSignatureIsFound() throws Exception {
    String text = new String(join(LINES), UTF_8);
    int from = text.lastIndexOf("\"signature\":\"") + 13;
    int end = text.indexOf('"', from);
    String signature = text.substring(from, end);
    assertThat(signature).endsWith("=");
    String bare = signature.replace("=", "");
    char last = bare.charAt(bare.length() - 1);
    String other =
        bare.substring(0, bare.length() - 1)
            + (char) (last + 1)
            + signature.substring(bare.length());
    assertThat(Base64.getDecoder().decode(other)).isEqualTo(Base64.getDecoder().decode(signature));

    for (String same : List.of(other, bare)) {
      byte[] changed = (text.substring(0, from) + same + text.substring(end)).getBytes(UTF_8);
      assertThat(isFound(report(changed))).as(same).isTrue();
    }
  }

  /** The last head is in no other one, and its certificate is in another one. */
  @Example
  void anotherCertificateInAHeadIsFound() throws Exception {
    String text = new String(join(LINES), UTF_8);
    int at = text.lastIndexOf("\"certificates\":[\"") + 17 + 12;
    char other = text.charAt(at) == 'A' ? 'B' : 'A';
    byte[] changed = (text.substring(0, at) + other + text.substring(at + 1)).getBytes(UTF_8);

    assertThat(text.indexOf("\"certificates\":[\"")).isLessThan(at - 29);
    assertThat(isFound(report(changed))).isTrue();
  }

  @Property(tries = 100)
  void eachRemovedLineIsFoundAndNamed(@ForAll Random random) throws Exception {
    List<byte[]> lines = new ArrayList<>(LINES);
    // Without the first one: the files before could have been rotated away.
    int removed = 1 + random.nextInt(lines.size() - 2);
    lines.remove(removed);
    JournalReport report = report(join(lines));

    assertThat(report.findings())
        .anyMatch(
            finding ->
                finding.kind() == Kind.MISSING
                    && finding.from() == removed + 1
                    && finding.to() == removed + 1);
  }

  @Property(tries = 100)
  void removedLinesAndTheirHeadsAreFound(@ForAll Random random) throws Exception {
    int from = 1 + random.nextInt(LINES.size() - 2);
    int to = from + 1 + random.nextInt(LINES.size() - 1 - from);
    List<byte[]> lines = new ArrayList<>(LINES);
    lines.subList(from, to).clear();

    long first = from + 1;
    long end = to;
    assertThat(report(join(lines)).findings())
        .anyMatch(
            finding ->
                finding.kind() == Kind.MISSING && finding.from() == first && finding.to() == end);
  }

  @Property(tries = 100)
  void swappedLinesAreFound(@ForAll Random random) throws Exception {
    List<byte[]> lines = new ArrayList<>(LINES);
    int one = random.nextInt(lines.size());
    int other = random.nextInt(lines.size());
    if (one == other) {
      return;
    }
    Collections.swap(lines, one, other);

    assertThat(report(join(lines)).findings())
        .anyMatch(finding -> finding.kind() == Kind.REORDERED || finding.kind() == Kind.MISSING);
  }

  @Property(tries = 100)
  void insertedLinesAreFound(@ForAll Random random) throws Exception {
    List<byte[]> lines = new ArrayList<>(LINES);
    int from = random.nextInt(lines.size());
    lines.add(random.nextInt(lines.size()), lines.get(from));

    assertThat(isFound(report(join(lines)))).isTrue();
  }

  @Property(tries = 200)
  void eachTruncationIsFoundWhereTheLastRecordIsKnown(@ForAll Random random) throws Exception {
    byte[] text = join(LINES);
    int length = random.nextInt(text.length);
    JournalReport report = report(Arrays.copyOf(text, length));

    assertThat(report.findings()).anyMatch(finding -> finding.kind() == Kind.CUT);
    assertThat(report.findings())
        .anyMatch(finding -> finding.kind() == Kind.CUT && finding.to() == last);
  }

  /** Who can write the files, and has no key, can make a hash and no head. */
  @Example
  void aHeadThatIsMadeForChangedRecordsIsNotSigned() throws Exception {
    List<byte[]> lines = new ArrayList<>(LINES);
    int at = 0;
    while (!JournalHead.isHead(lines.get(at), 0, lines.get(at).length)) {
      at++;
    }
    JournalHead head = Objects.requireNonNull(JournalHead.parse(lines.get(at)));
    lines.set(
        at,
        new JournalHead(
                head.sequence(),
                head.epochMillis() + 1,
                head.journal(),
                head.first(),
                head.sha256(),
                head.previous(),
                head.certificate(),
                head.signature(),
                head.certificates())
            .line());

    assertThat(report(join(lines)).findings())
        .anyMatch(finding -> finding.kind() == Kind.SIGNATURE && finding.from() == head.sequence());
  }

  private static byte[] invented(long sequence, Instant time) {
    String text = "{\"sequence\":%d,\"time\":\"%s\",\"gap\":{\"lost\":1}}\n";
    String millis = time.toString().substring(0, 19) + ".000Z";
    return text.formatted(sequence, millis).getBytes(UTF_8);
  }

  private static JournalReport unknownLast(List<byte[]> lines) throws IOException {
    Path changed = Files.write(dir.resolve("changed"), join(lines));
    return JournalVerifier.verify(List.of(changed), 0, CHECK);
  }

  /** A head whose beginning is not there covers none of the lines that are. */
  @Example
  void inventedLinesBeforeAGenuineHeadAreNotProven() throws Exception {
    byte[] line = LINES.getLast();
    JournalHead head = Objects.requireNonNull(JournalHead.parse(line));
    assertThat(head.first()).isLessThan(head.sequence() - 1);
    byte[] invented = invented(head.sequence() - 1, Instant.ofEpochMilli(head.epochMillis()));
    JournalReport report = unknownLast(List.of(invented, line));

    assertThat(report.isProven()).isFalse();
    assertThat(report.isGood()).isFalse();
  }

  @Example
  void inventedLinesBehindTheLastHeadAreATailOfSecondsAtMost() throws Exception {
    JournalHead head = Objects.requireNonNull(JournalHead.parse(LINES.getLast()));
    Instant at = Instant.ofEpochMilli(head.epochMillis());
    List<byte[]> lines = new ArrayList<>(LINES);
    lines.add(invented(last + 1, at.plusSeconds(3)));
    JournalReport report = unknownLast(lines);
    assertThat(report.isGood()).isTrue();
    assertThat(report.covered()).isEqualTo(last);

    lines.add(invented(last + 2, at.plusSeconds(3_600)));
    assertThat(unknownLast(lines).findings())
        .singleElement()
        .matches(
            finding ->
                finding.kind() == Kind.UNCOVERED
                    && finding.from() == last + 1
                    && finding.to() == last + 2);
  }

  @Example
  void aTailOfMoreRecordsThanAHeadLeavesIsFound() throws Exception {
    JournalHead head = Objects.requireNonNull(JournalHead.parse(LINES.getLast()));
    Instant at = Instant.ofEpochMilli(head.epochMillis());
    List<byte[]> lines = new ArrayList<>(LINES);
    for (int i = 1; i <= JournalHead.MAX_RECORDS; i++) {
      lines.add(invented(last + i, at));
    }
    assertThat(unknownLast(lines).isGood()).isTrue();
    lines.add(invented(last + JournalHead.MAX_RECORDS + 1, at));

    assertThat(unknownLast(lines).findings())
        .singleElement()
        .matches(finding -> finding.kind() == Kind.UNCOVERED);
  }

  private static byte[] signed(long sequence, long first, byte[] covers, String previous, long at) {
    String id = "00112233445566778899aabbccddeeff";
    String sha256 = hash(covers);
    JournalHead bare =
        new JournalHead(sequence, at, id, first, sha256, previous, "", "", List.of());
    Base64.Encoder base64 = Base64.getEncoder();
    String signature =
        base64.encodeToString(Objects.requireNonNull(SIGNER.sign(bare.statement())).signature());
    List<String> chain = List.of(base64.encodeToString(CERTIFICATE));
    String certificate = hash(CERTIFICATE);
    return new JournalHead(sequence, at, id, first, sha256, previous, certificate, signature, chain)
        .line();
  }

  private static String hash(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  @Example
  void aChainThatBeginsAnewIsFound() throws Exception {
    Instant at = Instant.parse("2026-11-30T10:00:00Z");
    byte[] one = invented(1, at);
    byte[] head = signed(2, 1, one, "", at.toEpochMilli());
    byte[] three = invented(3, at);
    assertThat(unknownLast(List.of(one, head)).isGood()).isTrue();

    for (String previous : List.of("", JournalHead.BREAK)) {
      byte[] anew = signed(4, 3, three, previous, at.toEpochMilli());
      assertThat(unknownLast(List.of(one, head, three, anew)).findings())
          .singleElement()
          .matches(finding -> finding.kind() == Kind.BREAK);
      assertThat(unknownLast(List.of(three, anew)).findings())
          .singleElement()
          .matches(finding -> finding.kind() == Kind.BREAK && finding.to() == 2);
    }
  }

  @Example
  void aHeadThatIsOlderThanWhatItCoversIsFound() throws Exception {
    Instant at = Instant.parse("2026-11-30T10:00:00Z");
    byte[] one = invented(1, at);
    byte[] head = signed(2, 1, one, "", at.minusSeconds(90).toEpochMilli());

    assertThat(unknownLast(List.of(one, head)).findings())
        .singleElement()
        .matches(finding -> finding.kind() == Kind.TIME);
  }

  @Example
  void filesBeforeThatWereRotatedAwayAreNoFault() throws Exception {
    for (int from = 1; from < FILES.size(); from++) {
      JournalReport report = report(FILES.subList(from, FILES.size()));

      assertThat(report.findings()).isEmpty();
      assertThat(report.first()).isGreaterThan(1);
      assertThat(report.from()).isGreaterThanOrEqualTo(report.first());
    }
  }
}
