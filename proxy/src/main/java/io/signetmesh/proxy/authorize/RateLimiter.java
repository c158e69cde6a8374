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

  private final ResourceRef ref;
  private final LongSupplier nanos;
  private final @Nullable Bucket total;
  private final long perIdentity;
  private final Map<String, Bucket> overrides;
  private final Map<String, Bucket> identities = new ConcurrentHashMap<>();
  private final @Nullable Bucket anonymous;

  /** Which limit was exhausted. */
  enum Scope {
    /** The limit of all clients. */
    TOTAL,
    /** The limit of an identity, or of those that an override names. */
    IDENTITY
  }

  /**
   * @param ref the policy that states the limits
   * @param total requests per second of all clients, 0: unlimited
   * @param perIdentity requests per second of each identity, 0: unlimited
   * @param overrides buckets by identity; identities of one override share theirs
   */
  RateLimiter(
      ResourceRef ref,
      LongSupplier nanos,
      long total,
      long perIdentity,
      Map<String, Bucket> overrides) {
    this.ref = ref;
    this.nanos = nanos;
    this.total = total == 0 ? null : new Bucket(total);
    this.perIdentity = perIdentity;
    this.overrides = Map.copyOf(overrides);
    this.anonymous = perIdentity == 0 ? null : new Bucket(perIdentity);
  }

  ResourceRef ref() {
    return ref;
  }

  /** Takes what one request takes; null when it may pass, else the limit that is exhausted. */
  @Nullable Scope take(@Nullable String identity) {
    long now = nanos.getAsLong();
    Bucket all = total;
    if (all != null && !all.take(now)) {
      return Scope.TOTAL;
    }
    Bucket own = bucket(identity);
    return own == null || own.take(now) ? null : Scope.IDENTITY;
  }

  private @Nullable Bucket bucket(@Nullable String identity) {
    if (identity == null) {
      return anonymous;
    }
    Bucket override = overrides.get(identity);
    if (override != null) {
      return override;
    }
    if (perIdentity == 0) {
      return null;
    }
    Bucket own = identities.get(identity);
    return own == null ? identities.computeIfAbsent(identity, key -> new Bucket(perIdentity)) : own;
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
