package io.signetmesh.proxy.memory;

import java.time.Duration;

/**
 * The slowest rate allowed to a peer that has sent a part of a body of stated length, or that has
 * responses to read. A peer in neither state may be silent for any time.
 *
 * @param bodyTime interval at which bodies are checked
 * @param answerTime interval at which unread responses are checked; they must be read within it, or
 *     at the rate
 * @param bytesPerSecond least rate over such an interval, in bytes per second
 */
public record Pace(Duration bodyTime, Duration answerTime, int bytesPerSecond) {
  /** 500 bytes/s, over 30 s for bodies and 60 s for answers. */
  public static final Pace DEFAULT = new Pace(Duration.ofSeconds(30), Duration.ofSeconds(60), 500);

  /** Checks the times. */
  public Pace {
    if (bodyTime.toSeconds() < 1 || answerTime.toSeconds() < 1 || bytesPerSecond < 0) {
      throw new IllegalArgumentException(
          "pace "
              + bodyTime
              + ", "
              + answerTime
              + ", "
              + bytesPerSecond
              + ": expected 1 s or more");
    }
  }

  /** Least bytes of a body in one interval. */
  public long leastOfBody() {
    return bytesPerSecond * bodyTime.toSeconds();
  }

  /** Least bytes of responses in one interval. */
  public long leastOfAnswers() {
    return bytesPerSecond * answerTime.toSeconds();
  }
}
