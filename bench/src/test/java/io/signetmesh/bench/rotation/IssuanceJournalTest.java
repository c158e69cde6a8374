package io.signetmesh.bench.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IssuanceJournalTest {
  @Test
  void certificatesIssuedAreReadFromAJournal(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("control-plane.jsonl");
    try (Journal journal = Journal.open(JournalConfig.of(file), Clock.systemUTC())) {
      journal.record(event(1_000, "certificate-issued"));
      journal.record(event(1_500, "certificate-refused"));
      journal.record(event(2_001, "certificate-issued"));
    }

    assertThat(IssuanceJournal.times(file))
        .containsExactly(Instant.ofEpochMilli(1_000), Instant.ofEpochMilli(2_001));
  }

  private static AdministrativeEvent event(long millis, String act) {
    return new AdministrativeEvent(millis, act, "identity", "app", Map.of("reason", "issued"));
  }
}
