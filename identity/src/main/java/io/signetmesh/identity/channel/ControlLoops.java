package io.signetmesh.identity.channel;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * The threads of control traffic: daemons, shared by all control channels and servers of a process,
 * and apart from the loops of the data plane.
 */
public final class ControlLoops implements AutoCloseable {
  private final EventLoopGroup group;

  private ControlLoops(EventLoopGroup group) {
    this.group = group;
  }

  /**
   * Starts loops; threads come into being with the first connection.
   *
   * @param threads 1 is enough for a proxy
   */
  public static ControlLoops start(int threads) {
    return new ControlLoops(
        new MultiThreadIoEventLoopGroup(
            threads, new DefaultThreadFactory("control", true), NioIoHandler.newFactory()));
  }

  EventLoopGroup group() {
    return group;
  }

  /** Ends the loops; channels and servers on them must have been closed before. Does not wait. */
  @Override
  public void close() {
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
