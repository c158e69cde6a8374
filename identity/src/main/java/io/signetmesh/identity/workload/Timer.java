package io.signetmesh.identity.workload;

import java.time.Duration;

/** Runs tasks one after the other, now or later: the single thread that owns all state here. */
interface Timer {
  /** Runs the task as soon as those before it are done. */
  void execute(Runnable task);

  /** Runs the task after a delay. */
  Scheduled schedule(Duration delay, Runnable task);

  /** A task that waits for its time. */
  interface Scheduled {
    /** Keeps the task from running, if it has not started. */
    void cancel();
  }
}
