package io.signetmesh.audit.delivery;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Delayed;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** A timer whose time goes on when a test says so, and a turn whose tasks it runs. */
final class ManualTime extends AbstractExecutorService implements ScheduledExecutorService {
  private final Queue<Runnable> turn = new ConcurrentLinkedQueue<>();
  private final List<Task<?>> tasks = new ArrayList<>();
  private long now = 1_000_000;

  private static final class Task<V> extends FutureTask<V> implements ScheduledFuture<V> {
    private final long at;

    Task(Callable<V> what, long at) {
      super(what);
      this.at = at;
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return at;
    }

    @Override
    public int compareTo(Delayed other) {
      return Long.compare(at, ((Task<?>) other).at);
    }
  }

  synchronized long nanoTime() {
    return now;
  }

  Executor turn() {
    return turn::add;
  }

  /** Runs what is to be run now; false: nothing was. */
  boolean drain() {
    boolean ran = false;
    for (Runnable task = turn.poll(); task != null; task = turn.poll()) {
      task.run();
      ran = true;
    }
    return ran;
  }

  /** Lets time pass. */
  void pass(Duration time) {
    long end;
    synchronized (this) {
      end = now + time.toNanos();
    }
    while (true) {
      Optional<Task<?>> due;
      synchronized (this) {
        tasks.removeIf(FutureTask::isDone);
        due = tasks.stream().filter(task -> task.at <= end).min(Comparator.naturalOrder());
        now = due.map(task -> Math.max(now, task.at)).orElse(end);
      }
      if (due.isEmpty()) {
        return;
      }
      due.get().run();
      drain();
    }
  }

  /** How long until the next task is due. */
  synchronized Duration untilNext() {
    tasks.removeIf(FutureTask::isDone);
    return Duration.ofNanos(tasks.stream().mapToLong(task -> task.at).min().orElseThrow() - now);
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
    return schedule(
        () -> {
          task.run();
          return "";
        },
        delay,
        unit);
  }

  @Override
  public synchronized <V> ScheduledFuture<V> schedule(Callable<V> what, long delay, TimeUnit unit) {
    Task<V> task = new Task<>(what, now + unit.toNanos(delay));
    tasks.add(task);
    return task;
  }

  /** What is done again and again is not done here: tests say when. */
  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable task, long initial, long delay, TimeUnit unit) {
    return new Task<>(() -> "", 0);
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable task, long initial, long period, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void execute(Runnable task) {
    turn.add(task);
  }

  @Override
  public void shutdown() {}

  @Override
  public List<Runnable> shutdownNow() {
    return List.of();
  }

  @Override
  public boolean isShutdown() {
    return false;
  }

  @Override
  public boolean isTerminated() {
    return false;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return false;
  }
}
