package io.signetmesh.proxy.upstream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class EndpointLoadTest {
  private static final long MILLI = 1_000_000;
  private static final double DECAY = 10_000d * MILLI;

  private final EndpointLoad load = new EndpointLoad(30d * MILLI, DECAY, 0);

  private double millis(long now) {
    return load.load(now) / MILLI;
  }

  @Test
  void startsAtTheDefaultAndMultipliesByWhatIsUnderWay() {
    assertThat(millis(0)).isEqualTo(30);
    load.started();
    load.started();
    assertThat(millis(0)).isEqualTo(90);
    load.ended();
    assertThat(millis(0)).isEqualTo(60);
  }

  @Test
  void jumpsToAPeakAndForgetsItSlowly() {
    load.sample(200 * MILLI, 0);
    assertThat(millis(0)).isEqualTo(200);

    load.sample(10 * MILLI, 1_000 * MILLI);
    double weight = Math.exp(-0.1);
    assertThat(millis(1_000 * MILLI)).isCloseTo(200 * weight + 10 * (1 - weight), within(0.01));
  }

  @Test
  void fadesWhileNothingIsHeard() {
    assertThat(millis(10_000 * MILLI)).isCloseTo(30 / Math.E, within(0.01));
  }

  @Test
  void restsLongerWithEachFailureInARow() {
    long now = 0;
    long[] rests = new long[14];
    for (int i = 0; i < rests.length; i++) {
      load.failed(now);
      long until = load.readyAt(now);
      rests[i] = (until - now) / MILLI;
      now = until;
      assertThat(load.tryUse(now)).isTrue();
    }

    assertThat(rests)
        .containsExactly(
            100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000, 60_000,
            60_000);
  }

  @Test
  void takesABurstOfFailuresForOne() {
    for (int i = 0; i < 100; i++) {
      load.failed(i * 1_000L);
    }

    assertThat(load.readyAt(0)).isEqualTo(100 * MILLI);
  }

  @Test
  void letsOneTryAndThenAllWhenNoFailureIsHeard() {
    load.failed(0);
    long rested = 100 * MILLI;

    assertThat(load.tryUse(rested - 1)).isFalse();
    assertThat(load.isReady(rested)).isTrue();
    assertThat(load.tryUse(rested)).isTrue();
    assertThat(load.isReady(rested)).isFalse();
    assertThat(load.tryUse(rested)).isFalse();
    assertThat(load.readyAt(rested)).isEqualTo(rested + EndpointLoad.TRIAL_NANOS);
    assertThat(load.tryUse(rested + EndpointLoad.TRIAL_NANOS)).isTrue();
    assertThat(load.tryUse(rested + EndpointLoad.TRIAL_NANOS)).isTrue();
  }

  @Test
  void forgetsFailuresWithAnAnswer() {
    load.failed(0);
    load.tryUse(100 * MILLI);
    load.failed(100 * MILLI);

    assertThat(load.sample(MILLI, 150 * MILLI)).isTrue();
    assertThat(load.sample(MILLI, 151 * MILLI)).isFalse();
    assertThat(load.isReady(151 * MILLI)).isTrue();
    load.failed(200 * MILLI);
    assertThat(load.readyAt(200 * MILLI)).isEqualTo(300 * MILLI);
  }
}
