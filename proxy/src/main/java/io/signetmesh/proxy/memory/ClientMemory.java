package io.signetmesh.proxy.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What one client holds on one loop, over all its connections: an identity, or, where there is
 * none, an address. Confined to its loop.
 */
final class ClientMemory {
  /** What is held without identity weighs so many times what is held with one. */
  private static final int WEIGHT_WITHOUT_IDENTITY = 4;

  private static final Comparator<ConnectionMemory> LARGEST_THEN_OLDEST =
      Comparator.comparingLong(ConnectionMemory::measured)
          .reversed()
          .thenComparingLong(ConnectionMemory::order);

  private final Object key;
  private final boolean identified;
  private int connections;
  private long heads;
  // While memory is being regained.
  private final List<ConnectionMemory> candidates = new ArrayList<>(1);
  private long measured;
  private int next;

  ClientMemory(Object key, boolean identified) {
    this.key = key;
    this.identified = identified;
  }

  Object key() {
    return key;
  }

  boolean identified() {
    return identified;
  }

  void joined() {
    connections++;
  }

  /** How many connections it has, for its rights. */
  int connectionWeight() {
    return identified ? connections : connections * WEIGHT_WITHOUT_IDENTITY;
  }

  /** Whether that was the last connection. */
  boolean left() {
    return --connections == 0;
  }

  /** Bytes of heap of the heads of messages under way. */
  long heads() {
    return heads;
  }

  void addHeads(long bytes) {
    heads += bytes;
  }

  /** Notes a connection that was measured; true for the first one. */
  boolean candidate(ConnectionMemory connection) {
    candidates.add(connection);
    measured += connection.measured();
    return candidates.size() == 1;
  }

  /** How much it holds, for its rights. */
  long weight() {
    return identified ? measured : measured * WEIGHT_WITHOUT_IDENTITY;
  }

  boolean hasNext() {
    return next < candidates.size();
  }

  /** The connection that holds most, of equal ones the oldest; it counts no more. */
  ConnectionMemory next() {
    if (next == 0) {
      candidates.sort(LARGEST_THEN_OLDEST);
    }
    ConnectionMemory found = candidates.get(next++);
    measured -= found.measured();
    return found;
  }

  void forget() {
    candidates.clear();
    measured = 0;
    next = 0;
  }
}
