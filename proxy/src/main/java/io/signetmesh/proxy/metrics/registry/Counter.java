package io.signetmesh.proxy.metrics.registry;

import java.util.concurrent.atomic.LongAdder;

/** A number that only grows. Safe from any thread. Counting allocates nothing. */
public final class Counter extends Cell {
  private final LongAdder value = new LongAdder();

  Counter() {}

  /** Adds one. */
  public void increment() {
    value.increment();
  }

  /** Adds {@code amount}, 0 or more. */
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
