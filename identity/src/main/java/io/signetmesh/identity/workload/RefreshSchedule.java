package io.signetmesh.identity.workload;

import java.time.Duration;
import java.time.Instant;
import java.util.function.DoubleSupplier;

/**
 * When to ask for the next certificate: at 70 % of the time that is left, give or take 3 %, within
 * bounds; the same after a failure, so that attempts get denser as the end comes near.
 *
 * @param min shortest wait; gives way when it would let the leaf expire
 * @param max longest wait
 * @param random gives numbers from 0 (inclusive) to 1
 */
record RefreshSchedule(Duration min, Duration max, DoubleSupplier random) {
  /** No wait is shorter, whatever the lifetime: an answer takes time too. */
  private static final Duration FLOOR = Duration.ofSeconds(1);

  private static final Duration FIRST_RETRY = Duration.ofMillis(200);
  private static final double SHARE = 0.7;
  private static final double JITTER = 0.03;

  /** Wait from now, given the end of the certificate held. */
  Duration untilRefresh(Instant now, Instant notAfter) {
    Duration left = Duration.between(now, notAfter);
    if (left.compareTo(FLOOR) <= 0) {
      return FLOOR;
    }
    Duration wait = scale(left, SHARE + JITTER * (2 * random.getAsDouble() - 1));
    if (wait.compareTo(max) > 0) {
      return scale(max, 1 - JITTER * random.getAsDouble());
    }
    if (wait.compareTo(min) < 0 && min.compareTo(scale(left, 0.9)) < 0) {
      return min;
    }
    return wait.compareTo(FLOOR) < 0 ? FLOOR : wait;
  }

  /**
   * Wait before another attempt while there is no valid certificate: doubles from 0.2 s up to the
   * minimum.
   *
   * @param failures attempts that failed in a row, from 1
   */
  Duration untilRetry(int failures) {
    Duration ceiling = min.compareTo(FLOOR) < 0 ? FLOOR : min;
    Duration doubled = FIRST_RETRY.multipliedBy(1L << Math.min(failures - 1, 16));
    Duration wait = doubled.compareTo(ceiling) < 0 ? doubled : ceiling;
    return scale(wait, 0.8 + 0.2 * random.getAsDouble());
  }

  /**
   * Wait before another attempt to get what the control plane asks for: doubles from 1 s.
   *
   * @param attempts attempts in a row without success, from 1
   */
  Duration untilRepeat(int attempts, Duration ceiling) {
    Duration doubled = FLOOR.multipliedBy(1L << Math.min(attempts - 1, 16));
    Duration wait = doubled.compareTo(ceiling) < 0 ? doubled : ceiling;
    return scale(wait, 0.8 + 0.2 * random.getAsDouble());
  }

  /** A wait within a window, each as likely as another. */
  Duration within(Duration window) {
    return scale(window, random.getAsDouble());
  }

  /** A wait of what the server wants, and up to half of it more. */
  Duration after(Duration pushback) {
    return scale(pushback, 1 + random.getAsDouble() / 2);
  }

  private static Duration scale(Duration duration, double factor) {
    return Duration.ofNanos((long) (duration.toNanos() * factor));
  }
}
