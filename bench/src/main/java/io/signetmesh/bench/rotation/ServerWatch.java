package io.signetmesh.bench.rotation;

import io.signetmesh.bench.fleet.CaProcess;
import io.signetmesh.bench.fleet.Fleet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Takes a {@link Sample} of a server and its proxies five times a second. */
final class ServerWatch implements AutoCloseable {
  private static final Duration INTERVAL = Duration.ofMillis(200);

  private final CaProcess server;
  private final Fleet fleet;
  private final ServerHeap heap;
  private final Thread watcher;

  // Guarded by this.
  private final List<Sample> samples = new ArrayList<>();

  private ServerWatch(CaProcess server, Fleet fleet, ServerHeap heap) {
    this.server = server;
    this.fleet = fleet;
    this.heap = heap;
    this.watcher = Thread.ofPlatform().daemon().name("server-watch").unstarted(this::run);
  }

  /** Begins with a first sample. */
  static ServerWatch start(CaProcess server, Fleet fleet) throws IOException {
    ServerWatch watch = new ServerWatch(server, fleet, ServerHeap.attach(server.pid()));
    watch.look();
    watch.watcher.start();
    return watch;
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(INTERVAL);
        look();
      }
    } catch (InterruptedException | IOException e) {
      // Closed, or a process has ended, which whoever waits for it reports.
      return;
    }
  }

  private void look() throws IOException {
    Fleet.State state = fleet.state();
    double megabytes = heap.usedMegabytes();
    Sample sample =
        new Sample(
            Instant.now(),
            server.cpuSeconds(),
            server.rssMegabytes(),
            megabytes,
            state.bundles(),
            state.reports(),
            state.certifies());
    synchronized (this) {
      samples.add(sample);
    }
  }

  /** The samples so far. */
  synchronized List<Sample> samples() {
    return List.copyOf(samples);
  }

  @Override
  public void close() throws IOException {
    watcher.interrupt();
    try {
      watcher.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    heap.close();
  }
}
