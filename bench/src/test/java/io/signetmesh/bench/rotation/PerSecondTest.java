package io.signetmesh.bench.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PerSecondTest {
  private static final Instant FROM = Instant.parse("2026-11-29T12:00:00.400Z");

  @Test
  void secondsCountFromTheBeginningAndTheLastMayBeShort() {
    PerSecond rate = PerSecond.of(at(0, 999, 1_000, 1_500, 1_999, 2_400), FROM, after(2_500));

    assertThat(rate.events()).isEqualTo(6);
    assertThat(rate.peak()).isEqualTo(3);
    assertThat(rate.mean()).isCloseTo(2.4, within(1e-9));
  }

  @Test
  void whatIsBeforeAndWhatIsAtTheEndOrLaterIsLeftOut() {
    PerSecond rate = PerSecond.of(at(-1, 0, 1_999, 2_000, 5_000), FROM, after(2_000));

    assertThat(rate).isEqualTo(new PerSecond(2, 1.0, 1));
  }

  @Test
  void nothingIsZeroAlsoInNoTime() {
    assertThat(PerSecond.of(List.of(), FROM, after(10_000))).isEqualTo(new PerSecond(0, 0, 0));
    assertThat(PerSecond.of(at(0), FROM, FROM)).isEqualTo(new PerSecond(0, 0, 0));
  }

  @Test
  void theCeilingIsTwiceTheShareOfASecondOrWhatChanceMakesOfAFew() {
    assertThat(PerSecond.ceiling(10_000, 100)).isEqualTo(200);
    assertThat(PerSecond.ceiling(40, 10)).isEqualTo(15);
  }

  private static List<Instant> at(long... millis) {
    List<Instant> times = new ArrayList<>();
    for (long each : millis) {
      times.add(after(each));
    }
    return times;
  }

  private static Instant after(long millis) {
    return FROM.plusMillis(millis);
  }
}
