package io.signetmesh.proxy.metrics.registry;

import java.util.concurrent.atomic.LongAdder;

/**
 * A distribution of durations over fixed buckets. Safe from any thread. Observing allocates
 * nothing.
 */
public final class Histogram extends Cell {
  private final Buckets buckets;
  private final LongAdder[] counts;
  private final LongAdder sum = new LongAdder();

  Histogram(Buckets buckets) {
    this.buckets = buckets;
    counts = new LongAdder[buckets.size() + 1];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = new LongAdder();
    }
  }

  /** Counts a duration in nanoseconds; a negative one (a clock that went back) counts as zero. */
  public void observe(long nanos) {
    long value = Math.max(0, nanos);
    counts[buckets.indexOf(value)].increment();
    sum.add(value);
  }

  Buckets buckets() {
    return buckets;
  }

  /** Observations in bucket {@code index} alone; the last one is {@code +Inf}. */
  long count(int index) {
    return counts[index].sum();
  }

  /** Sum of all observations in the unit of the buckets. */
  double sum() {
    return buckets.inUnit(sum.sum());
  }

  @Override
  long fingerprint() {
    long total = 0;
    for (LongAdder count : counts) {
      total += count.sum();
    }
    return total;
  }

  @Override
  boolean mayIdle() {
    return true;
  }
}
