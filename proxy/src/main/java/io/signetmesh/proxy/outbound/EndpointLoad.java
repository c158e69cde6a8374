package io.signetmesh.proxy.outbound;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Load of one endpoint: a peak-sensitive moving average of latency times the requests under way. A
 * sample above the average replaces it at once, one below lets it decay (mesh-proxy reference 4.5).
 * Updates from several loops may overwrite one another; the estimate stays an estimate.
 */
final class EndpointLoad {
  private static final long MIN_BACKOFF_NANOS = 100_000_000L;
  private static final long MAX_BACKOFF_NANOS = 60_000_000_000L;

  private final double decayNanos;
  private final AtomicInteger pending = new AtomicInteger();
  private volatile double rtt;
  private volatile long updatedAt;
  private volatile long retryAt;
  private volatile int failures;

  EndpointLoad(double defaultRttNanos, double decayNanos, long now) {
    this.decayNanos = decayNanos;
    this.rtt = defaultRttNanos;
    this.updatedAt = now;
  }

  double load(long now) {
    double age = Math.max(0, now - updatedAt);
    return rtt * Math.exp(-age / decayNanos) * (pending.get() + 1);
  }

  void started() {
    pending.incrementAndGet();
  }

  void ended() {
    pending.decrementAndGet();
  }

  void sample(long nanos, long now) {
    double age = Math.max(0, now - updatedAt);
    double weight = Math.exp(-age / decayNanos);
    double decayed = rtt * weight;
    rtt = nanos > decayed ? nanos : decayed + nanos * (1 - weight);
    updatedAt = now;
    failures = 0;
  }

  /** A connection could not be made: the endpoint is left alone for a while, longer each time. */
  void failed(long now) {
    int count = Math.min(failures, 20);
    failures = count + 1;
    retryAt = now + Math.min(MAX_BACKOFF_NANOS, MIN_BACKOFF_NANOS << Math.min(count, 9));
  }

  boolean isReady(long now) {
    return failures == 0 || now - retryAt >= 0;
  }
}
