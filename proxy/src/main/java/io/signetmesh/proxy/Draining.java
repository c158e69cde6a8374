package io.signetmesh.proxy;

import io.signetmesh.proxy.admin.AdminServer;
import io.signetmesh.proxy.http.exchange.Drain;
import io.signetmesh.proxy.loop.ProxyLoops;
import java.time.Duration;

/** Has connections end, and closes the proxy when the last is gone or the time is over. */
final class Draining implements Runnable {
  /** Connections that were taken when the successor asked for the listeners come within this. */
  private static final Duration LAST_ACCEPTED = Duration.ofMillis(250);

  /** How long clients have to notice that their connections end, when there is a successor. */
  private static final Duration ANNOUNCED = Duration.ofSeconds(5);

  private static final int LOOKS_A_SECOND = 10;

  private final ProxyLoops loops;
  private final Listeners listeners;
  private final AdminServer admin;
  private final Duration grace;
  private final Runnable over;
  private final boolean succeeded;
  private final Duration announced;
  private final long begun = System.nanoTime();
  private boolean ended;
  private int looks;

  /**
   * @param grace after which connections that are left are closed
   * @param succeeded whether a successor takes the connections from now on
   * @param over runs when the proxy may be closed, on a thread of its own
   */
  Draining(
      ProxyLoops loops,
      Listeners listeners,
      AdminServer admin,
      Duration grace,
      boolean succeeded,
      Runnable over) {
    this.loops = loops;
    this.listeners = listeners;
    this.admin = admin;
    this.grace = grace;
    this.succeeded = succeeded;
    this.over = over;
    Duration half = grace.dividedBy(2);
    this.announced = !succeeded ? Duration.ZERO : half.compareTo(ANNOUNCED) < 0 ? half : ANNOUNCED;
  }

  @Override
  public void run() {
    Duration since = Duration.ofNanos(System.nanoTime() - begun);
    boolean deaf = !succeeded || since.compareTo(LAST_ACCEPTED) >= 0;
    if (succeeded && deaf) {
      listeners.close();
      admin.listener().close();
    }
    // Told again: a connection whose protocol was not known has not understood it.
    if (looks++ % LOOKS_A_SECOND == 0) {
      loops.tellAccepted(since.compareTo(announced) < 0 ? Drain.ANNOUNCE : Drain.BEGIN);
    }
    boolean late = since.compareTo(grace) >= 0;
    if (!ended && looks > 1 && (late || (deaf && loops.accepted() == 0))) {
      ended = true;
      // Closing waits for threads: not on the timer's own.
      Thread.ofPlatform().name("proxy-close").start(over);
    }
  }
}
