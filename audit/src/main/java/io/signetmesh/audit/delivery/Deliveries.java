package io.signetmesh.audit.delivery;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the deliveries of a process share: room for records that are on their way, and which journal
 * is delivered by whom. Thread-safe.
 *
 * <p>A file that several journals write to is delivered once: by the one that was first, and when
 * that has ended by the next one.
 */
public final class Deliveries {
  /** Records on their way in one process, in bytes. */
  static final int MAX_BYTES = 16 << 20;

  private static final Logger log = LoggerFactory.getLogger(Deliveries.class);

  private final int maxBytes;

  /** Bytes that are free. Guarded by this. */
  private int free;

  /** Those that had no room, in the order in which they came. Guarded by this. */
  private final Set<Runnable> waiting = new LinkedHashSet<>();

  /** Who delivers each file, and who would like to. Guarded by this. */
  private final Map<Path, Queue<Runnable>> claims = new HashMap<>();

  /** Deliveries whose records wait on the disk. Guarded by this. */
  private int away;

  /** With room for {@value #MAX_BYTES} bytes. */
  public Deliveries() {
    this(MAX_BYTES);
  }

  Deliveries(int maxBytes) {
    this.maxBytes = maxBytes;
    this.free = maxBytes;
  }

  /**
   * Takes room.
   *
   * @param later is told when it is worth to try again, if there is no room now; must not block
   * @return whether there was room
   */
  synchronized boolean take(int bytes, Runnable later) {
    if (bytes > free && free < maxBytes) {
      waiting.add(later);
      return false;
    }
    free -= bytes;
    return true;
  }

  /** Gives room back. */
  void give(int bytes) {
    synchronized (this) {
      free += bytes;
    }
    passOn();
  }

  /** Has the next one try that waits for room, if there is enough for a batch. */
  void passOn() {
    Runnable next = null;
    synchronized (this) {
      if (free >= Math.min(maxBytes, JournalDelivery.BATCH_BYTES) && !waiting.isEmpty()) {
        next = waiting.iterator().next();
        waiting.remove(next);
      }
    }
    if (next != null) {
      next.run();
    }
  }

  /** Whoever it was does not wait for room any more; another one may. */
  void leave(Runnable waiter) {
    synchronized (this) {
      waiting.remove(waiter);
    }
    passOn();
  }

  /**
   * Makes a file somebody's to deliver.
   *
   * @param turn is told when it becomes theirs later; must not block
   * @return whether it is theirs now
   */
  synchronized boolean claim(Path file, Runnable turn) {
    Queue<Runnable> queue = claims.computeIfAbsent(file, key -> new ArrayDeque<>());
    queue.add(turn);
    return queue.peek() == turn;
  }

  /** Leaves a file to the next one who has claimed it. */
  void release(Path file, Runnable turn) {
    Runnable next = null;
    synchronized (this) {
      Queue<Runnable> queue = claims.get(file);
      if (queue == null) {
        return;
      }
      boolean first = queue.peek() == turn;
      queue.remove(turn);
      if (queue.isEmpty()) {
        claims.remove(file);
      } else if (first) {
        next = queue.peek();
      }
    }
    if (next != null) {
      next.run();
    }
  }

  /** Records of one more journal wait on the disk. */
  synchronized void waits(Path file, String why) {
    away++;
    if (away == 1) {
      log.warn("audit records wait on the disk until a collector takes them ({}): {}", file, why);
    }
  }

  /** Records of one journal do not wait any more. */
  synchronized void goesOn() {
    away--;
    if (away == 0) {
      log.info("audit records are delivered to the collector");
    }
  }
}
