package io.signetmesh.identity.server;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests that wait to be signed: bounded in bytes and in time.
 *
 * <p>Three of four turns are for callers without a leaf, which are down until they have one. They
 * are served by fair turns: each party's first request goes before anybody's second. A party is an
 * host (its address in IPv4, its /64 in IPv6), or an identity that was proved by a certificate. The
 * fourth turn is for callers that say they hold a leaf, by fair turns of their own; of the requests
 * of one turn, the one whose leaf ends first goes first. Nobody proves the leaf that it names, so
 * its end never puts a party's second request before another's first. Anybody can say that it has
 * no leaf; so a flood of those does not keep a leaf from its renewal, and a renewal does not keep
 * workloads that are down waiting for long. A turn that nobody of its kind wants goes to the other
 * kind.
 *
 * <p>A party may hold as many bytes as it leaves free. What waits longer than the deadline is
 * refused: its caller is gone by then. Who is refused hears when to come again. Thread-safe.
 */
final class IssuanceQueue implements AutoCloseable {
  /** Below the time after which proxies give up a call, 10 s. */
  static final Duration MAX_WAIT = Duration.ofSeconds(8);

  private static final Logger log = LoggerFactory.getLogger(IssuanceQueue.class);

  /** What a waiting request takes beside its message. */
  private static final int REQUEST_BYTES = 2 * 1024;

  private static final int TURNS = 4;
  private static final Duration SHORTEST_RETRY = Duration.ofSeconds(1);
  private static final Duration LONGEST_RETRY = Duration.ofSeconds(60);

  private final long budget;
  private final long maxWaitNanos;
  private final int threads;
  private final LongSupplier nanoTime;
  private final ExecutorService workers;

  // Guarded by this.
  private final PriorityQueue<Waiting> down =
      new PriorityQueue<>(
          Comparator.comparingLong(Waiting::turn).thenComparingLong(Waiting::number));
  private final PriorityQueue<Waiting> renewing =
      new PriorityQueue<>(
          Comparator.comparingLong(Waiting::turn)
              .thenComparing(Waiting::leafEnd)
              .thenComparingLong(Waiting::number));
  private final Map<Object, Party> parties = new HashMap<>();
  private long bytes;
  private long number;
  private long virtualTurn;
  private long virtualRenewal;
  private int turn;
  private int running;
  private boolean closed;

  /** Mean time of a task, moving. */
  private double taskNanos = 1_000_000;

  /** A request. */
  interface Task extends Runnable {
    /** Whether the caller does not wait any more. */
    boolean isCancelled();

    /** Answers that there was no time or no room. */
    void refuse(Overload why, Duration retryAfter);
  }

  /** Why a request is not served. */
  enum Overload {
    /** The party has as many bytes waiting as it may. */
    SHARE,
    /** It has waited for too long. */
    WAIT,
    /** The server ends. */
    CLOSED,
    /** Serving it failed. */
    INTERNAL
  }

  /** What one address or identity has waiting. */
  private static final class Party {
    private long bytes;
    private long nextTurn;
    private long nextRenewal;
  }

  private record Waiting(
      Object party,
      Party held,
      Instant leafEnd,
      long turn,
      long number,
      long bytes,
      long sinceNanos,
      Task task) {}

  /**
   * Makes a queue.
   *
   * @param budget bytes that may wait
   * @param threads that sign
   */
  static IssuanceQueue start(long budget, int threads) {
    return new IssuanceQueue(
        budget,
        MAX_WAIT,
        threads,
        System::nanoTime,
        Executors.newFixedThreadPool(threads, new DefaultThreadFactory("issuance", true)));
  }

  IssuanceQueue(
      long budget, Duration maxWait, int threads, LongSupplier nanoTime, ExecutorService workers) {
    this.budget = budget;
    this.maxWaitNanos = maxWait.toNanos();
    this.threads = threads;
    this.nanoTime = nanoTime;
    this.workers = workers;
  }

