package io.signetmesh.proxy.loop;

import io.netty.channel.EventLoop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the event loops. Each loop gets a task at regular intervals. A loop that has ended, or
 * has not run its task for too long, counts as stuck, and is logged. Safe from any thread.
 */
public final class LoopWatch {
  private static final Logger log = LoggerFactory.getLogger(LoopWatch.class);

  private final List<Watched> watched = new CopyOnWriteArrayList<>();
  private final LongSupplier nanoTime;
  private final long limitNanos;

  /**
   * @param loops the loops, in the order of their indexes
   * @param nanoTime {@link System#nanoTime}, or what tests take for it
   * @param limit a loop that has not run its task for so long counts as stuck
   */
  LoopWatch(List<EventLoop> loops, LongSupplier nanoTime, Duration limit) {
    this.nanoTime = nanoTime;
    this.limitNanos = limit.toNanos();
    for (int i = 0; i < loops.size(); i++) {
      add("event loop " + i, loops.get(i));
    }
  }

  /**
   * Watches one more loop.
   *
   * @param name begins the sentences about it
   */
  public void add(String name, EventLoop loop) {
    watched.add(new Watched(name, loop));
  }

  /** Gives each loop a task, unless the one before is still to be run. Called by one thread. */
  void beat() {
    watched.forEach(Watched::beat);
  }

  /** One sentence for each stuck loop; empty while all work. */
  public List<String> stuck() {
    List<String> found = new ArrayList<>();
    for (Watched loop : watched) {
      loop.describe(found);
    }
    return found;
  }

  private final class Watched {
    private final EventLoop loop;
    private final String name;
    private volatile long askedNanos;
    private volatile boolean waiting;

    /** Confined to the thread that calls {@link #beat}. */
    private boolean logged;

    Watched(String name, EventLoop loop) {
      this.name = name;
      this.loop = loop;
    }

    void beat() {
      if (waiting) {
        logOnce();
        return;
      }
      logged = false;
      askedNanos = nanoTime.getAsLong();
      waiting = true;
      try {
        loop.execute(this::answered);
      } catch (RejectedExecutionException e) {
        // It has ended: described as such.
      }
    }

    private void logOnce() {
      List<String> found = new ArrayList<>();
      describe(found);
      if (!logged && !found.isEmpty()) {
        logged = true;
        log.error("{}", found.getFirst());
      }
    }

    private void answered() {
      waiting = false;
    }

    void describe(List<String> to) {
      if (loop.isTerminated()) {
        to.add(name + " has ended");
      } else if (waiting && nanoTime.getAsLong() - askedNanos > limitNanos) {
        to.add(
            name
                + " has done nothing for "
                + (nanoTime.getAsLong() - askedNanos) / 1_000_000_000
                + " s");
      }
    }
  }
}
