package io.signetmesh.proxy.http.exchange;

import java.util.function.LongSupplier;

/**
 * How much work without use is done for somebody: a token bucket, refilled by time and by work that
 * was of use. Confined to its loop.
 */
public final class WorkBudget {
  /** What a request costs that comes to nothing, and what one earns that is answered. */
  static final int REQUEST = 64;

  private static final long SECOND = 1_000_000_000;

  private final LongSupplier nanoTime;
  private final long capacity;
  private final long perSecond;
  private long balance;
  private long last;

  /**
   * @param nanoTime clock, ns
   * @param requests requests that may come to nothing at once
   * @param requestsPerSecond requests that may go on coming to nothing, per second
   */
  WorkBudget(LongSupplier nanoTime, int requests, int requestsPerSecond) {
    this.nanoTime = nanoTime;
    this.capacity = (long) requests * REQUEST;
    this.perSecond = (long) requestsPerSecond * REQUEST;
    this.balance = capacity;
    this.last = nanoTime.getAsLong();
  }

  /** Notes work without use; false: more than is allowed. */
  public boolean spend(long cost) {
    refill();
    balance = Math.max(-capacity, balance - cost);
    return balance >= 0;
  }

  /** Notes that a request was answered. */
  public void earn() {
    balance = Math.min(capacity, balance + REQUEST);
  }

  /** Work without use that is not made up for. */
  long spent() {
    refill();
    return capacity - balance;
  }

  private void refill() {
    long now = nanoTime.getAsLong();
    long passed = Math.min(now - last, 600 * SECOND);
    long more = passed * perSecond / SECOND;
    if (more > 0) {
      last = now;
      balance = Math.min(capacity, balance + more);
    }
  }
}
