package io.signetmesh.rego;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Memory that the policies of a process may have at a time, in instances, in what these begin with
 * and in parsed modules: three eighths of the heap. It is taken before anything is allocated. A
 * process without heap ends, and all its connections with it. Safe for use by several threads.
 *
 * <p>Nobody gets more than what is left for the others then: one owner alone gets half. Where there
 * is too little, the owner that has most loses first what it keeps only to be faster. Nobody loses
 * it to an owner that would have more.
 */
final class MemoryBudget {
  static final MemoryBudget SHARED =
      new MemoryBudget(Runtime.getRuntime().maxMemory() / 8 * 3, InstancePool::releaseOf);

  /** There is no memory left. */
  static final class ExhaustedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private ExhaustedException(long bytes) {
      super(
          "the policies of this process have no %,d bytes of memory left".formatted(bytes),
          null,
          false,
          false);
    }
  }

  /**
   * What one owner takes and gives back.
   *
   * @param owner namespace of the policies
   */
  record Share(MemoryBudget budget, String owner) {
    boolean take(long bytes) {
      return budget.take(owner, bytes);
    }

    void need(long bytes) {
      if (!budget.take(owner, bytes)) {
        throw new ExhaustedException(bytes);
      }
    }

    void give(long bytes) {
      budget.give(owner, bytes);
    }
  }

  /** Gives back what is kept only to be faster. */
  @FunctionalInterface
  interface Reclaim {
    /**
     * Gives back some of what an owner keeps.
     *
     * @return false when there is nothing more
     */
    boolean reclaim(String owner);
  }

  private final long most;
  private final Reclaim reclaim;

  // Guarded by this.
  private final Map<String, Long> shares = new HashMap<>();
  private long used;

  /**
   * @param reclaim called when there is too little
   */
  MemoryBudget(long most, Reclaim reclaim) {
    this.most = most;
    this.reclaim = reclaim;
  }

  Share share(String owner) {
    return new Share(this, owner);
  }

  private boolean take(String owner, long bytes) {
    if (taken(owner, bytes)) {
      return true;
    }
    Set<String> exhausted = new HashSet<>();
    for (String loser = loser(owner, bytes, exhausted);
        loser != null;
        loser = loser(owner, bytes, exhausted)) {
      if (!reclaim.reclaim(loser)) {
        exhausted.add(loser);
      } else if (taken(owner, bytes)) {
        return true;
      }
    }
    return false;
  }

  /** Who has most, of those that have no less than the owner would; at last the owner itself. */
  private synchronized @Nullable String loser(String owner, long bytes, Set<String> exhausted) {
    String loser = exhausted.contains(owner) ? null : owner;
    long least = shares.getOrDefault(owner, 0L) + bytes;
    for (Map.Entry<String, Long> other : shares.entrySet()) {
      if (other.getValue() >= least
          && !other.getKey().equals(owner)
          && !exhausted.contains(other.getKey())) {
        loser = other.getKey();
        least = other.getValue();
      }
    }
    return loser;
  }

  private synchronized boolean taken(String owner, long bytes) {
    long own = shares.getOrDefault(owner, 0L);
    if (own + bytes > most - used) {
      return false;
    }
    used += bytes;
    shares.put(owner, own + bytes);
    return true;
  }

  private synchronized void give(String owner, long bytes) {
    used -= bytes;
    shares.merge(owner, -bytes, (a, b) -> a + b == 0 ? null : a + b);
  }

  synchronized long used() {
    return used;
  }
}
