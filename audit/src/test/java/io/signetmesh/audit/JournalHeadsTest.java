package io.signetmesh.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who signs the heads of a file, and when. */
@Timeout(60)
final class JournalHeadsTest {
  @TempDir private Path directory;

  private static HeadSigner by(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
    return statement -> new HeadSigner.Signed(bytes, List.of(bytes));
  }

  private static String certificate(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
    return JournalHead.hex(JournalHead.newSha256().digest(bytes));
  }

  private static void record(Journal journal) {
    journal.record(new AdministrativeEvent(0, "bundle-changed", "identity", "x", Map.of()));
  }

  private static List<String> heads(Path file) throws IOException {
    return Files.readAllLines(file).stream().filter(line -> line.contains("\"head\":{")).toList();
  }

  /** A successor whose start fails is closed, and the journal before it goes on. */
  @Test
  void whoHasLeftTheFileSignsNoMore() throws Exception {
    Path file = directory.resolve("a.jsonl");
    try (JournalWriter writer = new JournalWriter()) {
      Journal first = writer.open(JournalConfig.of(file), "shop/web", InstantSource.system());
      first.signHeads(by("first"));
      Journal second = writer.open(JournalConfig.of(file), "shop/web", InstantSource.system());
      second.signHeads(by("second"));
      second.close();
      record(first);
      first.close();
    }

    assertThat(heads(file))
        .hasSize(1)
        .allSatisfy(head -> assertThat(head).contains(certificate("first")));
  }

  @Test
  void whoCannotSignYetLeavesItToTheOther() throws Exception {
    Path file = directory.resolve("a.jsonl");
    try (JournalWriter writer = new JournalWriter()) {
      Journal first = writer.open(JournalConfig.of(file), "shop/web", InstantSource.system());
      first.signHeads(by("first"));
      Journal second = writer.open(JournalConfig.of(file), "shop/web", InstantSource.system());
      second.signHeads(statement -> null);
      record(second);
      while (heads(file).isEmpty()) {
        Thread.onSpinWait();
      }
      second.close();
      first.close();
    }

    assertThat(heads(file).getFirst()).contains(certificate("first"));
  }

  /** Without a key, an attempt must not be made for each batch. */
  @Test
  void whatCannotBeSignedIsNotTriedForEachBatch() throws Exception {
    JournalChain chain = new JournalChain(directory.resolve("a.jsonl"));
    Files.writeString(directory.resolve("a.jsonl"), "{\"sequence\":1,\"time\":\"x\"}\n");
    JournalId.random(1).write(directory.resolve("a.jsonl"));
    AtomicInteger asked = new AtomicInteger();
    HeadSigner none =
        statement -> {
          asked.incrementAndGet();
          return null;
        };
    chain.signBy(() -> List.of(none));
    chain.wrote(1, JournalChain.MAX_RECORDS, new byte[100], 100);
    assertThat(chain.nanosToHead()).isZero();
    assertThat(chain.next(2, 0, new JsonLine())).isNull();
    assertThat(asked).hasValue(1);

    chain.wrote(4_097, JournalChain.MAX_RECORDS, new byte[100], 100);

    assertThat(chain.nanosToHead()).isPositive();
    assertThat(chain.uncovered()).isEqualTo(2 * JournalChain.MAX_RECORDS);
  }

  /** Signs, and takes what it has signed before. */
  private static HeadSigner web() {
    return new HeadSigner() {
      @Override
      public Signed sign(byte[] statement) {
        byte[] bytes = "web".getBytes(StandardCharsets.US_ASCII);
        return new Signed(JournalHead.newSha256().digest(statement), List.of(bytes));
      }

      @Override
      public boolean accepts(
          byte[] statement, byte[] signature, List<byte[]> certificates, Instant time) {
        return new String(certificates.getFirst(), StandardCharsets.US_ASCII).equals("web")
            && Arrays.equals(signature, JournalHead.newSha256().digest(statement));
      }
    };
  }

  private static void run(Path file, int records) throws IOException {
    try (Journal journal = Journal.open(JournalConfig.of(file), InstantSource.system())) {
      journal.signHeads(web());
      for (int i = 0; i < records; i++) {
        record(journal);
      }
    }
  }

  private static JournalHead lastHead(Path file) throws IOException {
    String line = heads(file).getLast() + "\n";
    return Objects.requireNonNull(JournalHead.parse(line.getBytes(StandardCharsets.UTF_8)));
  }

  private static String invented(long sequence) {
    return "{\"sequence\":" + sequence + ",\"time\":\"2026-11-30T10:00:00.000Z\",\"gap\":{}}\n";
  }

  private static void awaitHeads(Path file, int count) throws IOException {
    while (heads(file).size() < count) {
      Thread.onSpinWait();
    }
  }

  @Test
  void aChainGoesOnAfterAStartWhereTheLastLineIsAHeadOfTheWorkload() throws Exception {
    Path file = directory.resolve("a.jsonl");
    run(file, 2);
    String before = heads(file).getLast() + "\n";
    run(file, 1);

    assertThat(heads(file)).hasSize(2);
    assertThat(lastHead(file).previous())
        .isEqualTo(JournalHead.hash(before.getBytes(StandardCharsets.UTF_8)));
    assertThat(lastHead(file).first()).isEqualTo(4);
  }