  /**
   * Serves a request in its turn, or refuses it at once.
   *
   * @param party host or proven identity that it counts for
   * @param leafEnd end of the leaf that the caller names as its own; null when it names none
   * @param messageBytes size of the request
   */
  void submit(Object party, @Nullable Instant leafEnd, int messageBytes, Task task) {
    Overload refused = null;
    synchronized (this) {
      long size = (long) messageBytes + REQUEST_BYTES;
      Party held = parties.computeIfAbsent(party, key -> new Party());
      if (closed) {
        refused = Overload.CLOSED;
      } else if (held.bytes + size > budget - (bytes + size)) {
        refused = Overload.SHARE;
      } else {
        long at;
        if (leafEnd == null) {
          at = Math.max(virtualTurn, held.nextTurn);
          held.nextTurn = at + 1;
        } else {
          at = Math.max(virtualRenewal, held.nextRenewal);
          held.nextRenewal = at + 1;
        }
        held.bytes += size;
        bytes += size;
        Waiting waiting =
            new Waiting(
                party,
                held,
                leafEnd == null ? Instant.MIN : leafEnd,
                at,
                number++,
                size,
                nanoTime.getAsLong(),
                task);
        PriorityQueue<Waiting> queue = leafEnd == null ? down : renewing;
        queue.add(waiting);
        if (running < threads && !startWorker()) {
          queue.remove(waiting);
          release(waiting);
          refused = Overload.INTERNAL;
        }
      }
      if (held.bytes == 0) {
        parties.remove(party);
      }
    }
    if (refused != null) {
      task.refuse(refused, retryAfter());
    }
  }

  /** Requests that wait, for metrics. */
  synchronized int waiting() {
    return down.size() + renewing.size();
  }

  /** Bytes that requests which wait hold, for metrics. */
  synchronized long waitingBytes() {
    return bytes;
  }

  @Override
  public void close() {
    List<Waiting> left;
    synchronized (this) {
      closed = true;
      left = new ArrayList<>(down);
      left.addAll(renewing);
      down.clear();
      renewing.clear();
      left.forEach(this::release);
    }
    workers.shutdown();
    left.forEach(one -> one.task.refuse(Overload.CLOSED, SHORTEST_RETRY));
  }

  /** Whether a worker was started. Called with the lock held. */
  private boolean startWorker() {
    boolean started = false;
    running++;
    try {
      workers.execute(this::serve);
      started = true;
    } catch (Throwable e) {
      log.error("no thread to serve a request for a certificate", e);
    } finally {
      if (!started) {
        running--;
      }
    }
    return started;
  }

  /** Serves until nothing waits. */
  private void serve() {
    boolean idle = false;
    try {
      while (true) {
        Waiting next;
        synchronized (this) {
          next = poll();
          if (next == null) {
            // Under the lock of the poll: whoever comes after it starts a worker.
            running--;
            idle = true;
            return;
          }
        }
        try {
          serve(next);
        } catch (Throwable e) {
          failed(next.task, e);
        }
      }
    } finally {
      if (!idle) {
        synchronized (this) {
          running--;
        }
      }
    }
  }

  private void failed(Task task, Throwable why) {
    try {
      log.error("a request for a certificate failed", why);
      if (!task.isCancelled()) {
        task.refuse(Overload.INTERNAL, retryAfter());
      }
    } catch (Throwable e) {
      log.error("a request for a certificate that failed has no answer", e);
    }
  }

  private void serve(Waiting next) {
    if (next.task.isCancelled()) {
      return;
    }
    long begun = nanoTime.getAsLong();
    if (begun - next.sinceNanos > maxWaitNanos) {
      next.task.refuse(Overload.WAIT, retryAfter());
      return;
    }
    next.task.run();
    long took = nanoTime.getAsLong() - begun;
    synchronized (this) {
      taskNanos += (took - taskNanos) / 32;
    }
  }

  private @Nullable Waiting poll() {
    turn = (turn + 1) % TURNS;
    PriorityQueue<Waiting> wanted = turn == 0 ? renewing : down;
    PriorityQueue<Waiting> other = turn == 0 ? down : renewing;
    Waiting next = wanted.isEmpty() ? other.poll() : wanted.poll();
    if (next != null) {
      if (next.leafEnd.equals(Instant.MIN)) {
        virtualTurn = Math.max(virtualTurn, next.turn);
      } else {
        virtualRenewal = Math.max(virtualRenewal, next.turn);
      }
      release(next);
    }
    return next;
  }

  private void release(Waiting gone) {
    bytes -= gone.bytes;
    gone.held.bytes -= gone.bytes;
    if (gone.held.bytes == 0) {
      parties.remove(gone.party);
    }
  }

  /** The time that serving what waits now takes. */
  private synchronized Duration retryAfter() {
    Duration wait =
        Duration.ofNanos((long) (taskNanos * (down.size() + renewing.size()) / threads));
    if (wait.compareTo(SHORTEST_RETRY) < 0) {
      return SHORTEST_RETRY;
    }
    return wait.compareTo(LONGEST_RETRY) > 0 ? LONGEST_RETRY : wait;
  }
}
