package io.signetmesh.bench;

import java.io.IOException;
import java.util.List;

/** Looks at the memory of processes several times a second and keeps the highest values. */
final class PeakMemory implements AutoCloseable {
  private static final long INTERVAL_MILLIS = 250;
  private static final int LOOKS_PER_PSS = 8;

  private final ProcessUsage usage;
  private final List<Long> pids;
  private final Thread watcher;
  private volatile double rss;
  private volatile double pss;

  private PeakMemory(ProcessUsage usage, List<Long> pids) {
    this.usage = usage;
    this.pids = pids;
    this.watcher = Thread.ofPlatform().daemon().name("peak-memory").unstarted(this::run);
  }

  static PeakMemory watch(ProcessUsage usage, List<Long> pids) {
    PeakMemory memory = new PeakMemory(usage, pids);
    memory.watcher.start();
    return memory;
  }

  double rssMegabytes() {
    return rss;
  }

  double pssMegabytes() {
    return pss;
  }

  private void run() {
    int looks = 0;
    try {
      while (true) {
        rss = Math.max(rss, usage.rssMegabytes(pids));
        // Adding up proportional shares walks all pages, so seldom.
        if (looks++ % LOOKS_PER_PSS == 0) {
          pss = Math.max(pss, usage.pssMegabytes(pids));
        }
        Thread.sleep(INTERVAL_MILLIS);
      }
    } catch (InterruptedException | IOException e) {
      // Closed, or a process has ended, which its pair reports.
      return;
    }
  }

  @Override
  public void close() {
    watcher.interrupt();
    try {
      watcher.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
