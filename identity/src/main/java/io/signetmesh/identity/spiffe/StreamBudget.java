package io.signetmesh.identity.spiffe;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** How many streams may be open, of one user and of all. Thread-safe. */
final class StreamBudget {
  private final int ofUser;
  private final int ofAll;
  private final Map<Integer, Integer> open = new HashMap<>();
  private int total;

  StreamBudget(int ofUser, int ofAll) {
    this.ofUser = ofUser;
    this.ofAll = ofAll;
  }

  /**
   * Takes a stream.
   *
   * @return gives it back, to be called once; empty when the user or all have theirs
   */
  synchronized Optional<Runnable> take(int uid) {
    int now = open.getOrDefault(uid, 0);
    if (now >= ofUser || total >= ofAll) {
      return Optional.empty();
    }
    open.put(uid, now + 1);
    total++;
    return Optional.of(() -> give(uid));
  }

  synchronized int open() {
    return total;
  }

  private synchronized void give(int uid) {
    total--;
    open.computeIfPresent(uid, (user, count) -> count == 1 ? null : count - 1);
  }
}
