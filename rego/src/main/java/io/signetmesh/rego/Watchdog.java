package io.signetmesh.rego;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;

/**
 * Ends policies that take more time than they may. It counts the CPU time of the thread that runs a
 * policy, so that a busy machine fails none, and the time that has passed, so that each one ends.
 *
 * <p>A policy is ended by interrupting its thread: compiled code looks for that at each call and at
 * each jump back. The thread is not left interrupted.
 */
final class Watchdog {
  static final Watchdog SHARED =
      new Watchdog(
          TimeUnit.SECONDS.toNanos(15),
          now -> {
            PolicyCode.releaseUnused();
            InstancePool.releaseIdle(now);
          });

  /** A policy is ended at most so much later than it should, in nanoseconds, plus scheduling. */
  private static final long PERIOD = TimeUnit.MILLISECONDS.toNanos(2);

  /** Time that may pass while a policy uses its CPU time, as a multiple of that. */
  private static final int WALL_FACTOR = 10;

  private static final long LEAST_WALL = TimeUnit.MILLISECONDS.toNanos(250);
  private static final int QUIET_PERIODS = 50;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final boolean CPU_TIME =
      THREADS.isThreadCpuTimeSupported() && THREADS.isThreadCpuTimeEnabled();

  private final Set<Run> runs = ConcurrentHashMap.newKeySet();
  private final long sweepEvery;
  private final LongConsumer sweep;
  private final Thread thread;
  private volatile boolean parked;

  /**
   * @param sweepEvery nanoseconds
   * @param sweep is called with {@link System#nanoTime}, on the thread that ends policies
   */
  Watchdog(long sweepEvery, LongConsumer sweep) {
    this.sweepEvery = sweepEvery;
    this.sweep = sweep;
    thread = Thread.ofPlatform().daemon().name("rego-watchdog").unstarted(this::watch);
    thread.start();
  }

  /** A policy that runs on the thread that has begun it. */
  static final class Run {
    private final Thread runner = Thread.currentThread();
    private final long begun = System.nanoTime();
    private final long cpuTime;
    private final long cpuEnd;
    private boolean ended;
    private boolean stopped;

    private Run(long cpuTime) {
      this.cpuTime = cpuTime;
      cpuEnd = CPU_TIME && !runner.isVirtual() ? THREADS.getCurrentThreadCpuTime() + cpuTime : 0;
    }

    private void check(long now) {
      long passed = now - begun;
      if (passed < cpuTime) {
        return;
      }
      if (passed >= Math.max(LEAST_WALL, WALL_FACTOR * cpuTime) || cpuUsed()) {
        stop();
      }
    }

    private boolean cpuUsed() {
      if (cpuEnd == 0) {
        return true;
      }
      long cpu = THREADS.getThreadCpuTime(runner.threadId());
      return cpu < 0 || cpu >= cpuEnd;
    }

    private synchronized void stop() {
      if (!ended && !stopped) {
        stopped = true;
        runner.interrupt();
      }
    }

    /** From then on the thread is not interrupted on behalf of this run. */
    private synchronized boolean close() {
      ended = true;
      return stopped;
    }
  }

  /**
   * Begins to count. The calling thread has to call {@link #end} whatever happens.
   *
   * @param cpuTime CPU time in nanoseconds
   */
  Run begin(long cpuTime) {
    Run run = new Run(cpuTime);
    runs.add(run);
    if (parked) {
      LockSupport.unpark(thread);
    }
    return run;
  }

  /**
   * Ends to count.
   *
   * @return whether the policy was ended; the thread is not interrupted then
   */
  boolean end(Run run) {
    boolean stopped = run.close();
    runs.remove(run);
    return stopped && (Thread.interrupted() || true);
  }

  private void watch() {
    int quiet = 0;
    long swept = System.nanoTime();
    while (true) {
      quiet = runs.isEmpty() ? quiet + 1 : 0;
      long now = System.nanoTime();
      try {
        checkAll(now);
        if (now - swept >= sweepEvery) {
          swept = now;
          sweep.accept(now);
        }
      } catch (Throwable e) {
        // Without this thread no policy would be ended any more.
        quiet = 0;
      }
      if (quiet < QUIET_PERIODS) {
        LockSupport.parkNanos(PERIOD);
        continue;
      }
      parked = true;
      if (runs.isEmpty()) {
        LockSupport.parkNanos(sweepEvery);
      }
      parked = false;
      quiet = 0;
    }
  }

  private void checkAll(long now) {
    for (Run run : runs) {
      try {
        run.check(now);
      } catch (Throwable e) {
        // What cannot be counted is ended.
        run.stop();
      }
    }
  }
}
