package io.signetmesh.identity.workload;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Queue;

/** A timer and the clock that belongs to it; time passes only when a test says so. */
final class ManualTimer implements Timer, InstantSource {
  private final Queue<Runnable> ready = new ArrayDeque<>();
  private final PriorityQueue<Task> waiting =
      new PriorityQueue<>(Comparator.comparing(Task::at).thenComparing(Task::number));
  private Instant now;
  private long number;
  private boolean running;

  private record Task(Instant at, long number, Runnable work) {}

  ManualTimer(Instant now) {
    this.now = now;
  }

  @Override
  public Instant instant() {
    return now;
  }

  @Override
  public void execute(Runnable task) {
    ready.add(task);
    runReady();
  }

  @Override
  public Scheduled schedule(Duration delay, Runnable task) {
    Task added = new Task(now.plus(delay), number++, task);
    waiting.add(added);
    return () -> waiting.remove(added);
  }

  /** Lets time pass, and runs what falls due in its order. */
  void advance(Duration duration) {
    Instant end = now.plus(duration);
    Task next = waiting.peek();
    while (next != null && !next.at.isAfter(end)) {
      waiting.remove(next);
      now = next.at;
      execute(next.work);
      next = waiting.peek();
    }
    now = end;
  }

  /** One task after the other, never one within another. */
  private void runReady() {
    if (running) {
      return;
    }
    running = true;
    try {
      Runnable task = ready.poll();
      while (task != null) {
        task.run();
        task = ready.poll();
      }
    } finally {
      running = false;
    }
  }
}
