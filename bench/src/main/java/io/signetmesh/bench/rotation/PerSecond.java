package io.signetmesh.bench.rotation;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;

/**
 * Events of a time by the second, counted from its beginning.
 *
 * @param events events in it
 * @param mean events a second
 * @param peak events of the second with the most of them
 */
record PerSecond(long events, double mean, long peak) {
  /** A second of a random spread has more with a probability below one in a million. */
  private static final double DEVIATIONS = 5;

  /** A server that pauses for a second answers what has come meanwhile in the next. */
  private static final double PAUSE = 2;

  /** The events from a time on and before another; others are left out. */
  static PerSecond of(Collection<Instant> events, Instant from, Instant to) {
    long millis = Math.max(1, Duration.between(from, to).toMillis());
    long[] seconds = new long[(int) ((millis + 999) / 1_000)];
    long all = 0;
    long peak = 0;
    for (Instant event : events) {
      if (!event.isBefore(from) && event.isBefore(to)) {
        int second = (int) Math.min(seconds.length - 1L, Duration.between(from, event).toSeconds());
        peak = Math.max(peak, ++seconds[second]);
        all++;
      }
    }
    return new PerSecond(all, all * 1_000.0 / millis, peak);
  }

  /**
   * Most requests that a second may have when so many proxies renew at random times of a window:
   * twice their share of it, or with few proxies what chance makes of it.
   */
  static double ceiling(int proxies, int windowSeconds) {
    double share = (double) proxies / windowSeconds;
    return Math.max(PAUSE * share, share + DEVIATIONS * Math.sqrt(share) + 1);
  }
}
