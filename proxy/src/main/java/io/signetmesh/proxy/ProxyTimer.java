package io.signetmesh.proxy;

import java.util.List;
import java.util.Set;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The tasks of one proxy on the timer thread of its process. Shutting it down drops them and
 * refuses others, as shutting down a timer of its own would. Tasks must not block: the tasks of
 * other proxies wait for them.
 */
final class ProxyTimer extends AbstractExecutorService
    implements ScheduledExecutorService, AutoCloseable {
  private static final int FEW = 64;

  private final ScheduledExecutorService shared;
  private final Set<Future<?>> tasks = ConcurrentHashMap.newKeySet();
  private volatile int tidyAbove = FEW;
  private volatile boolean closed;

  /**
   * @param shared the timer of the process
   */
  ProxyTimer(ScheduledExecutorService shared) {
    this.shared = shared;
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
    return schedule(Executors.callable(task), delay, unit);
  }

  @Override
  public <V extends @Nullable Object> ScheduledFuture<V> schedule(
      Callable<V> task, long delay, TimeUnit unit) {
    refuseIfClosed();
    return keep(shared.schedule(task, delay, unit));
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable task, long initialDelay, long period, TimeUnit unit) {
    refuseIfClosed();
    return keep(shared.scheduleAtFixedRate(task, initialDelay, period, unit));
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable task, long initialDelay, long delay, TimeUnit unit) {
    refuseIfClosed();
    return keep(shared.scheduleWithFixedDelay(task, initialDelay, delay, unit));
  }

  @Override
  public void execute(Runnable task) {
    var unused = schedule(task, 0, TimeUnit.NANOSECONDS);
  }

  private void refuseIfClosed() {
    if (closed) {
      throw new RejectedExecutionException("the proxy has ended");
    }
  }

  private <F extends Future<?>> F keep(F task) {
    tasks.add(task);
    if (closed) {
      task.cancel(false);
    }
    if (tasks.size() > tidyAbove) {
      tasks.removeIf(Future::isDone);
      tidyAbove = Math.max(FEW, 2 * tasks.size());
    }
    return task;
  }

  /** Tasks that are remembered, to be dropped. */
  int remembered() {
    return tasks.size();
  }

  /** Drops all tasks; one that runs goes on. */
  @Override
  public void close() {
    closed = true;
    tasks.forEach(task -> task.cancel(false));
    tasks.clear();
  }

  @Override
  public void shutdown() {
    close();
  }

  @Override
  public List<Runnable> shutdownNow() {
    close();
    return List.of();
  }

  @Override
  public boolean isShutdown() {
    return closed;
  }

  @Override
  public boolean isTerminated() {
    return closed;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return closed;
  }
}
