package io.signetmesh.proxy.metrics.registry;

import java.util.concurrent.atomic.LongAdder;

/** A number that goes up and down. Safe from any thread. Changing it allocates nothing. */
public final class Gauge extends Cell {
  private final LongAdder value = new LongAdder();

  Gauge() {}

  /** Adds one. */
  public void increment() {
    value.increment();
  }

  /** Subtracts one. */
  public void decrement() {
    value.decrement();
  }

  /** Adds {@code amount}, which may be negative. */
  public void add(long amount) {
    value.add(amount);
  }

  /** Replaces the value. Not for gauges that several threads change at the same time. */
  public void set(long newValue) {
    value.add(newValue - value.sum());
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
    return value.sum() == 0;
  }
}
