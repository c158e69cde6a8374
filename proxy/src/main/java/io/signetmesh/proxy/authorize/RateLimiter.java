package io.signetmesh.proxy.authorize;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Local rate limits by GCRA with a burst of one second's requests: the total first, then the
 * override of the client's identity or else the limit per identity; clients without identity share
 * one bucket (linkerd-control-plane reference 2.11).
 */
final class RateLimiter {
  private static final long SECOND = 1_000_000_000L;

  private final LongSupplier nanos;
  private final @Nullable Bucket total;
  private final long perIdentity;
  private final Map<String, Bucket> overrides;
  private final Map<String, Bucket> identities = new ConcurrentHashMap<>();
  private final @Nullable Bucket anonymous;

  /**
   * @param total requests per second of all clients, 0: unlimited
   * @param perIdentity requests per second of each identity, 0: unlimited
   * @param overrides buckets by identity; identities of one override share theirs
   */
  RateLimiter(LongSupplier nanos, long total, long perIdentity, Map<String, Bucket> overrides) {
    this.nanos = nanos;
    this.total = total == 0 ? null : new Bucket(total);
    this.perIdentity = perIdentity;
    this.overrides = Map.copyOf(overrides);
    this.anonymous = perIdentity == 0 ? null : new Bucket(perIdentity);
  }

  boolean take(@Nullable String identity) {
    long now = nanos.getAsLong();
    Bucket all = total;
    if (all != null && !all.take(now)) {
      return false;
    }
    Bucket override = identity == null ? null : overrides.get(identity);
    if (override != null) {
      return override.take(now);
    }
    if (perIdentity == 0) {
      return true;
    }
    Bucket own = identity == null ? anonymous : identities.get(identity);
    if (own == null && identity != null) {
      own = identities.computeIfAbsent(identity, key -> new Bucket(perIdentity));
    }
    return own == null || own.take(now);
  }

  /** One GCRA bucket: the theoretical arrival time of the next request. */
  static final class Bucket {
    private final long interval;
    private final AtomicLong arrival = new AtomicLong(Long.MIN_VALUE);

    Bucket(long requestsPerSecond) {
      this.interval = SECOND / requestsPerSecond;
    }

    boolean take(long now) {
      while (true) {
        long seen = arrival.get();
        long from = seen == Long.MIN_VALUE || seen - now < 0 ? now : seen;
        long next = from + interval;
        if (next - now > SECOND) {
          return false;
        }
        if (arrival.compareAndSet(seen, next)) {
          return true;
        }
      }
    }
  }
}
