package io.signetmesh.identity.channel;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.audit.AuditLog;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The threads of control traffic: daemons, shared by all control channels and servers of a process,
 * and apart from the loops of the data plane. What the servers may take together is bounded here.
 */
public final class ControlLoops implements AutoCloseable {
  private final EventLoopGroup group;
  private final ConnectionBudget connections;
  private final CallBudget calls;
  private final Refusals refusals;

  private ControlLoops(
      EventLoopGroup group, ConnectionBudget connections, CallBudget calls, Refusals refusals) {
    this.group = group;
    this.connections = connections;
    this.calls = calls;
    this.refusals = refusals;
  }

  /**
   * Starts loops without a record of refused calls; threads come into being with the first
   * connection.
   *
   * @param threads 1 is enough for a proxy
   */
  public static ControlLoops start(int threads) {
    return start(threads, AuditLog.none(), InstantSource.system());
  }

  /**
   * Starts loops; threads come into being with the first connection.
   *
   * @param threads 1 is enough for a control plane
   * @param audit gets the calls that servers refuse because a bound is hit, floods of them summed
   *     up
   */
  public static ControlLoops start(int threads, AuditLog audit, InstantSource clock) {
    return start(threads, ConnectionBudget.ofProcess(), CallBudget.ofProcess(), audit, clock);
  }

  static ControlLoops start(int threads, ConnectionBudget connections) {
    return start(
        threads, connections, CallBudget.ofProcess(), AuditLog.none(), InstantSource.system());
  }

  static ControlLoops start(
      int threads,
      ConnectionBudget connections,
      CallBudget calls,
      AuditLog audit,
      InstantSource clock) {
    EventLoopGroup group =
        new MultiThreadIoEventLoopGroup(
            threads, new DefaultThreadFactory("control", true), NioIoHandler.newFactory());
    return new ControlLoops(group, connections, calls, new Refusals(audit, clock, group));
  }

  /**
   * What the servers of the process take now, and what they refused since the start.
   *
   * @param connections TLS connections open
   * @param refusedConnections connections refused
   * @param identifiedBytes memory that calls of clients with a certificate hold
   * @param anonymousBytes memory that calls of clients without one hold
   * @param refusedCalls calls refused, by the label of the bound that was hit
   */
  public record Load(
      int connections,
      long refusedConnections,
      long identifiedBytes,
      long anonymousBytes,
      Map<String, Long> refusedCalls) {
    /** Copies the map. */
    public Load {
      refusedCalls = Map.copyOf(refusedCalls);
    }
  }

  /** The load of this moment. */
  public Load load() {
    return new Load(
        connections.taken(),
        connections.refused(),
        calls.identifiedBytes(),
        calls.anonymousBytes(),
        refusals.counts());
  }

  /** What the servers of the process may take together. */
  ConnectionBudget connections() {
    return connections;
  }

  /** What the calls of the servers of the process may hold together. */
  CallBudget calls() {
    return calls;
  }

  Refusals refusals() {
    return refusals;
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
