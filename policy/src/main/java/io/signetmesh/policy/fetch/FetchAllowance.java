package io.signetmesh.policy.fetch;

import java.time.Duration;
import java.time.Instant;

/**
 * Fetches of a key set that tokens with unknown keys may cause: a few at once, and then one in a
 * while. So a made-up key does not keep a real one waiting, and many of them cause few fetches.
 */
final class FetchAllowance {
  /** Fetches at once. */
  static final int MOST = 3;

  /** Time in which one more is allowed. */
  static final Duration PAUSE = Duration.ofSeconds(30);

  private int left = MOST;

  /** When the last one was added, or could have been. */
  private Instant addedAt;

  FetchAllowance(Instant now) {
    this.addedAt = now;
  }

  /** Takes a fetch; false when none is left. */
  boolean take(Instant now) {
    if (now.isBefore(addedAt)) {
      // The clock was set back.
      addedAt = now;
    }
    long added = Duration.between(addedAt, now).dividedBy(PAUSE);
    if (left + added >= MOST) {
      left = MOST;
      addedAt = now;
    } else {
      left += (int) added;
      addedAt = addedAt.plus(PAUSE.multipliedBy(added));
    }
    if (left == 0) {
      return false;
    }
    left--;
    return true;
  }
}
