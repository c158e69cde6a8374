package io.signetmesh.proxy.metrics.registry;

/** The value of one label set. */
abstract sealed class Cell permits Counter, Gauge, Histogram {
  /** A number that differs after any update worth keeping the label set for. */
  abstract long fingerprint();

  /** Whether the label set may be forgotten once it has not changed for long. */
  abstract boolean mayIdle();
}
