package io.signetmesh.proxy.inbound;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * The time that the look for HTTP takes. A change of policy may begin the look again, but does not
 * make it longer.
 */
final class DetectionTime {
  private final LongSupplier nanoTime;
  private final long begun;

  /**
   * Begins now.
   *
   * @param nanoTime clock, as {@link System#nanoTime}
   */
  DetectionTime(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.begun = nanoTime.getAsLong();
  }

  /** Nanoseconds since the beginning. */
  long spentNanos() {
    return nanoTime.getAsLong() - begun;
  }

  /** What is left of a timeout; zero when it is over. */
  Duration leftOf(Duration timeout) {
    Duration left = timeout.minus(Duration.ofNanos(spentNanos()));
    return left.isNegative() ? Duration.ZERO : left;
  }
}
