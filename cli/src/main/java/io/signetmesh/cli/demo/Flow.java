package io.signetmesh.cli.demo;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Traffic that does not stop: one request after another from a thread of its own, and when the
 * answers changed from served to refused or back.
 */
final class Flow implements AutoCloseable {
  private static final long PAUSE_MILLIS = 5;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Thread thread;
  private volatile boolean stopped;
  private long served;
  private long refused;
  private @Nullable Turn last;
  private @Nullable Answer firstRefusal;

  /** One request and its answer. */
  @FunctionalInterface
  interface Request {
    Answer send() throws InterruptedException;
  }

  /**
   * An answer that differs from the one before in being served.
   *
   * @param nanos when it came, as {@link System#nanoTime} tells it
   * @param answer the answer
   */
  record Turn(long nanos, Answer answer) {}

  private Flow(String name, Request request) {
    this.thread = Thread.ofPlatform().daemon().name(name).unstarted(() -> run(request));
  }

  /** Starts a flow. */
  static Flow start(String name, Request request) {
    Flow flow = new Flow(name, request);
    flow.thread.start();
    return flow;
  }

  private void run(Request request) {
    try {
      while (!stopped) {
        note(request.send());
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  private void note(Answer answer) {
    lock.lock();
    try {
      if (answer.served()) {
        served++;
      } else {
        refused++;
        if (firstRefusal == null) {
          firstRefusal = answer;
        }
      }
      Turn before = last;
      if (before == null || before.answer().served() != answer.served()) {
        last = new Turn(System.nanoTime(), answer);
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until answers are served, or refused.
   *
   * @return since when they are; empty when they are not within {@code limit}
   */
  Optional<Turn> await(boolean wantServed, Duration limit) throws InterruptedException {
    long remaining = limit.toNanos();
    lock.lock();
    try {
      while (true) {
        Turn turn = last;
        if (turn != null && turn.answer().served() == wantServed) {
          return Optional.of(turn);
        }
        if (remaining <= 0) {
          return Optional.empty();
        }
        remaining = changed.awaitNanos(remaining);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Answers that were served so far. */
  long served() {
    lock.lock();
    try {
      return served;
    } finally {
      lock.unlock();
    }
  }

  /** Answers that were refused so far. */
  long refused() {
    lock.lock();
    try {
      return refused;
    } finally {
      lock.unlock();
    }
  }

  /** The first answer that was refused; null when none was. */
  @Nullable Answer firstRefusal() {
    lock.lock();
    try {
      return firstRefusal;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    stopped = true;
    thread.interrupt();
    try {
      thread.join(1_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
