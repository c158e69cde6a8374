package io.signetmesh.proxy.upstream;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Exponential backoff of one stream: 100 ms to 10 s, up to half as much again of jitter. */
final class Retry {
  private static final long MIN_MILLIS = 100;
  private static final long MAX_MILLIS = 10_000;

  private final ScheduledExecutorService scheduler;
  private final AtomicInteger failures = new AtomicInteger();

  Retry(ScheduledExecutorService scheduler) {
    this.scheduler = scheduler;
  }

  void succeeded() {
    failures.set(0);
  }

  void schedule(Runnable again) {
    try {
      var unused = scheduler.schedule(again, nextDelayMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The proxy is stopping.
      failures.set(0);
    }
  }

  /** The delay after one failure more. */
  long nextDelayMillis() {
    int before = failures.getAndUpdate(count -> Math.min(count + 1, 10));
    long backoff = Math.min(MAX_MILLIS, MIN_MILLIS << before);
    return backoff + ThreadLocalRandom.current().nextLong(backoff / 2 + 1);
  }
}
