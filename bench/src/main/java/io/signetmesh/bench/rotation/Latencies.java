package io.signetmesh.bench.rotation;

import java.util.Arrays;

/** Counts answers by their time, to a tenth of a millisecond up to 20 s. Thread-safe. */
final class Latencies {
  private static final int PER_MILLI = 10;
  private static final int MAX_MILLIS = 20_000;

  private final long[] counts = new long[MAX_MILLIS * PER_MILLI + 1];
  private long answers;

  synchronized void add(long nanos) {
    counts[(int) Math.clamp(nanos * PER_MILLI / 1_000_000, 0, counts.length - 1L)]++;
    answers++;
  }

  synchronized long answers() {
    return answers;
  }

  /**
   * The time that a part of the answers took at most, in ms; 0 without answers.
   *
   * @param part 0 to 1
   */
  synchronized double percentile(double part) {
    long rank = Math.max(1, (long) Math.ceil(answers * part));
    long seen = 0;
    for (int i = 0; i < counts.length && answers > 0; i++) {
      seen += counts[i];
      if (seen >= rank) {
        return (i + 1.0) / PER_MILLI;
      }
    }
    return 0;
  }

  synchronized void clear() {
    Arrays.fill(counts, 0);
    answers = 0;
  }
}
