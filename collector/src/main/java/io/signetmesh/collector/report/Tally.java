package io.signetmesh.collector.report;

import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Counts by key. Clients choose how many keys there are, so they are bounded: what comes beyond is
 * counted together.
 *
 * @param <K> key, with a text to sort by
 */
final class Tally<K> {
  /** Keys that are told apart: some 50 MB. */
  static final int MAX_KEYS = 100_000;

  private final Map<K, Seen> seen = new HashMap<>();
  private long beyond;

  void add(K key, long times, Instant time) {
    Seen known = seen.get(key);
    if (known == null) {
      if (seen.size() >= MAX_KEYS) {
        beyond += times;
        return;
      }
      known = new Seen();
      seen.put(key, known);
    }
    known.add(times, time);
  }

  /** Decisions that no key counts. */
  long beyond() {
    return beyond;
  }

  /** The keys with their counts, the most frequent first. */
  List<Map.Entry<K, Seen>> sorted() {
    Comparator<Map.Entry<K, Seen>> byCount =
        Comparator.comparingLong(entry -> -entry.getValue().count());
    return seen.entrySet().stream()
        .sorted(byCount.thenComparing(entry -> entry.getKey().toString()))
        .toList();
  }
}
