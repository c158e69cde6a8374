package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.loop.ProxyLoops;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A virtual thread that writes to a proxy which has stopped to read. */
final class StoppedWriter {
  /** What is ready before a turn of a loop is read by the end of the next one. */
  private static final int TURNS = 20;

  private StoppedWriter() {}

  /**
   * Waits until the writer waits, and nothing that the loops do lets it go on; fails after 30 s.
   *
   * @param written counts what it has written
   * @return the count then
   */
  static long await(Thread writer, AtomicLong written, ProxyLoops loops) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (true) {
      assertThat(System.nanoTime() - deadline)
          .as("the writer is not stopped: %s, %d written", writer.getState(), written.get())
          .isNegative();
      long before = written.get();
      boolean stopped = writer.getState() == Thread.State.WAITING;
      for (int turn = 0; turn < TURNS; turn++) {
        for (ProxyLoop loop : loops.loops()) {
          loop.eventLoop().submit(() -> {}).get(30, TimeUnit.SECONDS);
        }
      }
      if (stopped && writer.getState() == Thread.State.WAITING && written.get() == before) {
        return before;
      }
    }
  }
}
