package io.signetmesh.identity.server;

import java.time.InstantSource;

/**
 * Rate limit for audit records of refusals: {@link #BURST} at once, then one per second. Refusals
 * above the limit are counted, and the next record carries the count. So a client cannot fill the
 * audit log with refused calls. Thread-safe.
 */
public final class RefusalRecords {
  static final int BURST = 100;
  private static final long MILLIS_PER_RECORD = 1_000;

  private final InstantSource clock;
  private long fullAtMillis = Long.MIN_VALUE;
  private long leftOut;

  /** Creates a limit that has admitted nothing yet. */
  public RefusalRecords(InstantSource clock) {
    this.clock = clock;
  }

  /**
   * Counts a refusal.
   *
   * @return number of refusals without a record since the last record; negative when this one gets
   *     no record either
   */
  public synchronized long admit() {
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
