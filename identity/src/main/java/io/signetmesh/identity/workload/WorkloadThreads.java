package io.signetmesh.identity.workload;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A few threads for the work of all workloads of a process that may block: reading tokens, making
 * keys and TLS contexts. Each workload has a {@link Turn}. The tasks of a turn run one after the
 * other, and after each of them the other turns have theirs.
 *
 * <p>A task that does not return delays its own turn only: when it has run for {@link #HUNG},
 * another thread takes the place of its thread. There are at most {@value #MOST_HUNG} such threads;
 * beyond that the other turns have to wait.
 *
 * <p>Threads stay, once made, but for those in place of others. Where none can be started, such as
 * at the host's limit, tasks wait for the threads that there are, and a start is tried again every
 * {@link #HUNG}.
 */
public final class WorkloadThreads implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(WorkloadThreads.class);

  /** A task that runs for so long is not waited for any more. */
  static final Duration HUNG = Duration.ofMillis(250);

  /** Threads in tasks that do not return, at most. */
  static final int MOST_HUNG = 64;

  private static final Duration IDLE = Duration.ofSeconds(10);

  private final int threads;
  private final ScheduledExecutorService timer;
  private final ThreadPoolExecutor pool;
  private final Set<Turn> running = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean looking = new AtomicBoolean();

  /** Whether a thread could not be started. */
  private volatile boolean lacking;

  /** Turns whose tasks do not return. Guarded by this. */
  private int hung;

  /**
   * Starts without threads. They are made when there is work.
   *
   * @param threads threads at the same time, 1 or more, without those that hang
   * @param timer starts what has to wait for its time; its tasks only queue work here
   */
  public WorkloadThreads(int threads, ScheduledExecutorService timer) {
    this(threads, timer, Thread.ofPlatform().daemon().name("workload-", 0).factory(), IDLE);
  }

  /**
   * @param idle a thread beyond {@code threads} ends when it has had no work for so long
   */
  WorkloadThreads(
      int threads, ScheduledExecutorService timer, ThreadFactory factory, Duration idle) {
    this.threads = threads;
    this.timer = timer;
    this.pool =
        new ThreadPoolExecutor(
            threads,
            threads + MOST_HUNG,
            idle.toNanos(),
            TimeUnit.NANOSECONDS,
            new LinkedBlockingQueue<>(),
            factory);
  }

  /**
   * Makes the turn of a workload.
   *
   * @param owner whose work it is, for log messages
   */
  public Turn newTurn(String owner) {
    return new Turn(owner);
  }

  private void lookLater() {
    if (looking.compareAndSet(false, true)) {
      try {
        timer.schedule(this::look, HUNG.toMillis(), TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        // The process ends.
      } catch (Throwable e) {
        looking.set(false);
        log.error("what hangs is looked at with the next task", e);
      }
    }
  }

  private void look() {
    looking.set(false);
    long now = System.nanoTime();
    boolean again = lacking && !startThreads();
    for (Turn turn : running) {
      again |= !turn.look(now);
    }
    if (again) {
      lookLater();
    }
  }

  /** Starts the threads that could not be started before; false when that fails again. */
  private boolean startThreads() {
    // Before: who lacks a thread meanwhile is not forgotten.
    lacking = false;
    try {
      while (!pool.getQueue().isEmpty() && pool.prestartCoreThread()) {
        log.info("a thread for work of workloads was started");
      }
      return true;
    } catch (Throwable e) {
      lacking = true;
      log.debug("still no thread for work of workloads", e);
      return false;
    }
  }

  /** Tries again later to start a thread. */
  private void lacks(Throwable cause) {
    if (!lacking) {
      log.error("no thread can be started for work of workloads, which may wait", cause);
    }
    lacking = true;
    lookLater();
  }

  private synchronized void hangs(int change) {
    hung += change;
    try {
      pool.setCorePoolSize(threads + Math.min(hung, MOST_HUNG));
    } catch (Throwable e) {
      lacks(e);
    }
    if (change > 0 && hung > MOST_HUNG) {
      log.error("{} workloads have tasks that do not return: the others wait", hung);
    }
  }

  /** Turns whose tasks do not return. */
  synchronized int hanging() {
    return hung;
  }

  /** Starts no more tasks. Those that run go on. */
  @Override
  public void close() {
    pool.shutdown();
  }

  /** The work of one workload: tasks that run one after the other, now or later. */
  public final class Turn implements Timer, Executor, AutoCloseable {
    private final String owner;
    private final Set<ScheduledFuture<?>> waiting = ConcurrentHashMap.newKeySet();

    /** Guarded by this. */
    private final Queue<Runnable> tasks = new ArrayDeque<>();

    /** Whether a task runs, or waits for a thread. Guarded by this. */
    private boolean active;

    /** Guarded by this. */
    private boolean running;

    /** Guarded by this. */
    private long begun;

    /** Whether the task that runs does not return. Guarded by this. */
    private boolean hangs;

    private volatile boolean closed;

    private Turn(String owner) {
      this.owner = owner;
    }

    @Override
    public void execute(Runnable task) {
      synchronized (this) {
        if (closed) {
          return;
        }
        tasks.add(task);
        if (active) {
          return;
        }
        active = true;
      }
      next();
    }

    private void next() {
      Runnable run = this::run;
      try {
        pool.execute(run);
      } catch (RejectedExecutionException e) {
        log.debug("work of {} after the end of the process's threads", owner);
      } catch (Throwable e) {
        // No thread could be started, and the pool has not kept the task.
        try {
          pool.getQueue().add(run);
        } catch (Throwable noMemory) {
          // The next task of this turn takes those that wait with it.
          synchronized (this) {
            active = false;
          }
          throw noMemory;
        }
        lacks(e);
      }
    }

    @Override
    public Scheduled schedule(Duration delay, Runnable task) {
      if (closed) {
        return () -> {};
      }
      Delayed delayed = new Delayed(task);
      try {
        ScheduledFuture<?> future = timer.schedule(delayed, delay.toNanos(), TimeUnit.NANOSECONDS);
        delayed.waits(future);
        return () -> {
          future.cancel(false);
          waiting.remove(future);
        };
      } catch (RejectedExecutionException e) {
        return () -> {};
      }
    }

    /** A task until its time. */
    private final class Delayed implements Runnable {
      private final Runnable task;
      private @Nullable ScheduledFuture<?> future;
      private boolean due;

      Delayed(Runnable task) {
        this.task = task;
      }

      synchronized void waits(ScheduledFuture<?> made) {
        future = made;
        if (!due) {
          waiting.add(made);
          if (closed) {
            made.cancel(false);
          }
        }
      }

      @Override
      public void run() {
        synchronized (this) {
          due = true;
          ScheduledFuture<?> made = future;
          if (made != null) {
            waiting.remove(made);
          }
        }
        execute(task);
      }
    }

    private void run() {
      Runnable task;
      synchronized (this) {
        task = tasks.poll();
        if (task == null) {
          active = false;
          return;
        }
        running = true;
        begun = System.nanoTime();
      }
      WorkloadThreads.this.running.add(this);
      lookLater();
      try {
        task.run();
      } catch (Throwable e) {
        // Also an error: the next tasks have their turn all the same.
        log.error("a task of {} failed", owner, e);
      } finally {
        WorkloadThreads.this.running.remove(this);
        done();
      }
    }

    private void done() {
      boolean more;
      boolean hung;
      synchronized (this) {
        hung = hangs;
        hangs = false;
        running = false;
        more = !tasks.isEmpty();
        active = more;
      }
      if (hung) {
        hangs(-1);
        log.info("a task of {} has returned that seemed to hang", owner);
      }
      if (more) {
        // Behind the others that wait.
        next();
      }
    }

    /** Whether it need not be looked at again, unless it runs another task. */
    private boolean look(long now) {
      synchronized (this) {
        if (!running || hangs) {
          return true;
        }
        if (now - begun < HUNG.toNanos()) {
          return false;
        }
        hangs = true;
      }
      hangs(1);
      log.warn("a task of {} has not returned for {}: others do not wait for it", owner, HUNG);
      return true;
    }

    /** Takes no more tasks, and drops those that wait for their time. What is queued still runs. */
    @Override
    public void close() {
      closed = true;
      waiting.forEach(future -> future.cancel(false));
      waiting.clear();
    }
  }
}
