package io.signetmesh.proxy.upstream;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Load of one endpoint: a peak-sensitive moving average of latency times the requests under way. A
 * sample above the average replaces it at once, one below lets it decay. Updates from several loops
 * may overwrite one another; the estimate stays an estimate.
 *
 * <p>An endpoint that could not be connected to rests, 100 ms at first and up to 60 s. Then one
 * request tries it; when nothing is heard of a failure within {@link #TRIAL_NANOS}, or the endpoint
 * answers before that, it is open to all again.
 *
 * <p>An endpoint that answers with {@value #STRIKES} failures and nothing else in between, or whose
 * proxy could not connect to its application, is shunned, 100 ms at first and up to 10 s: others
 * are preferred, whatever their load. Where there are none it is used as before, since it answers.
 */
final class EndpointLoad {
  /** Longer than it takes a connection to fail. */
  static final long TRIAL_NANOS = 1_000_000_000L;

  /** What a failure counts for, however fast it came. */
  static final long PENALTY_NANOS = 1_000_000_000L;

  /** Failures in a row from which on an endpoint is shunned. */
  static final int STRIKES = 3;

  private static final long MIN_BACKOFF_NANOS = 100_000_000L;
  private static final long MAX_BACKOFF_NANOS = 60_000_000_000L;
  private static final long MAX_SHUNNED_NANOS = 10_000_000_000L;

  private final double decayNanos;
  private final AtomicInteger pending = new AtomicInteger();
  private final AtomicBoolean onTrial = new AtomicBoolean();
  private volatile double rtt;
  private volatile long updatedAt;
  private volatile int failures;
  private volatile long restsUntil;
  private volatile long trialEnds;
  private volatile int strikes;
  private volatile long shunnedUntil;

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

  /** The endpoint answered. Returns whether it was not open to all before. */
  boolean sample(long nanos, long now) {
    answered();
    return measured(nanos, now);
  }

  /** The endpoint's proxy has taken a connection; nothing is known of its application. */
  boolean connected(long nanos, long now) {
    return measured(nanos, now);
  }

  /** The endpoint's application has answered. */
  void answered() {
    if (strikes != 0) {
      strikes = 0;
    }
  }

  private boolean measured(long nanos, long now) {
    double age = Math.max(0, now - updatedAt);
    double weight = Math.exp(-age / decayNanos);
    double decayed = rtt * weight;
    rtt = nanos > decayed ? nanos : decayed + nanos * (1 - weight);
    updatedAt = now;
    if (failures == 0) {
      return false;
    }
    failures = 0;
    onTrial.set(false);
    return true;
  }

  /**
   * The endpoint answered with a failure. Counts as the slowest answer would, so that an endpoint
   * which fails fast is drawn against others and loses, until that has decayed.
   */
  boolean failure(long nanos, long now) {
    strike(now, 1);
    return measured(Math.max(nanos, PENALTY_NANOS), now);
  }

  /** The endpoint's proxy answered that its application could not be connected to. */
  boolean refused(long nanos, long now) {
    strike(now, STRIKES);
    return measured(Math.max(nanos, PENALTY_NANOS), now);
  }

  /**
   * Counts a failure.
   *
   * @param atLeast failures in a row that it counts for, where there were none before
   */
  private synchronized void strike(long now, int atLeast) {
    if (isShunned(now)) {
      // Requests that had picked it before are one failure with that.
      return;
    }
    strikes = Math.min(Math.max(atLeast, strikes + 1), STRIKES + 10);
    if (strikes >= STRIKES) {
      shunnedUntil = now + Math.min(MAX_SHUNNED_NANOS, MIN_BACKOFF_NANOS << (strikes - STRIKES));
    }
  }

  /** Whether any other endpoint is better. */
  boolean isShunned(long now) {
    return strikes >= STRIKES && now - shunnedUntil < 0;
  }

  /** A connection could not be made: the endpoint is left alone for a while, longer each time. */
  synchronized void failed(long now) {
    if (failures > 0 && now - restsUntil < 0) {
      // Requests that had picked it before it was known to fail are one failure with that.
      return;
    }
    int count = Math.min(failures, 10);
    restsUntil = now + Math.min(MAX_BACKOFF_NANOS, MIN_BACKOFF_NANOS << count);
    failures = count + 1;
    onTrial.set(false);
  }

  /** Whether {@link #tryUse} may succeed now. */
  boolean isReady(long now) {
    return failures == 0 || (now - restsUntil >= 0 && (!onTrial.get() || now - trialEnds >= 0));
  }

  /** Whether the endpoint may be used; of many that ask after a rest, one may. */
  boolean tryUse(long now) {
    if (failures == 0) {
      return true;
    }
    if (now - restsUntil < 0) {
      return false;
    }
    if (onTrial.compareAndSet(false, true)) {
      trialEnds = now + TRIAL_NANOS;
      return true;
    }
    return now - trialEnds >= 0;
  }

  /** When {@link #isReady} may become true, at the latest as far as is known now. */
  long readyAt(long now) {
    if (isReady(now)) {
      return now;
    }
    return now - restsUntil < 0 ? restsUntil : trialEnds;
  }
}
