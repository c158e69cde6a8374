package io.signetmesh.proxy.token;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads of a process that verify tokens. Each proxy has a {@link Lane}. Lanes take turns, and
 * within a lane clients take turns, so that nobody waits behind all the tokens of somebody else.
 * Threads are made when they are needed, and end when they are not.
 *
 * <p>What waits is bounded, in number and bytes, for each lane and for each client of a lane.
 * Whatever has waited for {@link #MAX_WAIT} is given up. Safe for use by several threads.
 */
public final class TokenWorkers implements AutoCloseable {
  /** Longest time that work may wait. */
  static final Duration MAX_WAIT = Duration.ofSeconds(5);

  /** Work of a lane that may wait. */
  static final int LANE_ITEMS = 2_048;

  /** Bytes of a lane that may wait. */
  static final long LANE_BYTES = 8L << 20;

  /** Share of a lane that one client may use: an eighth. */
  static final int SHARE = 8;

  private static final Logger log = LoggerFactory.getLogger(TokenWorkers.class);
  private static final Duration IDLE = Duration.ofSeconds(30);

  private final ThreadPoolExecutor threads;
  private final LongSupplier nanos;

  // Guarded by this.
  private final ArrayDeque<Lane> turns = new ArrayDeque<>();

  /** Makes as many threads as half the processors, at least one. */
  public TokenWorkers() {
    this(Math.max(1, Runtime.getRuntime().availableProcessors() / 2), System::nanoTime);
  }

  TokenWorkers(int count, LongSupplier nanos) {
    this.nanos = nanos;
    this.threads =
        new ThreadPoolExecutor(
            count,
            count,
            IDLE.toSeconds(),
            TimeUnit.SECONDS,
            // As long as the lanes are.
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name("token-", 0).factory());
    threads.allowCoreThreadTimeOut(true);
  }

  /** Work that was taken on. Exactly one of its methods is called, once. */
  interface Work {
    /** Does the work. */
    void run();

    /** The work has waited too long, has failed, or its lane was closed. */
    void giveUp();
  }

  private record Waiting(Work work, int bytes, long since) {}

  /** What waits of one client. */
  private static final class Client {
    final ArrayDeque<Waiting> waiting = new ArrayDeque<>(2);
    long bytes;
  }

  /** The work of one proxy. */
  final class Lane implements AutoCloseable {
    // Guarded by the workers.
    private final Map<Object, Client> clients = new LinkedHashMap<>();
    private int items;
    private long bytes;
    private boolean closed;

    private Lane() {}

    /**
     * Takes on work.
     *
     * @param client whose turn it counts for
     * @param size bytes that the work holds while it waits
     * @return false when the lane or the client has too much waiting: nothing was taken on
     */
    boolean submit(Object client, int size, Work work) {
      synchronized (TokenWorkers.this) {
        Client own = clients.get(client);
        int ownItems = own == null ? 0 : own.waiting.size();
        long ownBytes = own == null ? 0 : own.bytes;
        if (closed
            || items >= LANE_ITEMS
            || bytes + size > LANE_BYTES
            || ownItems >= LANE_ITEMS / SHARE
            || ownBytes + size > LANE_BYTES / SHARE) {
          return false;
        }
        try {
          threads.execute(TokenWorkers.this::runNext);
        } catch (RejectedExecutionException e) {
          return false;
        }
        if (own == null) {
          own = new Client();
          clients.put(client, own);
        }
        if (items == 0) {
          turns.add(this);
        }
        own.waiting.add(new Waiting(work, size, nanos.getAsLong()));
        own.bytes += size;
        items++;
        bytes += size;
        return true;
      }
    }

    /** The next work, of the client whose turn it is. */
    private Waiting next() {
      Iterator<Map.Entry<Object, Client>> first = clients.entrySet().iterator();
      Map.Entry<Object, Client> turn = first.next();
      Object key = turn.getKey();
      Client client = turn.getValue();
      first.remove();
      Waiting next = client.waiting.remove();
      client.bytes -= next.bytes();
      if (!client.waiting.isEmpty()) {
        clients.put(key, client);
      }
      items--;
      bytes -= next.bytes();
      return next;
    }

    /** Work that waits. */
    int waiting() {
      synchronized (TokenWorkers.this) {
        return items;
      }
    }

    /** Gives up what waits, and takes on no more. */
    @Override
    public void close() {
      List<Waiting> left = new ArrayList<>();
      synchronized (TokenWorkers.this) {
        closed = true;
        turns.remove(this);
        clients.values().forEach(client -> left.addAll(client.waiting));
        clients.clear();
        items = 0;
        bytes = 0;
      }
      left.forEach(waiting -> giveUp(waiting.work()));
    }
  }

  /** Makes the lane of a proxy. */
  Lane lane() {
    return new Lane();
  }

  private synchronized @Nullable Waiting take() {
    Lane lane = turns.poll();
    if (lane == null) {
      return null;
    }
    Waiting next = lane.next();
    if (lane.items > 0) {
      turns.add(lane);
    }
    return next;
  }

  private void runNext() {
    Waiting next = take();
    if (next == null) {
      // Of a lane that was closed.
      return;
    }
    if (nanos.getAsLong() - next.since() > MAX_WAIT.toNanos()) {
      giveUp(next.work());
      return;
    }
    try {
      next.work().run();
    } catch (RuntimeException | Error e) {
      log.error("a token could not be verified", e);
      giveUp(next.work());
    }
  }

  private static void giveUp(Work work) {
    try {
      work.giveUp();
    } catch (RuntimeException e) {
      log.error("a request was not told that its token is not verified", e);
    }
  }

  @Override
  public void close() {
    threads.shutdown();
  }
}
