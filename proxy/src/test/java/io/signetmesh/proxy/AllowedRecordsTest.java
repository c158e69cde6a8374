package io.signetmesh.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.audit.TrialVerdict;
import io.signetmesh.audit.Verdict;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is recorded of what is allowed. */
@Timeout(60)
final class AllowedRecordsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration WINDOW = Duration.ofMinutes(1);
  private static final InetSocketAddress TARGET =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 8080);

  @TempDir private Path directory;
  private final AtomicLong nanos = new AtomicLong();
  private final SeenAllows seen = new SeenAllows(WINDOW, 1 << 20, nanos::get);
  private Path file = Path.of("");

  @BeforeEach
  void nameFile() {
    file = directory.resolve("a.jsonl");
  }

  private static DecisionEvent decision(
      String client, String route, Verdict verdict, @Nullable TrialVerdict trial) {
    return new DecisionEvent(
        1_000,
        new AuditedConnection(
            "shop/web",
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 40_112),
            TARGET,
            client,
            "TLSv1.3",
            null),
        "policy.linkerd.io/server/web",
        route,
        "http/2",
        "GET",
        "/secret/path",
        verdict,
        verdict == Verdict.ALLOW ? "authorized" : "identity-mismatch",
        null,
        null,
        null,
        7,
        DecisionMode.ENFORCE,
        trial,
        null,
        List.of(),
        1,
        false);
  }

  private static DecisionEvent allowed(String client, String route) {
    return decision(client, route, Verdict.ALLOW, null);
  }

  private Journal journal(boolean blocking) throws IOException {
    JournalConfig config = new JournalConfig(file, 1 << 16, 1 << 28, 1, false);
    return Journal.open(blocking ? config.thatBlocks() : config, InstantSource.system());
  }

  private List<JsonNode> written() throws IOException {
    List<JsonNode> all = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      all.add(JSON.readTree(line).path("decision"));
    }
    return all;
  }

  private static long decisions(List<JsonNode> records) {
    return records.stream().mapToLong(each -> each.path("count").asLong(1)).sum();
  }

  @Test
  void theFirstOfAKindIsRecordedAndASummarySaysHowManyMoreThereWere() throws Exception {
    try (Journal journal = journal(false)) {
      AllowedRecords records = new AllowedRecords(journal, 1, seen);
      for (int i = 0; i < 5; i++) {
        assertThat(records.admit(allowed("frontend", "routes/orders"))).isTrue();
      }
      records.record(allowed("frontend", "routes/other"));
      records.record(allowed("backend", "routes/orders"));
      seen.sumUp(journal::offer);
      nanos.addAndGet(WINDOW.toNanos());
      seen.sumUp(journal::offer);
      records.record(allowed("frontend", "routes/orders"));
      records.close();
    }

    List<JsonNode> found = written();
    assertThat(found).hasSize(5);
    JsonNode summary = found.get(3);
    assertThat(summary.path("count").asLong()).isEqualTo(4);
    assertThat(summary.path("client_identity").asText()).isEqualTo("frontend");
    assertThat(summary.path("route").asText()).isEqualTo("routes/orders");
    assertThat(summary.path("verdict").asText()).isEqualTo("allow");
    assertThat(summary.has("path")).isFalse();
    assertThat(summary.has("method")).isFalse();
    assertThat(found.get(4).has("count")).isFalse();
    assertThat(decisions(found)).isEqualTo(8);
    assertThat(seen.bytes()).isZero();
  }

  @Test
  void denialsAndWouldBeDenialsAreAlwaysRecorded() throws Exception {
    TrialVerdict denied = new TrialVerdict(Verdict.DENY, "denied-by-policy", null, null, null);
    try (Journal journal = journal(false)) {
      AllowedRecords first = new AllowedRecords(journal, 1, seen);
      AllowedRecords sampled = new AllowedRecords(journal, 1_000_000, null);
      for (int i = 0; i < 10; i++) {
        for (AllowedRecords records : List.of(first, sampled)) {
          records.record(decision("intruder", "r", Verdict.DENY, null));
          assertThat(records.admit(decision("frontend", "r", Verdict.ALLOW, denied))).isTrue();
        }
      }
      first.close();
    }

    assertThat(written()).hasSize(40).noneMatch(each -> each.has("count"));
  }

  @Test
  void aSampleSaysThatItStandsForSeveral() throws Exception {
    try (Journal journal = journal(false)) {
      AllowedRecords records = new AllowedRecords(journal, 10, null);
      for (int i = 0; i < 20_000; i++) {
        records.record(allowed("frontend", "r"));
      }
      records.close();
    }

    List<JsonNode> found = written();
    assertThat(found).allMatch(each -> each.path("sampled").asBoolean());
    // 2000 are expected, with a standard deviation of 42.
    assertThat(decisions(found)).isBetween(15_000L, 25_000L);
  }

  /** Whoever makes up kinds gets records, not memory. */
  @Test
  void whatThereIsNoMemoryForIsRecorded() throws Exception {
    SeenAllows small = new SeenAllows(WINDOW, 10_000, nanos::get);
    try (Journal journal = journal(false)) {
      AllowedRecords records = new AllowedRecords(journal, 1, small);
      for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1_000; i++) {
          records.record(allowed("client" + i, "r"));
        }
        assertThat(small.bytes()).isBetween(1L, 10_000L);
      }
      records.close();
    }

    List<JsonNode> found = written();
    assertThat(found).hasSizeGreaterThan(1_980);
    assertThat(decisions(found)).isEqualTo(2_000);
  }

  @Test
  void manyThreadsLoseNoCount() throws Exception {
    int threads = 4;
    int each = 20_000;
    try (Journal journal = journal(false);
        ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      AllowedRecords records = new AllowedRecords(journal, 1, seen);
      List<Future<?>> all = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        all.add(
            pool.submit(
                () -> {
                  for (int i = 0; i < each; i++) {
                    records.record(allowed("client" + i % 3, "r"));
                    if (i % 100 == 0) {
                      nanos.addAndGet(WINDOW.toNanos() / 2);
                      seen.sumUp(journal::offer);
                    }
                  }
                }));
      }
      for (Future<?> one : all) {
        one.get();
      }
      records.close();
      assertThat(journal.lost()).isZero();
    }

    assertThat(decisions(written())).isEqualTo((long) threads * each);
  }

  @Test
  void aSummaryThatCannotBeTakenIsGivenAgain() {
    seen.count(allowed("frontend", "r"));
    seen.count(allowed("frontend", "r"));
    nanos.addAndGet(WINDOW.toNanos());
    seen.sumUp(summary -> false);
    seen.count(allowed("frontend", "r"));

    List<DecisionEvent> taken = new ArrayList<>();
    seen.sumUp(taken::add);

    assertThat(taken).hasSize(1);
    assertThat(taken.getFirst().count()).isEqualTo(2);
  }

  /** What is only counted is refused as well when nothing can be recorded. */
  @Test
  void aJournalThatBlocksRefusesAlsoWhatNeedsNoRecord() throws Exception {
    Journal journal = journal(true);
    AllowedRecords records = new AllowedRecords(journal, 1, seen);
    assertThat(records.admit(allowed("frontend", "r"))).isTrue();
    assertThat(records.admit(allowed("frontend", "r"))).isTrue();
    journal.close();

    assertThat(records.admit(allowed("frontend", "r"))).isFalse();
    assertThat(records.admit(allowed("backend", "r"))).isFalse();
    assertThat(journal.refused()).isEqualTo(2);
  }

  @Test
  void roomThatIsNotNeededIsGivenBack() throws Exception {
    JournalConfig config = new JournalConfig(file, 4, 1 << 28, 1, false).thatBlocks();
    try (Journal journal = Journal.open(config, InstantSource.system())) {
      AllowedRecords records = new AllowedRecords(journal, 1, seen);
      for (int i = 0; i < 100; i++) {
        assertThat(records.reserve()).isTrue();
        records.recordReserved(allowed("frontend", "r"));
      }
      records.close();
    }

    assertThat(decisions(written())).isEqualTo(100);
  }
}
