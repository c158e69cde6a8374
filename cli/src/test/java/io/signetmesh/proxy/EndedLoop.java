package io.signetmesh.proxy;

import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.memory.Pace;
import java.util.concurrent.TimeUnit;

/** Has an event loop of a data plane end, as an {@code Error} in a listener's event would. */
public final class EndedLoop {
  private EndedLoop() {}

  /** Returns when the loop has ended and the proxies have been told. */
  public static void first(DataPlane plane) throws InterruptedException {
    try (ProxyLoops loops = plane.loops().forProxy(plane.loops().count(), Pace.DEFAULT)) {
      loops.loops().getFirst().eventLoop().shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
    }
  }
}
