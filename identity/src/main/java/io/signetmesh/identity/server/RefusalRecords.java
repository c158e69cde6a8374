package io.signetmesh.identity.server;

import java.time.InstantSource;

/**
 * Which refusals go on record one by one: {@link #BURST} at once, then one a second. Those between
 * are counted, and the number goes on record with the next. So a client that needs nothing to be
 * refused cannot fill the journal. Thread-safe.
 */
final class RefusalRecords {
  static final int BURST = 100;
  private static final long MILLIS_PER_RECORD = 1_000;

  private final InstantSource clock;
  private long fullAtMillis = Long.MIN_VALUE;
  private long leftOut;

  RefusalRecords(InstantSource clock) {
    this.clock = clock;
  }

  /**
   * A refusal happened.
   *
   * @return how many were left out before it; negative when it is left out as well
   */
  synchronized long admit() {
    long now = clock.millis();
    long from = Math.max(now, fullAtMillis);
    if (from - now > (BURST - 1) * MILLIS_PER_RECORD) {
      leftOut++;
      return -1;
    }
    fullAtMillis = from + MILLIS_PER_RECORD;
    long told = leftOut;
    leftOut = 0;
    return told;
  }
}
