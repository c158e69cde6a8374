package io.signetmesh.proxy.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RetryTest {
  private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
  private final Retry retry = new Retry(scheduler);

  @AfterEach
  void stop() {
    scheduler.shutdownNow();
  }

  @Test
  void doublesFromATenthOfASecondToTenSecondsWithJitter() {
    for (long expected : new long[] {100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000}) {
      assertThat(retry.nextDelayMillis()).isBetween(expected, expected * 3 / 2);
    }
    for (int i = 0; i < 100; i++) {
      assertThat(retry.nextDelayMillis()).isBetween(10_000L, 15_000L);
    }
  }

  @Test
  void startsAgainAfterASuccess() {
    retry.nextDelayMillis();
    retry.nextDelayMillis();

    retry.succeeded();

    assertThat(retry.nextDelayMillis()).isBetween(100L, 150L);
  }

  @Test
  void runsTheTaskAfterTheDelay() throws Exception {
    CountDownLatch ran = new CountDownLatch(1);
    long started = System.nanoTime();

    retry.schedule(ran::countDown);

    assertThat(ran.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(System.nanoTime() - started).isGreaterThanOrEqualTo(100_000_000);
  }

  @Test
  void doesNothingOnceTheSchedulerHasStopped() {
    scheduler.shutdownNow();

    retry.schedule(() -> {});

    assertThat(retry.nextDelayMillis()).isBetween(100L, 150L);
  }
}
