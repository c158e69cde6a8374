package io.signetmesh.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
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

  /** Each attempt reads the journal back: without a key, it must not be made for each batch. */
  @Test
  void whatCannotBeSignedIsNotTriedForEachBatch() throws Exception {
    JournalChain chain = new JournalChain(directory.resolve("a.jsonl"), 1);
    Files.writeString(directory.resolve("a.jsonl"), "{\"sequence\":1,\"time\":\"x\"}\n");
    JournalId.random(1).write(directory.resolve("a.jsonl"));
    AtomicInteger asked = new AtomicInteger();
    chain.signBy(
        statement -> {
          asked.incrementAndGet();
          return null;
        });
    chain.wrote(JournalChain.MAX_RECORDS, 100);
    assertThat(chain.nanosToHead()).isZero();
    assertThat(chain.next(2, 0)).isNull();
    assertThat(asked).hasValue(1);

    chain.wrote(JournalChain.MAX_RECORDS, 100);

    assertThat(chain.nanosToHead()).isPositive();
  }
}
