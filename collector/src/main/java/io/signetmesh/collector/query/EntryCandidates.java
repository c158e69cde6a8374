package io.signetmesh.collector.query;

import java.io.IOException;
import java.util.List;

/**
 * Which entries of a log may pass a filter. There may be more of them than pass it, and none less.
 * For one thread.
 */
public interface EntryCandidates {
  /** All entries, for a log without an index. */
  EntryCandidates ALL =
      new EntryCandidates() {
        @Override
        public long next(long from) {
          return from;
        }

        @Override
        public long previous(long before) {
          return before - 1;
        }
      };

  /** No further entry. */
  long NONE = Long.MAX_VALUE;

  /**
   * The first candidate that is {@code from} or comes after it, or {@link #NONE}. It may be behind
   * the end of the log.
   *
   * @param from 0 or more
   * @throws IOException when the log cannot be read
   */
  long next(long from) throws IOException;

  /**
   * The last candidate before {@code before}, or -1.
   *
   * @param before 0 or more
   * @throws IOException when the log cannot be read
   */
  long previous(long before) throws IOException;

  /** The candidates that are some of any. */
  static EntryCandidates ofAny(List<EntryCandidates> some) {
    return new EntryCandidates() {
      @Override
      public long next(long from) throws IOException {
        long next = NONE;
        for (EntryCandidates one : some) {
          next = Math.min(next, one.next(from));
        }
        return next;
      }

      @Override
      public long previous(long before) throws IOException {
        long previous = -1;
        for (EntryCandidates one : some) {
          previous = Math.max(previous, one.previous(before));
        }
        return previous;
      }
    };
  }
}
