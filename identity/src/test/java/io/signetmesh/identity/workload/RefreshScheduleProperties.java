package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

class RefreshScheduleProperties {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final Duration DAY = Duration.ofHours(24);

  @Property
  void certificateOfMoreThanAFewSecondsIsReplacedBeforeItsEnd(
      @ForAll @LongRange(min = 2_000, max = 30L * 86_400_000) long leftMillis,
      @ForAll @DoubleRange(max = 1, maxIncluded = false) double random) {
    Duration left = Duration.ofMillis(leftMillis);

    Duration wait = schedule(random).untilRefresh(NOW, NOW.plus(left));

    assertThat(wait).isPositive().isLessThanOrEqualTo(left.multipliedBy(9).dividedBy(10));
    assertThat(wait).isLessThanOrEqualTo(DAY);
  }

  @Property
  void waitIsAboutSevenTenthsOfTheTimeLeft(
      @ForAll @LongRange(min = 60, max = 86_400) long leftSeconds,
      @ForAll @DoubleRange(max = 1, maxIncluded = false) double random) {
    Duration left = Duration.ofSeconds(leftSeconds);

    Duration wait = schedule(random).untilRefresh(NOW, NOW.plus(left));

    assertThat(wait.toMillis() / (double) left.toMillis()).isBetween(0.669, 0.731);
  }

  @Property
  void certificateThatIsPastIsAskedForOnceASecond(
      @ForAll @LongRange(min = 0, max = 86_400) long past,
      @ForAll @DoubleRange(max = 1, maxIncluded = false) double random) {
    assertThat(schedule(random).untilRefresh(NOW, NOW.minusSeconds(past)))
        .isEqualTo(Duration.ofSeconds(1));
  }

  @Property
  void retriesGrowUpToTheShortestWaitAndNeverOverflow(
      @ForAll @IntRange(min = 1) int failures,
      @ForAll @DoubleRange(max = 1, maxIncluded = false) double random) {
    Duration wait = schedule(random).untilRetry(failures);

    assertThat(wait).isBetween(Duration.ofMillis(160), Duration.ofSeconds(10));
    if (failures > 6) {
      assertThat(wait).isGreaterThanOrEqualTo(Duration.ofSeconds(8));
    }
  }

  private static RefreshSchedule schedule(double random) {
    return new RefreshSchedule(Duration.ofSeconds(10), DAY, () -> random);
  }
}
