package io.signetmesh.proxy.node.socket;

import io.signetmesh.identity.workload.WorkloadThreads;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads on which workloads are started and ended, a few at a time. One that takes long, because
 * its namespace or its predecessor does not answer, keeps no place: see {@link WorkloadThreads}.
 */
final class WorkloadStarts implements AutoCloseable {
  /** Workloads that start at the same time, without those that take long. */
  private static final int STARTING = 4;

  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().daemon().name("workload-starts").factory());
  private final WorkloadThreads threads;

  WorkloadStarts() {
    timer.setKeepAliveTime(10, TimeUnit.SECONDS);
    timer.allowCoreThreadTimeOut(true);
    this.threads = new WorkloadThreads(STARTING, timer);
  }

  /**
   * Does something for a workload that may take long.
   *
   * @param name {@code namespace/name}
   * @param first what has to be over before, whether it fails or not
   * @return completes when it is done, exceptionally when it fails
   */
  CompletableFuture<Void> after(CompletableFuture<?> first, String name, Runnable task) {
    return first.handle((done, failure) -> done).thenRunAsync(task, threads.newTurn(name));
  }

  /** Starts no more. What has begun goes on. */
  @Override
  public void close() {
    threads.close();
    timer.shutdownNow();
  }
}
