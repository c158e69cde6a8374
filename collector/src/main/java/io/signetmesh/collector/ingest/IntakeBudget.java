package io.signetmesh.collector.ingest;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;

/**
 * Memory of the batches that wait to be appended. A writer may hold as much as it leaves free: one
 * that is alone half, of two each a third, so that no number of streams of one keeps another out.
 * While half is taken, streams are not asked for more; when there is room they are asked in turns
 * by writer. Thread-safe.
 */
final class IntakeBudget {
  private final long total;
  private final Map<String, Long> held = new HashMap<>();

  /** Streams that wait to be asked, by writer; the writer whose turn is next comes first. */
  private final LinkedHashMap<String, LinkedHashSet<Runnable>> waiting = new LinkedHashMap<>();

  private long taken;

  /**
   * @param total bytes
   */
  IntakeBudget(long total) {
    this.total = total;
  }

  /** An eighth of the heap, at most 64 MiB. */
  static IntakeBudget ofProcess() {
    return new IntakeBudget(Math.min(64L << 20, Runtime.getRuntime().maxMemory() / 8));
  }

  /**
   * Takes bytes.
   *
   * @return false when the writer has its share; nothing is taken then
   */
  synchronized boolean take(String writer, long bytes) {
    long mine = held.getOrDefault(writer, 0L);
    if (mine + bytes > total - (taken + bytes)) {
      return false;
    }
    held.put(writer, mine + bytes);
    taken += bytes;
    return true;
  }

  /** Gives back bytes that were taken. */
  void give(String writer, long bytes) {
    synchronized (this) {
      held.computeIfPresent(writer, (_, mine) -> mine == bytes ? null : mine - bytes);
      taken -= bytes;
    }
    askNext();
  }

  /**
   * Has a stream asked for its next message: now, or when it is its turn.
   *
   * @param ask the same one each time for a stream; does nothing when the stream has ended
   */
  void ask(String writer, Runnable ask) {
    boolean isAtOnce;
    synchronized (this) {
      isAtOnce = taken < total / 2 && waiting.isEmpty();
      if (!isAtOnce) {
        waiting.computeIfAbsent(writer, _ -> new LinkedHashSet<>()).add(ask);
      }
    }
    if (isAtOnce) {
      ask.run();
    } else {
      askNext();
    }
  }

  /** A stream has ended: whose turn is next is asked in its place. */
  void forget(String writer, Runnable ask) {
    synchronized (this) {
      LinkedHashSet<Runnable> of = waiting.get(writer);
      if (of != null && of.remove(ask) && of.isEmpty()) {
        waiting.remove(writer);
      }
    }
    askNext();
  }

  /** Streams that wait to be asked. */
  synchronized int waiting() {
    return waiting.values().stream().mapToInt(LinkedHashSet::size).sum();
  }

  /** Asks two streams at a time as long as there are batches: each of them asks again. */
  private void askNext() {
    for (int asked = 0; ; asked++) {
      Runnable next;
      synchronized (this) {
        if (waiting.isEmpty() || taken >= total / 2 || (taken > 0 && asked >= 2)) {
          return;
        }
        Map.Entry<String, LinkedHashSet<Runnable>> first = waiting.pollFirstEntry();
        next = first.getValue().removeFirst();
        if (!first.getValue().isEmpty()) {
          waiting.putLast(first.getKey(), first.getValue());
        }
      }
      next.run();
    }
  }

  /** Bytes held now. */
  synchronized long taken() {
    return taken;
  }
}
