package io.signetmesh.proxy.worker;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Threads of a process for one kind of work. Lanes share the time of the threads equally, and
 * within a lane clients do, so that nobody waits behind all the work of somebody else, however long
 * each piece of it takes: next comes whoever has used the least time (start-time fair queueing).
 * Threads are made when they are needed, and end when they are not.
 *
 * <p>What waits is bounded, in number and bytes, for each lane and for each client of a lane. Where
 * a lane is full, it is the client with the most work that loses its newest. Whatever has waited
 * for {@link #MAX_WAIT} is given up as soon as a thread is free. Safe for use by several threads.
 */
public final class FairWorkers implements AutoCloseable {
  /** Longest time that work may wait. */
  public static final Duration MAX_WAIT = Duration.ofSeconds(5);

  /** Work of a lane that may wait. */
  public static final int LANE_ITEMS = 2_048;

  /** Bytes of a lane that may wait. */
  public static final long LANE_BYTES = 8L << 20;

  /** Share of a lane that one client may use: an eighth. */
  public static final int SHARE = 8;

  private static final Logger log = LoggerFactory.getLogger(FairWorkers.class);
  private static final Duration IDLE = Duration.ofSeconds(30);

  /** Time that work is charged when it begins; the rest when it ends. */
  private static final long QUANTUM = TimeUnit.MICROSECONDS.toNanos(100);

  /** Clients of a lane whose time is remembered while nothing of theirs waits. */
  private static final int MAX_DEBTORS = 1_024;

  /** Policies in WebAssembly use the stack of their thread. */
  private static final long POLICY_STACK_BYTES = 1 << 20;

  private final String name;
  private final int count;
  private final int countOfLane;
  private final ThreadPoolExecutor threads;
  private final LongSupplier nanos;

  // Guarded by this.
  /** Lanes in which something waits. */
  private final Set<Lane> waitingLanes = new LinkedHashSet<>();

  /** What waits, the oldest first. */
  private final Set<Waiting> byAge = new LinkedHashSet<>();

  /** Used time of the lane whose turn it was last: who comes new begins here. */
  private long clock;

  private int active;
  private long clients;

  /**
   * Makes threads for one kind of work, which takes much less than a second.
   *
   * @param name what the work is about, for the names of threads and the log: {@code token}
   * @param count number of threads
   */
  public FairWorkers(String name, int count) {
    this(name, count, count, 0, System::nanoTime);
  }

  /**
   * Makes threads for policies, which may take seconds and much of the stack. A lane has one thread
   * less than there are, where there are several, so that others need not wait.
   *
   * @param name as for the constructor
   * @param count number of threads
   */
  public static FairWorkers forPolicies(String name, int count) {
    return new FairWorkers(
        name, count, Math.max(1, count - 1), POLICY_STACK_BYTES, System::nanoTime);
  }

  /**
   * @param countOfLane threads that work for one lane at the same time
   * @param stackBytes size of their stacks; 0: that of the process
   * @param nanos monotonic time
   */
  FairWorkers(String name, int count, int countOfLane, long stackBytes, LongSupplier nanos) {
    this.name = name;
    this.count = count;
    this.countOfLane = countOfLane;
    this.nanos = nanos;
    this.threads =
        new ThreadPoolExecutor(
            count,
            count,
            IDLE.toSeconds(),
            TimeUnit.SECONDS,
            // One entry for each thread at most.
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().stackSize(stackBytes).name(name + "-", 0).factory());
    threads.allowCoreThreadTimeOut(true);
  }

  /** Work that was taken on. Either it is run, or given up, or has failed and is given up. */
  public interface Work {
    /** Does the work. */
    void run();

    /** The work has waited too long, made room for others, has failed, or its lane was closed. */
    void giveUp();

    /** Whether nobody waits for the work any more: it is given up when its turn comes. */
    default boolean isOver() {
      return false;
    }
  }

  /** Work that waits. Each is equal to itself only. */
  private static final class Waiting {
    final Work work;
    final int bytes;
    final long since;
    final Lane lane;
    final Object key;

    Waiting(Work work, int bytes, long since, Lane lane, Object key) {
      this.work = work;
      this.bytes = bytes;
      this.since = since;
      this.lane = lane;
      this.key = key;
    }
  }

  /** What waits of one client. Changed only while it is in no order. */
  private static final class Client {
    static final Comparator<Client> BY_TURN =
        Comparator.comparingLong((Client client) -> client.used).thenComparingLong(c -> c.number);
    static final Comparator<Client> BY_SHARE =
        Comparator.comparingDouble((Client client) -> client.share)
            .thenComparingLong(c -> -c.number);

    final ArrayDeque<Waiting> waiting = new ArrayDeque<>(2);
    final long number;
    long used;
    long bytes;

    /** Share of a full lane that it has, of items or bytes, whichever is more. */
    double share;

    Client(long number, long used) {
      this.number = number;
      this.used = used;
    }

    static double share(int items, long bytes) {
      return Math.max((double) items / LANE_ITEMS, (double) bytes / LANE_BYTES);
    }
  }

  /** What lanes share that count as one. */
  private static final class Turn {
    long used;
    int running;
  }

  /** Work that takes its turn with that of other lanes. */
  public final class Lane implements AutoCloseable {
    private final Turn turn;
    private final boolean first;

    // Guarded by the workers.
    private final Map<Object, Client> clients = new HashMap<>();
    private final TreeSet<Client> byTurn = new TreeSet<>(Client.BY_TURN);
    private final TreeSet<Client> byShare = new TreeSet<>(Client.BY_SHARE);

    /** Used time of clients of whom nothing waits. */
    private final Map<Object, Long> debts =
        new LinkedHashMap<>() {
          @Override
          protected boolean removeEldestEntry(Map.Entry<Object, Long> eldest) {
            return size() > MAX_DEBTORS;
          }
        };

    private long clockOfLane;
    private int items;
    private long bytes;
    private boolean closed;

    private Lane(Turn turn, boolean first) {
      this.turn = turn;
      this.first = first;
    }

    /**
     * Makes a lane with room of its own that counts as one with this lane. Its work comes first.
     */
    public Lane urgent() {
      return new Lane(turn, true);
    }

    /**
     * Takes on work. Work of another client may be given up for it.
     *
     * @param client whose turn it counts for
     * @param size bytes that the work holds while it waits
     * @return false when the client has too much waiting, or the lane is full and no client has
     *     more than this one: nothing was taken on
     */
    public boolean submit(Object client, int size, Work work) {
      List<Waiting> lost = new ArrayList<>(0);
      try {
        synchronized (FairWorkers.this) {
          return take(client, size, work, lost);
        }
      } finally {
        lost.forEach(one -> giveUp(one.work));
      }
    }

    private boolean take(Object key, int size, Work work, List<Waiting> lost) {
      removeOld(lost);
      Client own = clients.get(key);
      int ownItems = own == null ? 0 : own.waiting.size();
      long ownBytes = own == null ? 0 : own.bytes;
      if (closed
          || ownItems >= LANE_ITEMS / SHARE
          || ownBytes + size > LANE_BYTES / SHARE
          || !makeRoom(own, Client.share(ownItems + 1, ownBytes + size), size, lost)
          || !haveThread()) {
        return false;
      }
      Client charged = clients.get(key);
      if (charged == null) {
        Long debt = debts.remove(key);
        charged =
            new Client(
                FairWorkers.this.clients++,
                debt == null ? clockOfLane : Math.max(clockOfLane, debt));
        clients.put(key, charged);
      } else {
        takeOut(charged);
      }
      Waiting added = new Waiting(work, size, nanos.getAsLong(), this, key);
      charged.waiting.add(added);
      charged.bytes += size;
      putBack(charged);
      if (items == 0) {
        turn.used = Math.max(turn.used, clock);
        waitingLanes.add(this);
      }
      items++;
      bytes += size;
      byAge.add(added);
      return true;
    }

    /**
     * Takes newest work from whoever has most; false: nobody has more than this client will.
     *
     * @param mine the share that it will have
     */
    private boolean makeRoom(@Nullable Client own, double mine, int size, List<Waiting> lost) {
      while (items >= LANE_ITEMS || bytes + size > LANE_BYTES) {
        Client most = byShare.isEmpty() ? null : byShare.last();
        if (most == null || most == own || most.share <= mine) {
          return false;
        }
        Waiting newest = most.waiting.getLast();
        remove(newest, most);
        lost.add(newest);
      }
      return true;
    }

    private void takeOut(Client client) {
      byTurn.remove(client);
      byShare.remove(client);
    }

    private void putBack(Client client) {
      client.share = Client.share(client.waiting.size(), client.bytes);
      byTurn.add(client);
      byShare.add(client);
    }

    /** Takes one off that waits. */
    private void remove(Waiting one, Client client) {
      takeOut(client);
      // First or last: the oldest is done or given up, the newest makes room.
      if (client.waiting.peekFirst() == one) {
        client.waiting.removeFirst();
      } else {
        client.waiting.removeLast();
      }
      client.bytes -= one.bytes;
      if (client.waiting.isEmpty()) {
        clients.remove(one.key);
        if (client.used > clockOfLane) {
          debts.put(one.key, client.used);
        }
      } else {
        putBack(client);
      }
      items--;
      bytes -= one.bytes;
      byAge.remove(one);
      if (items == 0) {
        waitingLanes.remove(this);
      }
    }

    /** The next work, of the client who has used the least time. */
    private Waiting next() {
      Client client = byTurn.first();
      Waiting next = client.waiting.getFirst();
      clockOfLane = Math.max(clockOfLane, client.used);
      remove(next, client);
      return next;
    }

    /** Counts time that work has used. */
    private void charge(Object key, long time) {
      turn.used += time;
      Client client = clients.get(key);
      if (client != null) {
        takeOut(client);
        client.used += time;
        putBack(client);
      } else {
        Long debt = debts.remove(key);
        debts.put(key, Math.max(clockOfLane, debt == null ? 0 : debt) + time);
      }
    }

    /** Work that waits. */
    public int waiting() {
      synchronized (FairWorkers.this) {
        return items;
      }
    }

    /** Gives up what waits, and takes on no more. */
    @Override
    public void close() {
      List<Waiting> left = new ArrayList<>();
      synchronized (FairWorkers.this) {
        closed = true;
        while (items > 0) {
          Client client = byTurn.first();
          Waiting one = client.waiting.getFirst();
          remove(one, client);
          left.add(one);
        }
      }
      left.forEach(waiting -> giveUp(waiting.work));
    }
  }

  /** Makes a lane. */
  public Lane lane() {
    return new Lane(new Turn(), false);
  }

  /** Sees to it that what will wait finds a thread; called with the lock held. */
  private boolean haveThread() {
    if (active < count) {
      try {
        threads.execute(this::work);
      } catch (RejectedExecutionException e) {
        return false;
      }
      active++;
    }
    return true;
  }

  /** Takes off what has waited too long, in whatever lane; called with the lock held. */
  private void removeOld(List<Waiting> lost) {
    long now = nanos.getAsLong();
    while (!byAge.isEmpty()) {
      Waiting oldest = byAge.iterator().next();
      if (now - oldest.since <= MAX_WAIT.toNanos()) {
        return;
      }
      oldest.lane.remove(oldest, Objects.requireNonNull(oldest.lane.clients.get(oldest.key)));
      lost.add(oldest);
    }
  }

  /** The lane that has used the least time, of those that may have a thread. */
  private @Nullable Lane nextLane() {
    Lane next = null;
    for (Lane lane : waitingLanes) {
      if (lane.turn.running < countOfLane
          && (next == null
              || lane.turn.used < next.turn.used
              || (lane.turn == next.turn && lane.first))) {
        next = lane;
      }
    }
    return next;
  }

  /** The next work; null: there is none for the thread, which ends. */
  private synchronized @Nullable Waiting take(List<Waiting> lost) {
    removeOld(lost);
    for (Lane lane = nextLane(); lane != null; lane = nextLane()) {
      Waiting next = lane.next();
      if (!next.work.isOver()) {
        clock = Math.max(clock, lane.turn.used);
        lane.turn.running++;
        lane.charge(next.key, QUANTUM);
        return next;
      }
      lost.add(next);
    }
    active--;
    return null;
  }

  private synchronized void done(Waiting work, long time) {
    work.lane.turn.running--;
    work.lane.charge(work.key, Math.max(0, time - QUANTUM));
  }

  private void work() {
    while (true) {
      List<Waiting> lost = new ArrayList<>(0);
      Waiting next = take(lost);
      lost.forEach(one -> giveUp(one.work));
      if (next == null) {
        return;
      }
      long begin = nanos.getAsLong();
      try {
        next.work.run();
      } catch (RuntimeException | Error e) {
        log.error("{}: work has failed", name, e);
        giveUp(next.work);
      } finally {
        done(next, nanos.getAsLong() - begin);
      }
    }
  }

  /** Calls of {@link #work} to come. */
  int calls() {
    return threads.getQueue().size();
  }

  private void giveUp(Work work) {
    try {
      work.giveUp();
    } catch (RuntimeException | Error e) {
      log.error("{}: somebody was not told that work was given up", name, e);
    }
  }

  @Override
  public void close() {
    threads.shutdown();
  }
}
