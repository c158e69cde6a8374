package io.signetmesh.proxy.memory;

import java.time.Duration;

/**
 * How fast a peer has to go on that owes bytes: one that has sent a part of a body of a stated
 * length, or one that has answers to read. Who owes nothing may be silent for as long as it likes.
 *
 * @param bodyTime bodies are looked at once in this time
 * @param answerTime what waits to be read has to be read in this time, or at the rate
 * @param bytesPerSecond least rate, over such a time
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

  /** Least bytes of a body in the time between two looks. */
  public long leastOfBody() {
    return bytesPerSecond * bodyTime.toSeconds();
  }

  /** Least bytes of answers in the time between two looks. */
  public long leastOfAnswers() {
    return bytesPerSecond * answerTime.toSeconds();
  }
}
