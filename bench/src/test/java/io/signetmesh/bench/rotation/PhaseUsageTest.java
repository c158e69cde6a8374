package io.signetmesh.bench.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class PhaseUsageTest {
  private static final Instant BEGIN = Instant.parse("2026-11-29T12:00:00Z");
  private static final List<Sample> SAMPLES =
      List.of(
          sample(0, 10, 200, 40, 0),
          sample(1_000, 11, 230, 90, 100),
          sample(2_000, 13, 220, 50, 300),
          sample(3_000, 13, 225, 60, 300));

  @Test
  void whatFallsBetweenSamplesIsDividedByTime() {
    PhaseUsage usage = PhaseUsage.of(SAMPLES, BEGIN.plusMillis(500), BEGIN.plusMillis(1_500));

    assertThat(usage.cpuSeconds()).isEqualTo(1.5);
    assertThat(usage.bundles()).isEqualTo(150);
    assertThat(usage.reports()).isEqualTo(300);
    assertThat(usage.certifies()).isEqualTo(450);
  }

  @Test
  void phasesInARowAddUpToTheWhole() {
    double parts = 0;
    for (int i = 0; i < 30; i++) {
      parts += cpu(i * 100, (i + 1) * 100);
    }

    assertThat(parts).isCloseTo(cpu(0, 3_000), org.assertj.core.api.Assertions.within(1e-9));
  }

  @Test
  void thePeakIsOfThePhaseAndOfTheSampleAfterIt() {
    assertThat(peaks(0, 500)).containsExactly(230.0, 90.0);
    assertThat(peaks(1_500, 1_600)).containsExactly(220.0, 50.0);
    assertThat(peaks(1_500, 2_500)).containsExactly(225.0, 60.0);
  }

  @Test
  void beyondTheSamplesNothingIsUsedAndTheLastMemoryCounts() {
    PhaseUsage usage = PhaseUsage.of(SAMPLES, BEGIN.plusMillis(4_000), BEGIN.plusMillis(9_000));

    assertThat(usage).isEqualTo(new PhaseUsage(0, 225, 60, 0, 0, 0));
  }

  private static double cpu(long from, long to) {
    return PhaseUsage.of(SAMPLES, BEGIN.plusMillis(from), BEGIN.plusMillis(to)).cpuSeconds();
  }

  private static List<Double> peaks(long from, long to) {
    PhaseUsage usage = PhaseUsage.of(SAMPLES, BEGIN.plusMillis(from), BEGIN.plusMillis(to));
    return List.of(usage.peakRssMegabytes(), usage.peakHeapMegabytes());
  }

  private static Sample sample(long millis, double cpu, double rss, double heap, double messages) {
    return new Sample(
        BEGIN.plusMillis(millis), cpu, rss, heap, messages, 2 * messages, 3 * messages);
  }
}
