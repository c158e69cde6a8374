package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.ResourceRef;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Local rate limits by GCRA with a burst of one second's requests: the total first, then the
 * override of the client's identity or else the limit per identity; clients without identity share
 * one bucket.
 *
 * <p>The numbers are immutable, the buckets are not: a limiter that follows another of the same
 * policy object goes on with its buckets, so that a change of policy gives nobody a new burst. A
 * bucket holds what share of a second's budget is spent, not how many requests: when a number
 * changes the share stays, and what is spent by requests still under way counts for both.
 */
final class RateLimiter {
  private static final long SECOND = 1_000_000_000L;

  /** Identities that have a bucket of their own at the same time. */
  static final int MAX_IDENTITIES = 10_000;

  private final ResourceRef ref;
  private final LongSupplier nanos;
  private final @Nullable Limit total;
  private final @Nullable Limit anonymous;
  private final @Nullable IdentityLimit identities;
  private final Map<Set<String>, Limit> overrides;
  private final Map<String, Limit> overridden;

  /** Which limit was exhausted. */
  enum Scope {
    /** The limit of all clients. */
    TOTAL,
    /** The limit of an identity, or of those that an override names. */
    IDENTITY
  }

  /**
   * What a policy object allows.
   *
   * @param total requests per second of all clients, 0: unlimited
   * @param perIdentity requests per second of each identity, 0: unlimited
   * @param overrides limits of named identities; the first that names one counts for it
   */
  record Rates(long total, long perIdentity, List<Override> overrides) {
    Rates {
      overrides = List.copyOf(overrides);
    }

    /**
     * A limit in place of that per identity.
     *
     * @param rate requests per second, at least 1
     * @param identities those that share it
     */
    record Override(long rate, Set<String> identities) {
      Override {
        identities = Set.copyOf(identities);
      }
    }
  }

  /**
   * @param ref the policy that states the limits
   * @param before the limiter that this one takes the place of; null when there is none
   */
  RateLimiter(ResourceRef ref, LongSupplier nanos, Rates rates, @Nullable RateLimiter before) {
    this.ref = ref;
    this.nanos = nanos;
    long now = nanos.getAsLong();
    RateLimiter same = before != null && before.ref.equals(ref) ? before : null;
    this.total =
        rates.total() == 0 ? null : limit(rates.total(), same == null ? null : same.total, now);
    long each = rates.perIdentity();
    this.anonymous = each == 0 ? null : limit(each, same == null ? null : same.anonymous, now);
    this.identities =
        each == 0 ? null : new IdentityLimit(each, same == null ? null : same.identities, now);
    Map<Set<String>, Limit> shared = new HashMap<>();
    Map<String, Limit> named = new HashMap<>();
    for (Rates.Override override : rates.overrides()) {
      Set<String> clients = override.identities();
      Limit limit = limit(override.rate(), same == null ? null : same.overrides.get(clients), now);
      if (shared.putIfAbsent(clients, limit) == null) {
        clients.forEach(identity -> named.putIfAbsent(identity, limit));
      }
    }
    this.overrides = Map.copyOf(shared);
    this.overridden = Map.copyOf(named);
  }

  private static Limit limit(long rate, @Nullable Limit before, long now) {
    return new Limit(before == null ? new Bucket(now) : before.bucket, SECOND / rate);
  }

  ResourceRef ref() {
    return ref;
  }

  /** Takes what one request takes; null when it may pass, else the limit that is exhausted. */
  @Nullable Scope take(@Nullable String identity) {
    long now = nanos.getAsLong();
    Limit all = total;
    if (all != null && !all.take(now)) {
      return Scope.TOTAL;
    }
    return own(identity, now) ? null : Scope.IDENTITY;
  }

  private boolean own(@Nullable String identity, long now) {
    if (identity == null) {
      return anonymous == null || anonymous.take(now);
    }
    Limit override = overridden.get(identity);
    if (override != null) {
      return override.take(now);
    }
    return identities == null || identities.take(identity, now);
  }

  /** Identities that have a bucket of their own. */
  int tracked() {
    return identities == null ? 0 : identities.buckets.size();
  }

  /**
   * A bucket with its rate.
   *
   * @param interval nanoseconds that a request takes of a second's budget
   */
  private record Limit(Bucket bucket, long interval) {
    boolean take(long now) {
      return bucket.take(now, interval) == Bucket.Answer.TAKEN;
    }
  }

  /**
   * The limit of each identity. Its buckets are bounded in number: one that is full again is as
   * good as none and makes room; while more identities than that spend at the same time, the rest
   * share one.
   */
  private static final class IdentityLimit {
    private final long interval;
    private final Map<String, Bucket> buckets;
    private final Bucket rest;
    private final AtomicLong swept;

    IdentityLimit(long rate, @Nullable IdentityLimit before, long now) {
      this.interval = SECOND / rate;
      this.buckets = before == null ? new ConcurrentHashMap<>() : before.buckets;
      this.rest = before == null ? new Bucket(now) : before.rest;
      this.swept = before == null ? new AtomicLong(now - SECOND) : before.swept;
    }

    boolean take(String identity, long now) {
      while (true) {
        Bucket own = buckets.get(identity);
        if (own == null) {
          own = make(identity, now);
        }
        switch (own.take(now, interval)) {
          case TAKEN -> {
            return true;
          }
          case EXHAUSTED -> {
            return false;
          }
          case RETIRED -> buckets.remove(identity, own);
        }
      }
    }

    /** The first request of an identity; others find their bucket. */
    private Bucket make(String identity, long now) {
      if (buckets.size() >= MAX_IDENTITIES) {
        sweep(now);
        if (buckets.size() >= MAX_IDENTITIES) {
          return rest;
        }
      }
      return buckets.computeIfAbsent(identity, key -> new Bucket(now));
    }

    /** At most once a second, the time in which any bucket is full again. */
    private void sweep(long now) {
      long last = swept.get();
      if (now - last >= SECOND && swept.compareAndSet(last, now)) {
        buckets.values().removeIf(bucket -> bucket.retire(now));
      }
    }
  }

  /** One GCRA bucket: the theoretical arrival time of the next request. */
  private static final class Bucket {
    private static final long GONE = Long.MIN_VALUE;

    private final AtomicLong arrival;

    /** What became of a request. */
    enum Answer {
      TAKEN,
      EXHAUSTED,
      /** The bucket has made room for others: there may be another by now. */
      RETIRED
    }

    /** A full bucket. */
    Bucket(long now) {
      this.arrival = new AtomicLong(now);
    }

    Answer take(long now, long interval) {
      while (true) {
        long seen = arrival.get();
        if (seen == GONE) {
          return Answer.RETIRED;
        }
        long next = (seen - now < 0 ? now : seen) + interval;
        if (next - now > SECOND) {
          return Answer.EXHAUSTED;
        }
        if (arrival.compareAndSet(seen, next)) {
          return Answer.TAKEN;
        }
      }
    }

    /** Ends a bucket that is full; nothing is lost by it. */
    boolean retire(long now) {
      long seen = arrival.get();
      return seen == GONE || (seen - now <= 0 && arrival.compareAndSet(seen, GONE));
    }
  }
}
