package io.signetmesh.identity.server;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Bounds the bytes of large messages that are on their way to clients at the same time: each is
 * copied for its connection until the client has taken it. Whoever finds the budget spent is called
 * when there is room, in the order of asking. Thread-safe.
 */
final class SendBudget {
  /** One part of this many is what an owner may have, or one message at a time. */
  private static final int SHARES = 8;

  private final long limit;
  private final Deque<Waiter> waiters = new ArrayDeque<>();
  private final Map<String, Long> spentBy = new HashMap<>();
  private long spent;

  /** Waits for its turn. */
  interface Waiter {
    /** There may be room now; on the thread of a client that has taken its message. */
    void retry();
  }

  SendBudget(long limit) {
    this.limit = limit;
  }

  /**
   * Takes a part of the budget, or remembers who wants one. A message that is larger than the
   * budget passes alone, and one that is larger than its owner's share as the only one of the
   * owner: so who does not take messages cannot keep them from the others.
   *
   * @param owner identity of the client
   */
  synchronized boolean take(String owner, long bytes, Waiter waiter) {
    long own = spentBy.getOrDefault(owner, 0L);
    if ((spent > 0 && spent + bytes > limit) || (own > 0 && own + bytes > limit / SHARES)) {
      if (!waiters.contains(waiter)) {
        waiters.addLast(waiter);
      }
      return false;
    }
    waiters.remove(waiter);
    spent += bytes;
    spentBy.put(owner, own + bytes);
    return true;
  }

  /** Gives a part back. Returns who waits: to be called when no lock is held. */
  synchronized List<Waiter> giveBack(String owner, long bytes) {
    spent -= bytes;
    long own = spentBy.getOrDefault(owner, 0L) - bytes;
    if (own > 0) {
      spentBy.put(owner, own);
    } else {
      spentBy.remove(owner);
    }
    List<Waiter> next = new ArrayList<>(waiters);
    waiters.clear();
    return next;
  }

  synchronized void forget(Waiter waiter) {
    waiters.remove(waiter);
  }

  /** Bytes that are on their way, for metrics. */
  synchronized long spent() {
    return spent;
  }
}
