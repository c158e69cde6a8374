package io.signetmesh.audit;

import java.nio.charset.StandardCharsets;

/** Reads the number of a record from the beginning of its line, {@code {"sequence":N,}. */
public final class RecordSequence {
  private static final byte[] PREFIX = "{\"sequence\":".getBytes(StandardCharsets.US_ASCII);

  /** Longest number that is read, in digits. */
  private static final int MAX_DIGITS = 18;

  /** As many bytes of a line have its number. */
  public static final int MAX_BYTES = PREFIX.length + MAX_DIGITS + 1;

  private RecordSequence() {}

  /**
   * The number of the record in a line.
   *
   * @param from where the line begins
   * @param to where it ends, or an end of what was read of it
   * @return -1 when it begins in another way
   */
  public static long of(byte[] bytes, int from, int to) {
    int at = from + PREFIX.length;
    if (at >= to) {
      return -1;
    }
    for (int i = 0; i < PREFIX.length; i++) {
      if (bytes[from + i] != PREFIX[i]) {
        return -1;
      }
    }
    long number = 0;
    int digits = 0;
    while (at < to && bytes[at] >= '0' && bytes[at] <= '9') {
      number = number * 10 + (bytes[at++] - '0');
      if (++digits > MAX_DIGITS) {
        return -1;
      }
    }
    return digits > 0 && at < to && bytes[at] == ',' ? number : -1;
  }
}
