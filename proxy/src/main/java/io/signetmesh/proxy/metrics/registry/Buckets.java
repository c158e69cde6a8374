package io.signetmesh.proxy.metrics.registry;

/** Upper bounds of a histogram of durations, which are observed in nanoseconds. */
public final class Buckets {
  /** Bounds of {@code response_latency_ms}. */
  public static final Buckets LATENCY_MS =
      new Buckets(
          1e6, 1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000,
          5000, 10_000, 20_000, 30_000, 40_000, 50_000);

  private final double nanosPerUnit;
  private final double[] bounds;
  private final long[] nanos;

  /**
   * @param nanosPerUnit nanoseconds in one unit of the bounds
   * @param bounds inclusive upper bounds, growing, without the infinite one
   */
  Buckets(double nanosPerUnit, double... bounds) {
    this.nanosPerUnit = nanosPerUnit;
    this.bounds = bounds;
    nanos = new long[bounds.length];
    for (int i = 0; i < bounds.length; i++) {
      nanos[i] = Math.round(bounds[i] * nanosPerUnit);
    }
  }

  /**
   * Buckets in seconds.
   *
   * @param bounds upper bounds, ascending
   */
  public static Buckets seconds(double... bounds) {
    return new Buckets(1e9, bounds);
  }

  int size() {
    return bounds.length;
  }

  double bound(int index) {
    return bounds[index];
  }

  double inUnit(long value) {
    return value / nanosPerUnit;
  }

  /** Index of the first bucket whose bound is not below {@code value}. */
  int indexOf(long value) {
    // Most latencies are short, so counting up from the lowest bound beats a binary search.
    int index = 0;
    while (index < nanos.length && value > nanos[index]) {
      index++;
    }
    return index;
  }
}
