package io.signetmesh.proxy.metrics.registry;

import java.util.concurrent.atomic.LongAdder;

/** A number that only grows. Any thread may count; counting allocates nothing. */
public final class Counter extends Cell {
  private final LongAdder value = new LongAdder();

  Counter() {}

  /** Counts one. */
  public void increment() {
    value.increment();
  }

  /** Counts {@code amount}, 0 or more. */
  public void add(long amount) {
    value.add(amount);
  }

  /** The value now. */
  public long value() {
    return value.sum();
  }

  @Override
  long fingerprint() {
    return value.sum();
  }

  @Override
  boolean mayIdle() {
    return true;
  }
}
