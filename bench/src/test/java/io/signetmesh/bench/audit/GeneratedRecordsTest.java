package io.signetmesh.bench.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.EntryParser;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class GeneratedRecordsTest {
  private static final int SOME = 20_000;

  @Test
  void recordsAreThoseOfADay() throws Exception {
    GeneratedRecords records = new GeneratedRecords(SOME);
    Map<String, Integer> verdicts = new TreeMap<>();
    for (int i = 0; i < SOME; i++) {
      LogEntry.parse(records.entry(i));
      AuditEntry entry = EntryParser.parse(i, records.entry(i));
      assertThat(entry.timeOrReceived())
          .isBetween(GeneratedRecords.BEGIN, GeneratedRecords.BEGIN.plus(Duration.ofDays(1)));
      if (entry.event() instanceof Decision decision) {
        verdicts.merge(String.valueOf(decision.verdict()), 1, Integer::sum);
      }
    }
    assertThat(verdicts.get("deny")).isBetween(200, 400);
    assertThat(verdicts.get("allow")).isGreaterThan(SOME - 500);
  }

  @Test
  void theSameNumberMakesTheSameRecord() {
    assertThat(new GeneratedRecords(SOME).entry(777))
        .isEqualTo(new GeneratedRecords(SOME).entry(777));
    assertThat(new GeneratedRecords(SOME).entry(778))
        .isNotEqualTo(new GeneratedRecords(SOME).entry(777));
  }
}