  @Test
  void linesThatOthersAppendBetweenTwoStartsAreNotSigned() throws Exception {
    Path file = directory.resolve("a.jsonl");
    run(file, 2);
    Files.writeString(file, invented(4), StandardOpenOption.APPEND);
    run(file, 1);

    assertThat(lastHead(file).previous()).isEqualTo(JournalHead.BREAK);
    assertThat(lastHead(file).first()).isEqualTo(5);
  }

  @Test
  void aHeadThatSomebodyElseHasSignedIsNoneToGoOnAfter() throws Exception {
    Path file = directory.resolve("a.jsonl");
    run(file, 1);
    String signed = heads(file).getLast();
    String other = signed.replace(lastHead(file).signature(), "AAAA");
    Files.writeString(file, Files.readString(file).replace(signed, other));
    run(file, 1);

    assertThat(lastHead(file).previous()).isEqualTo(JournalHead.BREAK);
  }

  /** What is in the file is no reason to sign it. */
  @Test
  void linesThatOthersAppendWhileTheProcessRunsAreNotSigned() throws Exception {
    Path file = directory.resolve("a.jsonl");
    try (Journal journal = Journal.open(JournalConfig.of(file), InstantSource.system())) {
      journal.signHeads(web());
      record(journal);
      awaitHeads(file, 1);
      Files.writeString(file, invented(3), StandardOpenOption.APPEND);
      record(journal);
      awaitHeads(file, 2);

      assertThat(lastHead(file).previous()).isEqualTo(JournalHead.BREAK);
      assertThat(lastHead(file).first()).isEqualTo(4);
      assertThat(journal.uncovered()).isZero();
    }
  }

  @Test
  void anOlderStateThatIsPutBackIsABreak() throws Exception {
    Path file = directory.resolve("a.jsonl");
    try (Journal journal = Journal.open(JournalConfig.of(file), InstantSource.system())) {
      journal.signHeads(web());
      record(journal);
      awaitHeads(file, 1);
      byte[] older = Files.readAllBytes(file);
      record(journal);
      awaitHeads(file, 2);
      Files.write(file, older);
      record(journal);
      awaitHeads(file, 2);

      assertThat(lastHead(file).sequence()).isEqualTo(6);
      assertThat(lastHead(file).previous()).isEqualTo(JournalHead.BREAK);
      assertThat(lastHead(file).first()).isEqualTo(5);
    }
  }

  /** The verifier sees it: the head states what was written. */
  @Test
  void whatIsEditedBeforeItsHeadIsNotWhatTheHeadStates() throws Exception {
    Path file = directory.resolve("a.jsonl");
    AtomicBoolean ready = new AtomicBoolean();
    try (Journal journal = Journal.open(JournalConfig.of(file), InstantSource.system())) {
      journal.signHeads(statement -> ready.get() ? web().sign(statement) : null);
      record(journal);
      while (Files.size(file) == 0) {
        Thread.onSpinWait();
      }
      byte[] written = Files.readAllBytes(file);
      byte[] edited = written.clone();
      edited[edited.length - 10]++;
      Files.write(file, edited, StandardOpenOption.WRITE);
      ready.set(true);
      awaitHeads(file, 1);

      assertThat(lastHead(file).sha256()).isEqualTo(JournalHead.hash(written));
    }
  }

  @Test
  void anIdThatIsRemovedIsMadeAnewAndHeadsGoOn() throws Exception {
    Path file = directory.resolve("a.jsonl");
    try (Journal journal = Journal.open(JournalConfig.of(file), InstantSource.system())) {
      journal.signHeads(web());
      record(journal);
      awaitHeads(file, 1);
      Files.delete(directory.resolve("a.jsonl.id"));
      record(journal);
      awaitHeads(file, 2);

      JournalId id = Objects.requireNonNull(JournalId.read(file));
      assertThat(lastHead(file).journal()).isEqualTo(id.id());
      // What was not delivered yet is of the new journal.
      assertThat(id.first()).isEqualTo(1);
    }
  }

  @Test
  void anErrorWhileAHeadIsMadeLosesNoRecord() throws Exception {
    Path file = directory.resolve("a.jsonl");
    AtomicInteger errors = new AtomicInteger();
    Journal journal = Journal.open(JournalConfig.of(file), InstantSource.system());
    journal.signHeads(
        statement -> {
          errors.incrementAndGet();
          throw new OutOfMemoryError("test");
        });
    record(journal);
    while (errors.get() == 0) {
      Thread.onSpinWait();
    }
    record(journal);
    journal.close();

    assertThat(Files.readAllLines(file)).hasSize(2);
    assertThat(journal.lost()).isZero();
    assertThat(journal.writeErrors()).isZero();
    assertThat(journal.uncovered()).isEqualTo(2);
  }
}
