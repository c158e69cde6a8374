package io.signetmesh.rego;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class WatchdogTest {
  @Test
  void endsPoliciesWhateverElseFails() {
    AtomicInteger failures = new AtomicInteger();
    Watchdog watchdog =
        new Watchdog(
            0,
            now -> {
              failures.incrementAndGet();
              throw new OutOfMemoryError("no heap");
            });
    long begun = System.nanoTime();
    while (failures.get() == 0 && System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(20)) {
      Thread.onSpinWait();
    }
    assertThat(failures.get()).isPositive();
    begun = System.nanoTime();
    Watchdog.Run run = watchdog.begin(TimeUnit.MILLISECONDS.toNanos(1));
    while (!Thread.currentThread().isInterrupted()
        && System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(20)) {
      Thread.onSpinWait();
    }
    assertThat(watchdog.end(run)).isTrue();
  }
}
