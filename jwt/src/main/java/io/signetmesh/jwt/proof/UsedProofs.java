package io.signetmesh.jwt.proof;

import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;

/**
 * Remembers proofs that were used, until they are good no more. Bounded: a client, and a key, may
 * have half of the room that is left, so that one that uses many leaves room for the others. What
 * there is no room for counts as used. Thread-safe.
 */
public final class UsedProofs {
  /** Length of a period of which all proofs are forgotten together, in milliseconds. */
  private static final long PERIOD = 16_000;

  /**
   * Counters of clients and of keys, a power of two: those that have one in common count as one.
   */
  private static final int COUNTERS = 4096;

  private final int capacity;
  private final TreeMap<Long, Period> periods = new TreeMap<>();
  private final int[] ofClients = new int[COUNTERS];
  private final int[] ofKeys = new int[COUNTERS];
  private int used;

  /** Proofs that end in one period. */
  private static final class Period {
    final LongPairs proofs = new LongPairs();
    final int[] ofClients = new int[COUNTERS];
    final int[] ofKeys = new int[COUNTERS];
  }

  /**
   * Empty.
   *
   * @param capacity number of proofs, at least 4; each takes 32 to 64 bytes, and all together at
   *     most 1 MB more
   */
  public UsedProofs(int capacity) {
    this.capacity = capacity;
  }

  /**
   * Takes note of a proof.
   *
   * @param client digest of who sent the proof, which strangers cannot foresee
   * @param key digest of the key, which strangers cannot foresee
   * @param high of a digest of key and proof, which strangers cannot foresee
   * @param low of the same
   * @param until when the proof is good no more, in milliseconds since 1970
   * @return false when it was used before, or when there is no room
   */
  public synchronized boolean use(
      int client, int key, long high, long low, long until, long epochMillis) {
    forget(epochMillis);
    for (Period period : periods.values()) {
      if (period.proofs.contains(high, low)) {
        return false;
      }
    }
    int byClient = client & (COUNTERS - 1);
    int byKey = key & (COUNTERS - 1);
    if (Math.max(ofClients[byClient], ofKeys[byKey]) >= (capacity - used + 1) / 2) {
      return false;
    }
    Period period = periods.computeIfAbsent(Math.floorDiv(until, PERIOD), number -> new Period());
    period.proofs.add(high, low);
    period.ofClients[byClient]++;
    ofClients[byClient]++;
    period.ofKeys[byKey]++;
    ofKeys[byKey]++;
    used++;
    return true;
  }

  private void forget(long epochMillis) {
    long now = Math.floorDiv(epochMillis, PERIOD);
    Iterator<Map.Entry<Long, Period>> ended = periods.headMap(now).entrySet().iterator();
    while (ended.hasNext()) {
      Period period = ended.next().getValue();
      ended.remove();
      used -= period.proofs.size();
      for (int i = 0; i < COUNTERS; i++) {
        ofClients[i] -= period.ofClients[i];
        ofKeys[i] -= period.ofKeys[i];
      }
    }
  }

  /** Number of proofs that are remembered. */
  synchronized int size() {
    return used;
  }
}
