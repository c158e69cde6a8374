package io.signetmesh.audit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.parse("2026-11-21T10:15:30.045Z"));

  @TempDir Path dir;

  @Test
  void writesOneObjectPerRecordWithConsecutiveSequenceNumbers() throws Exception {
    Path file = dir.resolve("a.jsonl");
    try (Journal journal = Journal.open(JournalConfig.of(file), CLOCK)) {
      journal.record(decision("/a\"b\\c\u0001ü€😀\ud800"));
      journal.record(
          new AdministrativeEvent(0, "certificate-issued", "identity", "web", Map.of("n", "1")));
    }
    List<JsonNode> records = read(file);
    assertThat(records).hasSize(2);
    JsonNode first = records.get(0);
    assertThat(first.get("sequence").asLong()).isEqualTo(1);
    assertThat(first.get("time").asText()).isEqualTo("2026-11-21T10:15:30.045Z");
    assertThat(first.at("/decision/path").asText()).isEqualTo("/a\"b\\c\u0001ü€😀\ufffd");
    assertThat(first.at("/decision/client_address").asText()).isEqualTo("[0:0:0:0:0:0:0:1]:4711");
    assertThat(first.at("/decision/verdict").asText()).isEqualTo("deny");
    assertThat(first.at("/decision").has("tls_group")).isFalse();
    assertThat(records.get(1).at("/administrative/attributes/n").asText()).isEqualTo("1");
  }

  @Test
  void fileIsPrivate() throws Exception {
    Path file = dir.resolve("sub/a.jsonl");
    Journal.open(JournalConfig.of(file), CLOCK).close();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file.getParent())))
        .isEqualTo("rwx------");
  }

  @Test
  void sequenceGoesOnAfterRestartAndTornLineIsCutAndStated() throws Exception {
    Path file = dir.resolve("a.jsonl");
    try (Journal journal = Journal.open(JournalConfig.of(file), CLOCK)) {
      journal.record(decision("/1"));
      journal.record(decision("/2"));
    }
    Files.writeString(file, "{\"sequence\":3,\"ti", StandardOpenOption.APPEND);
    try (Journal journal = Journal.open(JournalConfig.of(file), CLOCK)) {
      journal.record(decision("/3"));
    }
    List<JsonNode> records = read(file);
    assertThat(records.stream().map(r -> r.get("sequence").asLong()))
        .containsExactly(1L, 2L, 3L, 4L);
    assertThat(records.stream().filter(r -> r.has("gap")).map(r -> r.at("/gap/lost").asLong()))
        .containsExactly(1L);
  }

  @Test
  void rotatesBySizeAndKeepsTheSequence() throws Exception {
    Path file = dir.resolve("a.jsonl");
    for (int i = 0; i < 3; i++) {
      try (Journal journal = Journal.open(new JournalConfig(file, 16, 1, 2, false), CLOCK)) {
        journal.record(decision("/" + i));
      }
    }
    assertThat(read(dir.resolve("a.jsonl.1")).get(0).get("sequence").asLong()).isEqualTo(3);
    assertThat(read(dir.resolve("a.jsonl.2")).get(0).get("sequence").asLong()).isEqualTo(2);
    assertThat(dir.resolve("a.jsonl.3")).doesNotExist();
  }

  @Test
  void twoWritersOfOneFileMakeOneSequenceAlsoOverRotation() throws Exception {
    Path file = dir.resolve("a.jsonl");
    int each = 2_000;
    JournalConfig config = new JournalConfig(file, 8_192, 64 * 1024, 1_000, false);
    try (Journal first = Journal.open(config, CLOCK);
        Journal second = Journal.open(config, CLOCK)) {
      List<Thread> producers = new ArrayList<>();
      for (Journal journal : List.of(first, second)) {
        producers.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (int i = 0; i < each; i++) {
                        journal.record(decision("/" + i));
                        if (i % 100 == 0) {
                          Thread.yield();
                        }
                      }
                    }));
      }
      for (Thread producer : producers) {
        producer.join();
      }
    }
    List<JsonNode> records = new ArrayList<>();
    int rotated = 0;
    while (Files.exists(dir.resolve("a.jsonl." + (rotated + 1)))) {
      rotated++;
    }
    for (int i = rotated; i > 0; i--) {
      records.addAll(read(dir.resolve("a.jsonl." + i)));
    }
    if (Files.exists(file)) {
      records.addAll(read(file));
    }
    assertThat(rotated).isPositive();
    assertThat(records).hasSize(2 * each);
    for (int i = 0; i < records.size(); i++) {
      assertThat(records.get(i).get("sequence").asLong()).isEqualTo(i + 1);
    }
  }

  @Test
  void aLockThatWasRemovedIsMadeAnewBeforeTheNextRecord() throws Exception {
    Path file = dir.resolve("a.jsonl");
    Path lock = dir.resolve("a.jsonl.lock");
    try (Journal journal = Journal.open(JournalConfig.of(file), CLOCK)) {
      Files.delete(lock);
      journal.record(decision("/1"));
      while (journal.written() < 1) {
        Thread.onSpinWait();
      }
      assertThat(lock).exists();
      // By its own name for it, the process has the lock that another one opens now.
      Path alias = Files.createSymbolicLink(dir.resolve("alias"), dir).resolve("a.jsonl");
      try (Journal other = Journal.open(JournalConfig.of(alias), CLOCK)) {
        other.record(decision("/2"));
        journal.record(decision("/3"));
        while (journal.written() < 2 || other.written() < 1) {
          Thread.onSpinWait();
        }
      }
    }
    assertThat(read(file))
        .extracting(line -> line.get("sequence").asLong())
        .containsExactly(1L, 2L, 3L);
  }

  @Test
  void aWriterGoesOnAfterWhatAnotherHasWrittenAndCutsWhatAnotherHasTorn() throws Exception {
    Path file = dir.resolve("a.jsonl");
    try (Journal first = Journal.open(JournalConfig.of(file), CLOCK)) {
      first.record(decision("/1"));
      while (first.written() < 1) {
        Thread.onSpinWait();
      }
      try (Journal second = Journal.open(JournalConfig.of(file), CLOCK)) {
        second.record(decision("/2"));
      }
      Files.writeString(file, "{\"sequence\":3,\"ti", StandardOpenOption.APPEND);
      first.record(decision("/3"));
    }
    List<JsonNode> records = read(file);
    assertThat(records.stream().map(r -> r.get("sequence").asLong()))
        .containsExactly(1L, 2L, 3L, 4L);
    assertThat(records.stream().map(r -> r.has("gap")))
        .containsExactlyInAnyOrder(false, false, true, false);
  }

  @Test
  void diskErrorsAreCountedAndTheGapIsStatedWithoutHolesInTheSequence() throws Exception {
    Path file = dir.resolve("a.jsonl");
    AtomicBoolean broken = new AtomicBoolean(true);
    CountDownLatch failed = new CountDownLatch(1);
    JournalWriter.Opener opener =
        path -> {
          if (broken.get()) {
            failed.countDown();
            throw new IOException("No space left on device");
          }
          return FileChannel.open(path, StandardOpenOption.WRITE);
        };
    try (Journal journal = Journal.open(JournalConfig.of(file), CLOCK, opener)) {
      journal.record(decision("/lost"));
      failed.await();
      broken.set(false);
      long deadline = System.nanoTime() + 10_000_000_000L;
      while (journal.written() == 0 && System.nanoTime() < deadline) {
        journal.record(decision("/x"));
        Thread.onSpinWait();
      }
      assertThat(journal.writeErrors()).isPositive();
    }
    List<JsonNode> records = read(file);
    for (int i = 0; i < records.size(); i++) {
      assertThat(records.get(i).get("sequence").asLong()).isEqualTo(i + 1);
    }
    assertThat(records.getFirst().at("/gap/lost").asLong()).isPositive();
  }

  @Test
  void everyRecordOfManyProducersIsWrittenOrCounted() throws Exception {
    Path file = dir.resolve("a.jsonl");
    int producers = 8;
    int each = 5_000;
    Journal journal = Journal.open(new JournalConfig(file, 64, 1 << 30, 1, false), CLOCK);
    List<Thread> threads = new ArrayList<>();
    for (int p = 0; p < producers; p++) {
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = 0; i < each; i++) {
                      journal.record(decision("/x"));
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    journal.close();
    long written = 0;
    long stated = 0;
    for (JsonNode record : read(file)) {
      if (record.has("gap")) {
        stated += record.at("/gap/lost").asLong();
      } else {
        written++;
      }
    }
    assertThat(written + stated).isEqualTo((long) producers * each);
    assertThat(written).isEqualTo(journal.written());
    assertThat(stated).isEqualTo(journal.lost());
  }

  @Property(tries = 300)
  void anyTextSurvivesEncoding(@ForAll String path) throws Exception {
    JsonLine line = new JsonLine();
    line.decision(1, decision(path));
    JsonNode node = JSON.readTree(line.array(), 0, line.length());
    String expected = new String(path.getBytes(StandardCharsets.UTF_16), StandardCharsets.UTF_16);
    assertThat(node.at("/decision/path").asText()).isEqualTo(expected);
  }

  @Test
  void aVerdictThatIsOnlyTriedStandsBesideTheOneThatCounts() throws Exception {
    DecisionEvent enforced = decision("/");
    DecisionEvent tried =
        new DecisionEvent(
            enforced.epochMillis(),
            enforced.connection(),
            enforced.server(),
            enforced.protocol(),
            enforced.method(),
            enforced.path(),
            Verdict.ALLOW,
            "audited",
            "default/audit",
            null,
            null,
            7,
            DecisionMode.AUDIT,
            new TrialVerdict(
                Verdict.DENY, "identity-mismatch", "web", "identity", "wants " + "x".repeat(9000)));
    JsonLine line = new JsonLine();
    line.decision(1, enforced);
    JsonNode plain = JSON.readTree(line.array(), 0, line.length());
    assertThat(plain.at("/decision/mode").asText()).isEqualTo("enforce");
    assertThat(plain.at("/decision/trial").isMissingNode()).isTrue();

    line.clear();
    line.decision(2, tried);
    JsonNode node = JSON.readTree(line.array(), 0, line.length());
    assertThat(node.at("/decision/verdict").asText()).isEqualTo("allow");
    assertThat(node.at("/decision/mode").asText()).isEqualTo("audit");
    assertThat(node.at("/decision/trial/verdict").asText()).isEqualTo("deny");
    assertThat(node.at("/decision/trial/reason").asText()).isEqualTo("identity-mismatch");
    assertThat(node.at("/decision/trial/authorization").asText()).isEqualTo("web");
    assertThat(node.at("/decision/trial/failed_attribute").asText()).isEqualTo("identity");
    assertThat(node.at("/decision/trial/detail").asText()).startsWith("wants x").hasSize(2049);
    assertThat(node.at("/decision/policy_generation").asLong()).isEqualTo(7);
  }

  @Test
  void whatATerminalActsOnIsEscaped() throws Exception {
    String hostile = "/\u001b[2J\u009b2J\u2028\u202e\u200b\u00ad" + Character.toString(0xe0041);
    JsonLine line = new JsonLine();
    line.decision(1, decision(hostile + "\u00e9"));
    String text = new String(line.array(), 0, line.length(), StandardCharsets.UTF_8);
    assertThat(text).contains("\u00e9");
    assertThat(text.strip().codePoints())
        .noneMatch(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT);
    assertThat(JSON.readTree(text).at("/decision/path").asText()).isEqualTo(hostile + "\u00e9");
  }

  private static DecisionEvent decision(String path) {
    return new DecisionEvent(
        CLOCK.millis(),
        new AuditedConnection(
            "shop/web",
            new InetSocketAddress("::1", 4711),
            new InetSocketAddress("127.0.0.1", 80),
            null,
            null,
            null),
        "policy.linkerd.io/server/web",
        "http/1",
        "GET",
        path,
        Verdict.DENY,
        "identity-mismatch",
        null,
        "identity",
        null,
        7,
        DecisionMode.ENFORCE,
        null);
  }

  private static List<JsonNode> read(Path file) throws IOException {
    List<JsonNode> nodes = new ArrayList<>();
    for (String text : Files.readAllLines(file)) {
      nodes.add(JSON.readTree(text));
    }
    return nodes;
  }
}
