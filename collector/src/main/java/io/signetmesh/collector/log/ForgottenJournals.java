package io.signetmesh.collector.log;

import java.util.Arrays;

/**
 * Where the journals of one writer were that its ledger has no room for: 24 bytes each, in the
 * order in which they were forgotten. Not thread-safe.
 */
final class ForgottenJournals {
  /** Journals of a writer. */
  static final int MAX = 16_384;

  private static final int LONGS = 3;

  /** Upper and lower half of the id, and the highest durable sequence number, of each. */
  private long[] journals = new long[LONGS * 4];

  private int size;
  private boolean incomplete;

  /** Gives a journal. */
  interface Sink {
    /** A journal with its highest durable sequence number. */
    void journal(String id, long durable);
  }

  int size() {
    return size;
  }

  /** Whether there were more than are kept. */
  boolean isIncomplete() {
    return incomplete;
  }

  /** There were more. */
  void setIncomplete() {
    incomplete = true;
  }

  /** The highest durable sequence number; 0 when it is not known. */
  long durable(String journal) {
    int at = find(journal);
    return at < 0 ? 0 : journals[at + 2];
  }

  /**
   * Keeps a journal. When there is no room, the one that was forgotten first goes.
   *
   * @param durable 1 or more
   * @return journals that are kept more than before
   */
  int add(String journal, long durable) {
    int before = size;
    remove(journal);
    if (size >= MAX) {
      removeFirst();
    }
    if (size * LONGS == journals.length) {
      journals = Arrays.copyOf(journals, Math.min(LONGS * MAX, journals.length * 2));
    }
    int at = size * LONGS;
    journals[at] = upper(journal);
    journals[at + 1] = lower(journal);
    journals[at + 2] = durable;
    size++;
    return size - before;
  }

  /** Forgets the one that was forgotten first for good. */
  void removeFirst() {
    removeAt(0);
    incomplete = true;
  }

  /** A journal goes on; false when it was not here. */
  boolean remove(String journal) {
    int at = find(journal);
    if (at >= 0) {
      removeAt(at);
    }
    return at >= 0;
  }

  private void removeAt(int at) {
    System.arraycopy(journals, at + LONGS, journals, at, (size - 1) * LONGS - at);
    size--;
  }

  private int find(String journal) {
    long upper = upper(journal);
    long lower = lower(journal);
    for (int at = (size - 1) * LONGS; at >= 0; at -= LONGS) {
      if (journals[at] == upper && journals[at + 1] == lower) {
        return at;
      }
    }
    return -1;
  }

  void forEach(Sink sink) {
    for (int at = 0; at < size * LONGS; at += LONGS) {
      sink.journal(String.format("%016x%016x", journals[at], journals[at + 1]), journals[at + 2]);
    }
  }

  private static long upper(String journal) {
    return Long.parseUnsignedLong(journal, 0, 16, 16);
  }

  private static long lower(String journal) {
    return Long.parseUnsignedLong(journal, 16, 32, 16);
  }
}
