package io.signetmesh.proxy.admin;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.proxy.worker.FairWorkers;
import java.util.concurrent.TimeUnit;

/**
 * The event loop of what a process serves beside traffic: the admin servers and the handover
 * sockets of all its proxies. It has one thread, so that neither a scrape nor a hostile client
 * takes time from the data plane, and another one makes pages of metrics. Admin servers take turns
 * on both ({@link AdminTurns}, {@link MetricsPages}); probes are answered at once. It uses epoll
 * where that works: listeners of NIO can neither be handed over nor taken over.
 */
public final class AdminLoop implements AutoCloseable {
  /** Of answers of all servers that clients have not read, bytes: some pages of metrics. */
  static final long MAX_UNREAD = 32L * 1024 * 1024;

  /** Connections of all servers at the same time, beside the places that each has for itself. */
  static final int MAX_CONNECTIONS = 512;

  /** Of pages that are kept for whoever asks for them next, bytes of all servers. */
  private static final long MAX_KEPT = 32L * 1024 * 1024;

  private final boolean shared;
  private final AdminConnections connections = new AdminConnections(MAX_CONNECTIONS, MAX_UNREAD);
  private final boolean epoll = Epoll.isAvailable();
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(
          1,
          new DefaultThreadFactory("admin", true),
          epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
  private final AdminTurns turns = new AdminTurns(group.next());
  private final FairWorkers workers = new FairWorkers("metrics", 1);
  private final MetricsPages.Room room;

  /** The loop of a process with one workload. */
  public AdminLoop() {
    this(false);
  }

  /**
   * @param shared whether the process has several workloads: none of them changes then what the
   *     process logs
   */
  public AdminLoop(boolean shared) {
    this.shared = shared;
    this.room = new MetricsPages.Room(shared, MAX_KEPT);
  }

  /** Whether the process has several workloads. */
  boolean isShared() {
    return shared;
  }

  /** Whether it is a loop of epoll. */
  public boolean isEpoll() {
    return epoll;
  }

  /** The connections to all servers of the loop. Confined to it. */
  AdminConnections connections() {
    return connections;
  }

  /**
   * Makes the turn of a server.
   *
   * @param most connections to it at the same time
   */
  AdminTurns.Turn newTurn(int most) {
    return turns.newTurn(most);
  }

  /** Makes the pages of a server. */
  MetricsPages newPages() {
    return new MetricsPages(group.next(), workers, room);
  }

  /** The loop, for servers. */
  public EventLoopGroup group() {
    return group;
  }

  /** Stops at once and closes what is open. */
  @Override
  public void close() {
    workers.close();
    group.shutdownGracefully(0, 2, TimeUnit.SECONDS);
  }
}
