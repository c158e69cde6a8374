package io.signetmesh.identity.channel.send;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.SequencedMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bounds the bytes of large messages that are on their way to clients at the same time: each is
 * copied for its connection until the client has taken it. Whoever finds the budget spent is called
 * when there is room, in the order of asking. Of many thousands that wait, only those are called
 * for which there is room: so all together cost as much as they are. Thread-safe.
 */
public final class SendBudget {
  private static final Logger log = LoggerFactory.getLogger(SendBudget.class);

  /** One part of this many is what an owner may have, or one message at a time. */
  private static final int SHARES = 8;

  /** Most that a process has on its way, whatever its heap. */
  private static final long MOST = 64L << 20;

  private final long limit;

  /** Who waits, by owner: the owner that was served last is the last. */
  private final SequencedMap<String, SequencedMap<Waiter, Long>> waiting = new LinkedHashMap<>();

  private final Map<Waiter, String> ownerOf = new HashMap<>();
  private final Map<String, Long> spentBy = new HashMap<>();
  private long spent;

  /** Room for those that were called and have not asked again. */
  private final Map<Waiter, Long> promises = new HashMap<>();

  private long promised;

  /** Whether somebody waits who would pass if others had less: who comes new waits, too. */
  private boolean full;

  /** Who is to be called now. */
  private final Queue<Waiter> calls = new ConcurrentLinkedQueue<>();

  private final AtomicInteger calling = new AtomicInteger();

  /** Waits for its turn. */
  public interface Waiter {
    /** There may be room now; on the thread of a client that has taken its message. */
    void retry();
  }

  /**
   * @param limit bytes on their way at the same time
   */
  public SendBudget(long limit) {
    this.limit = limit;
  }

  /** An eighth of the heap, 64 MiB at most: half of what calls may take. */
  public static SendBudget ofProcess() {
    return new SendBudget(Math.min(MOST, Runtime.getRuntime().maxMemory() / 8));
  }

  /**
   * Takes a part of the budget, or remembers who wants one. A message that is larger than the
   * budget passes alone, and one that is larger than its owner's share as the only one of the
   * owner: so who does not take messages cannot keep them from the others.
   *
   * @param owner identity of the client
   */
  public synchronized boolean take(String owner, long bytes, Waiter waiter) {
    boolean isCalled = endPromise(waiter);
    if ((full && !isCalled) || !taken(owner, bytes)) {
      waiting.computeIfAbsent(owner, name -> new LinkedHashMap<>()).put(waiter, bytes);
      ownerOf.put(waiter, owner);
      return false;
    }
    forget(waiter);
    return true;
  }

  /**
   * Takes a part of the budget if there is room now. Nobody is called later.
   *
   * @param owner identity of the client
   */
  public synchronized boolean takeNow(String owner, long bytes) {
    return !full && taken(owner, bytes);
  }

  private boolean taken(String owner, long bytes) {
    long own = spentBy.getOrDefault(owner, 0L);
    if (!fits(own, bytes, limit / SHARES)) {
      return false;
    }
    if (!fits(spent + promised, bytes, limit)) {
      full = true;
      return false;
    }
    spent += bytes;
    spentBy.put(owner, own + bytes);
    return true;
  }

  private boolean endPromise(Waiter waiter) {
    Long bytes = promises.remove(waiter);
    promised -= bytes == null ? 0 : bytes;
    return bytes != null;
  }

  private static boolean fits(long spent, long bytes, long limit) {
    return spent == 0 || spent + bytes <= limit;
  }

  /**
   * Gives a part back. Returns those that wait and for whom there is room now: to be called when no
   * lock is held.
   */
  public synchronized List<Waiter> giveBack(String owner, long bytes) {
    spent -= bytes;
    long own = spentBy.getOrDefault(owner, 0L) - bytes;
    if (own > 0) {
      spentBy.put(owner, own);
    } else {
      spentBy.remove(owner);
    }
    return next();
  }

  /** Takes those out for whom there is room. They may have ended, or have nothing to send. */
  private synchronized List<Waiter> next() {
    List<Waiter> next = new ArrayList<>();
    List<String> served = new ArrayList<>();
    long would = spent + promised;
    boolean isFull = false;
    for (Iterator<Map.Entry<String, SequencedMap<Waiter, Long>>> owners =
            waiting.entrySet().iterator();
        owners.hasNext() && !isFull; ) {
      Map.Entry<String, SequencedMap<Waiter, Long>> owner = owners.next();
      long own = spentBy.getOrDefault(owner.getKey(), 0L);
      boolean isServed = false;
      while (!owner.getValue().isEmpty()) {
        Map.Entry<Waiter, Long> first = owner.getValue().firstEntry();
        // A large message has its turn when there is room for it, and not after all smaller ones.
        isFull = !fits(would, first.getValue(), limit);
        if (isFull || !fits(own, first.getValue(), limit / SHARES)) {
          break;
        }
        owner.getValue().pollFirstEntry();
        ownerOf.remove(first.getKey());
        next.add(first.getKey());
        promises.put(first.getKey(), first.getValue());
        promised += first.getValue();
        would += first.getValue();
        own += first.getValue();
        isServed = true;
      }
      if (owner.getValue().isEmpty()) {
        owners.remove();
      } else if (isServed) {
        served.add(owner.getKey());
      }
    }
    full = isFull;
    served.forEach(name -> waiting.putLast(name, Objects.requireNonNull(waiting.remove(name))));
    return next;
  }

  /** Gives a part back, and calls those that wait and for whom there is room now. */
  public void release(String owner, long bytes) {
    calls.addAll(giveBack(owner, bytes));
    call();
  }

  /**
   * Calls those that wait and for whom there is room; for each few seconds. Who was called and has
   * not come has nothing to send.
   */
  public void callNext() {
    synchronized (this) {
      promises.clear();
      promised = 0;
    }
    calls.addAll(next());
    call();
  }

  /** One after the other, on whatever thread: who is called may give something back, too. */
  private void call() {
    if (calling.getAndIncrement() != 0) {
      return;
    }
    int seen = 1;
    do {
      for (Waiter next = calls.poll(); next != null; next = calls.poll()) {
        try {
          next.retry();
        } catch (RuntimeException | Error e) {
          // Whatever it is: the others are called.
          log.error("a stream was not told that it may send", e);
        }
      }
      seen = calling.addAndGet(-seen);
    } while (seen != 0);
  }

  /** The waiter does not want to be called. */
  public synchronized void forget(Waiter waiter) {
    endPromise(waiter);
    String owner = ownerOf.remove(waiter);
    SequencedMap<Waiter, Long> own = owner == null ? null : waiting.get(owner);
    if (own != null) {
      own.remove(waiter);
      if (own.isEmpty()) {
        waiting.remove(owner);
      }
    }
  }

  /** Bytes that are on their way, for metrics. */
  public synchronized long spent() {
    return spent;
  }
}
