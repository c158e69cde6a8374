package io.signetmesh.identity.channel;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.channel.send.SendBudget;
import java.net.InetAddress;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The event loop threads of control traffic. They are daemon threads, shared by all control
 * channels and servers of a process, and separate from the data plane's event loops. They also hold
 * the limits that all servers of the process share.
 */
public final class ControlLoops implements AutoCloseable {
  /**
   * For a loop to go round once more. Netty closes the channels of a loop in its next round;
   * without a quiet period a loop that runs a task at that moment ends first and leaves them open.
   */
  private static final long QUIET_MILLIS = 50;

  private final EventLoopGroup group;
  private final ConnectionBudget connections;
  private final CallBudget calls;
  private final SendBudget sends;
  private final Map<EventLoop, HandshakeTurns> handshakes;
  private final Refusals refusals;
  private final @Nullable InetAddress source;

  private ControlLoops(
      EventLoopGroup group,
      ConnectionBudget connections,
      CallBudget calls,
      SendBudget sends,
      Map<EventLoop, HandshakeTurns> handshakes,
      Refusals refusals,
      @Nullable InetAddress source) {
    this.group = group;
    this.handshakes = handshakes;
    this.source = source;
    this.connections = connections;
    this.calls = calls;
    this.sends = sends;
    this.refusals = refusals;
  }

  /**
   * Starts loops without audit records of refused calls. Threads start with the first connection.
   *
   * @param threads number of threads; 1 is enough for a proxy
   */
  public static ControlLoops start(int threads) {
    return start(threads, AuditLog.none(), InstantSource.system());
  }

  /**
   * Starts loops. Threads start with the first connection.
   *
   * @param threads number of threads; 1 is enough for a control plane
   * @param audit gets the calls that servers refuse because of a limit; floods of them are
   *     summarized
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
    return new ControlLoops(
        group,
        connections,
        calls,
        SendBudget.ofProcess(),
        new ConcurrentHashMap<>(),
        new Refusals(audit, clock, group),
        null);
  }

  /**
   * These loops for the channels of a workload that has an address of its own on this host: their
   * connections come from it. Servers share what they have by address. Close the original only.
   *
   * @param source an address of this host
   */
  public ControlLoops from(InetAddress source) {
    return new ControlLoops(group, connections, calls, sends, handshakes, refusals, source);
  }

  /**
   * Current load of the process's servers, and refusals since the start.
   *
   * @param connections open TLS connections
   * @param refusedConnections connections refused
   * @param identifiedBytes memory held by calls of clients with a certificate, in bytes
   * @param anonymousBytes memory held by calls of clients without a certificate, in bytes
   * @param refusedCalls calls refused, by the label of the limit
   * @param cutConnections connections cut because the trust in their callers ended, by the code of
   *     the cause
   */
  public record Load(
      int connections,
      long refusedConnections,
      long identifiedBytes,
      long anonymousBytes,
      Map<String, Long> refusedCalls,
      Map<String, Long> cutConnections) {
    /** Copies the maps. */
    public Load {
      refusedCalls = Map.copyOf(refusedCalls);
      cutConnections = Map.copyOf(cutConnections);
    }
  }

  /** The current load. */
  public Load load() {
    return new Load(
        connections.taken(),
        connections.refused(),
        calls.identifiedBytes(),
        calls.anonymousBytes(),
        refusals.counts(),
        refusals.cuts());
  }

  /** Turns of the handshakes of an event loop of these. Servers of the process share them. */
  HandshakeTurns handshakes(EventLoop loop) {
    return handshakes.computeIfAbsent(
        loop, _ -> new HandshakeTurns(loop, connections, System::nanoTime));
  }

  /** What the servers of the process may take together. */
  ConnectionBudget connections() {
    return connections;
  }

  /** What the calls of the servers of the process may hold together. */
  CallBudget calls() {
    return calls;
  }

  /** Large answers that all servers of the process have on their way together. */
  SendBudget sends() {
    return sends;
  }

  Refusals refusals() {
    return refusals;
  }

  EventLoopGroup group() {
    return group;
  }

  /** One of the loops, for callbacks of calls over a shared channel. They must not block. */
  public Executor next() {
    return group.next();
  }

  /** Where connections come from; null for what the system selects. */
  @Nullable InetAddress source() {
    return source;
  }

  /**
   * Stops the loops without waiting, and closes what is open on them. Close all channels and
   * servers on them first, so that peers are told.
   */
  @Override
  public void close() {
    group.shutdownGracefully(QUIET_MILLIS, 1_000, TimeUnit.MILLISECONDS);
  }
}
