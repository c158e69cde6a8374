package io.signetmesh.e2e.harness;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Waits for conditions, never for time to pass. */
public final class Await {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private Await() {}

  /** Waits, at most 20 s, until the condition holds and throws nothing. */
  public static void until(String what, Callable<Boolean> condition) {
    until(what, LIMIT, condition);
  }

  /**
   * Waits until the condition holds and throws nothing.
   *
   * @throws AssertionError when it has not by then; with what it threw last as the cause
   */
  public static void until(String what, Duration limit, Callable<Boolean> condition) {
    long end = System.nanoTime() + limit.toNanos();
    Throwable last = null;
    while (true) {
      try {
        if (condition.call()) {
          return;
        }
        last = null;
      } catch (Exception | AssertionError e) {
        last = e;
      }
      if (System.nanoTime() - end > 0) {
        throw failure(what, limit, last);
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  private static AssertionError failure(String what, Duration limit, @Nullable Throwable cause) {
    return new AssertionError("not within " + limit.toMillis() + " ms: " + what, cause);
  }
}
