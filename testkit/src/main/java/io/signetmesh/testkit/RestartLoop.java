package io.signetmesh.testkit;

import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A workload whose proxy is killed and started again until the loop is closed. */
public final class RestartLoop implements AutoCloseable {
  /** The life of one proxy: most have a certificate by then, on a busy host some do not. */
  private static final Duration LIFE = Duration.ofSeconds(4);

  private static final Duration END = Duration.ofSeconds(30);

  private final MeshProcesses mesh;
  private final HostWorkload workload;
  private final Map<String, String> overrides;
  private final Path log;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final AtomicInteger starts = new AtomicInteger();
  private final Thread thread;
  private volatile @Nullable Throwable failure;

  private RestartLoop(
      MeshProcesses mesh, HostWorkload workload, Map<String, String> overrides, Path log) {
    this.mesh = mesh;
    this.workload = workload;
    this.overrides = overrides;
    this.log = log;
    this.thread = Thread.ofPlatform().daemon().name("restarts").unstarted(this::run);
  }

  /**
   * Kills the proxy of a workload, and each one that follows.
   *
   * @param overrides variables that replace those of {@link MeshProcesses#proxyEnvironment}
   */
  public static RestartLoop of(
      MeshProcesses mesh,
      HostWorkload workload,
      SignetProcess proxy,
      Map<String, String> overrides) {
    proxy.kill();
    RestartLoop loop =
        new RestartLoop(
            mesh,
            workload,
            Map.copyOf(overrides),
            proxy.log().resolveSibling("restarts." + workload.name() + ".log"));
    loop.thread.start();
    return loop;
  }

  private void run() {
    try {
      boolean ended;
      do {
        Map<String, String> environment = new HashMap<>(mesh.proxyEnvironment(workload));
        environment.putAll(overrides);
        SignetProcess proxy =
            SignetProcess.start(workload.name() + " again", log, environment, List.of("proxy"));
        starts.incrementAndGet();
        try {
          ended = closed.await(LIFE.toMillis(), TimeUnit.MILLISECONDS);
        } finally {
          proxy.kill();
        }
      } while (!ended);
    } catch (IOException | RuntimeException e) {
      failure = e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** How often the proxy was started. */
  public int starts() {
    return starts.get();
  }

  /**
   * Ends with the proxy killed.
   *
   * @throws IllegalStateException when a proxy could not be started
   */
  @Override
  public void close() {
    closed.countDown();
    try {
      thread.join(END);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (failure != null) {
      throw new IllegalStateException(workload.name() + " was not restarted", failure);
    }
  }
}
