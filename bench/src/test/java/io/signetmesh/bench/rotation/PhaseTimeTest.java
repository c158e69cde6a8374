package io.signetmesh.bench.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.testkit.MeshRotations.Stretch;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class PhaseTimeTest {
  private static final Instant BEGIN = Instant.parse("2026-11-29T12:00:00Z");

  @Test
  void aPhaseEndsWithTheNextAndTheLastHasNoEnd() {
    List<PhaseTime> times =
        PhaseTime.of(
            List.of(
                new Stretch("RENEW", BEGIN),
                new Stretch("RETIRE", BEGIN.plusMillis(1_250)),
                new Stretch("DONE", BEGIN.plusSeconds(4))));

    assertThat(times).extracting(PhaseTime::label).containsExactly("Renew", "Retire");
    assertThat(times).extracting(PhaseTime::seconds).containsExactly(1.25, 2.75);
  }
}
