package io.signetmesh.proxy.http;

import io.netty.util.concurrent.EventExecutor;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.memory.Pace;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Ends requests whose body of a stated length does not come, although the application takes it:
 * each holds a connection to it. Bodies without a stated length may be streams that have nothing to
 * say for hours, and are not looked at. One look at all, none per request. Confined to its loop.
 */
final class SlowBodies {
  private final EventExecutor loop;
  private final Pace pace;
  private final Set<Body> bodies = new LinkedHashSet<>();
  private boolean looking;

  SlowBodies(EventExecutor loop, Pace pace) {
    this.loop = loop;
    this.pace = pace;
  }

  /** One body, which is watched until {@link #ended}. */
  final class Body {
    private final Exchange exchange;
    private final Runnable tooSlow;
    private long before;
    private boolean owed;

    private Body(Exchange exchange, Runnable tooSlow) {
      this.exchange = exchange;
      this.tooSlow = tooSlow;
    }

    /** The exchange is over. */
    void ended() {
      bodies.remove(this);
    }

    /** Whether it was owed all the time since the last look, and too little came. */
    private boolean isLate() {
      long now = exchange.bodyBytes();
      boolean owes = !exchange.bodyHeld();
      boolean late = owed && owes && now - before < pace.leastOfBody();
      before = now;
      owed = owes;
      return late;
    }
  }

  /**
   * Watches the body of a request that has begun.
   *
   * @param tooSlow ends it
   */
  Body watch(Exchange exchange, Runnable tooSlow) {
    Body body = new Body(exchange, tooSlow);
    bodies.add(body);
    if (!looking) {
      looking = true;
      schedule();
    }
    return body;
  }

  private void schedule() {
    loop.schedule(this::look, pace.bodyTime().toMillis(), TimeUnit.MILLISECONDS);
  }

  void look() {
    bodies.removeIf(body -> body.exchange.requestEnded());
    List<Body> late = new ArrayList<>();
    for (Body body : bodies) {
      if (body.isLate()) {
        late.add(body);
      }
    }
    late.forEach(body -> body.tooSlow.run());
    looking = !bodies.isEmpty();
    if (looking) {
      schedule();
    }
  }
}
