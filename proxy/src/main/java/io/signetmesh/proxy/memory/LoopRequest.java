package io.signetmesh.proxy.memory;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What other loops may ask of a loop, from any thread. Asked again before it is done, it is one.
 */
final class LoopRequest {
  private final Executor loop;
  private final Runnable action;
  private final AtomicBoolean asked = new AtomicBoolean();

  LoopRequest(Executor loop, Runnable action) {
    this.loop = loop;
    this.action = action;
  }

  void ask() {
    if (asked.compareAndSet(false, true)) {
      try {
        loop.execute(
            () -> {
              asked.set(false);
              action.run();
            });
      } catch (RejectedExecutionException e) {
        // The loop has ended, and what it held is free.
      }
    }
  }
}
