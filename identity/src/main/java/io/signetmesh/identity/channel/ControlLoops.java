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
  private final ConnectionBudget connections;

  private ControlLoops(EventLoopGroup group, ConnectionBudget connections) {
    this.group = group;
    this.connections = connections;
  }

  /**
   * Starts loops; threads come into being with the first connection.
   *
   * @param threads 1 is enough for a proxy
   */
  public static ControlLoops start(int threads) {
    return start(threads, ConnectionBudget.ofProcess());
  }

  static ControlLoops start(int threads, ConnectionBudget connections) {
    return new ControlLoops(
        new MultiThreadIoEventLoopGroup(
            threads, new DefaultThreadFactory("control", true), NioIoHandler.newFactory()),
        connections);
  }

  /** What the servers of the process may take together. */
  ConnectionBudget connections() {
    return connections;
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
