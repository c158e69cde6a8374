package io.signetmesh.identity.channel;

import io.grpc.BindableService;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.InternalNettyServerCredentials;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.identity.state.SocketFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * A gRPC server on a Unix socket, for processes of this host. The kernel identifies the connecting
 * process; a process that is not admitted is disconnected before any of its bytes is read. {@link
 * LocalPeer#current} returns the process during a call. Calls and messages have limits as on a
 * {@link ControlServer}; each user gets a share of that budget.
 */
public final class LocalServer implements AutoCloseable {
  private static final Duration SETTINGS_TIMEOUT = Duration.ofSeconds(10);
  private static final int MAX_METADATA_BYTES = 4 * 1024;

  private final Server server;
  private final SocketFile file;
  private final EventLoopGroup group;
  private final ExecutorService workers;
  private final Path path;

  private LocalServer(
      Server server, SocketFile file, EventLoopGroup group, ExecutorService workers, Path path) {
    this.server = server;
    this.file = file;
    this.group = group;
    this.workers = workers;
    this.path = path;
  }

  /**
   * Configuration of a server.
   *
   * @param socket path of the Unix socket
   * @param mode mode of the socket, such as {@code rw-------}
   * @param admitted which processes may connect
   * @param workers number of threads that serve calls
   * @param maxConnections most open connections of all processes together
   * @param maxConnectionsOfUser most open connections of one user's processes
   * @param maxCalls most open calls of one connection
   * @param maxRequestBytes largest accepted message, in bytes
   * @param held whether the server keeps a handle of each process, which calls get as {@link
   *     PeerProcess}; a process that has exited or is not visible is then disconnected
   */
  public record Config(
      Path socket,
      String mode,
      Predicate<LocalPeer> admitted,
      int workers,
      int maxConnections,
      int maxConnectionsOfUser,
      int maxCalls,
      int maxRequestBytes,
      boolean held) {
    /** One limit for all connections, and no process handles. */
    public Config(
        Path socket,
        String mode,
        Predicate<LocalPeer> admitted,
        int workers,
        int maxConnections,
        int maxCalls,
        int maxRequestBytes) {
      this(
          socket,
          mode,
          admitted,
          workers,
          maxConnections,
          maxConnections,
          maxCalls,
          maxRequestBytes,
          false);
    }

    /**
     * A socket for operators: mode 0600, for the server's own user and root; 16 connections of 8
     * calls each, messages up to 64 KiB.
     *
     * @throws IOException when the own user id cannot be determined
     */
    public static Config ofOperators(Path socket) throws IOException {
      int own = LocalPeer.ownUser();
      return new Config(
          socket, "rw-------", peer -> peer.uid() == own || peer.uid() == 0, 1, 16, 8, 64 * 1024);
    }
  }

  /**
   * Binds and serves.
   *
   * @throws java.net.BindException when a running server has the socket
   * @throws IOException when the socket cannot be created
   */
  public static LocalServer start(
      Config config, ControlLoops loops, List<? extends BindableService> services)
      throws IOException {
    return claim(config).start(loops, services);
  }

  /**
   * Reserves the path of the socket, so that no other server can use it. Processes cannot connect
   * yet.
   *
   * @throws java.net.BindException when a running server has the socket
   * @throws IOException when the socket cannot be created
   */
  public static Claim claim(Config config) throws IOException {
    Throwable cause = Epoll.unavailabilityCause();
    if (cause != null) {
      throw new IOException(
          "socket " + config.socket() + " needs epoll, which does not work here: " + cause, cause);
    }
    return new Claim(config, SocketFile.take(config.socket(), config.mode()));
  }

  /** A reserved socket path without a server. */
  public static final class Claim implements AutoCloseable {
    private final Config config;
    private final SocketFile file;

    private Claim(Config config, SocketFile file) {
      this.config = config;
      this.file = file;
    }

    /**
     * Binds and serves. The server takes over the claim; on failure the claim is released.
     *
     * @throws IOException when the socket cannot be created
     */
    public LocalServer start(ControlLoops loops, List<? extends BindableService> services)
        throws IOException {
      return serve(config, file, loops, services);
    }

    /** Releases the path. Do not call it after {@link #start}. */
    @Override
    public void close() {
      file.close();
    }
  }

  private static LocalServer serve(
      Config config, SocketFile file, ControlLoops loops, List<? extends BindableService> services)
      throws IOException {
    EventLoopGroup group =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("local-control", true), EpollIoHandler.newFactory());
    ExecutorService workers =
        Executors.newFixedThreadPool(
            config.workers(), new DefaultThreadFactory("local-calls", true));
    LocalNegotiator negotiator =
        new LocalNegotiator(
            SETTINGS_TIMEOUT,
            config,
            loops,
            CallLimits.certified(
                config.maxCalls(), config.maxRequestBytes(), CallLimits.Times.DEFAULT, Map.of()));
    Server server = null;
    try {
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(
                  new DomainSocketAddress(file.temporary().toString()),
                  InternalNettyServerCredentials.create(negotiator))
              .bossEventLoopGroup(group)
              .workerEventLoopGroup(group)
              .channelType(EpollServerDomainSocketChannel.class)
              // gRPC sets it; Unix sockets do not have it.
              .withChildOption(ChannelOption.SO_KEEPALIVE, null)
              .executor(workers)
              .handshakeTimeout(SETTINGS_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
              .maxInboundMessageSize(config.maxRequestBytes())
              .maxInboundMetadataSize(MAX_METADATA_BYTES)
              .flowControlWindow(2 * config.maxRequestBytes() + 16)
              .maxConcurrentCallsPerConnection(config.maxCalls())
              .maxRstFramesPerWindow(10_000, 30)
              .intercept(new PeerInterceptor());
      services.forEach(builder::addService);
      server = builder.build().start();
      file.publish();
      return new LocalServer(server, file, group, workers, config.socket());
    } catch (IOException | RuntimeException e) {
      if (server != null) {
        server.shutdownNow();
      }
      workers.shutdownNow();
      group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      file.close();
      throw e;
    }
  }

  /** Path of the socket. */
  public Path path() {
    return path;
  }

  /** Removes the socket, cancels the calls in progress and waits up to 10 s for the end. */
  @Override
  public void close() {
    server.shutdownNow();
    try {
      server.awaitTermination(5, TimeUnit.SECONDS);
      workers.shutdown();
      workers.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    workers.shutdownNow();
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    // Last: as long as the name is taken, no other server of the same directory serves.
    file.close();
  }

  /** Puts the process into the context of each call. */
  private static final class PeerInterceptor implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      LocalPeer peer = call.getAttributes().get(LocalNegotiator.PEER);
      CallGuard guard = call.getAttributes().get(ServedConnections.GUARD);
      String stream = headers.get(CallGuard.STREAM);
      // Nothing is served that the connection's guard did not see.
      if (peer == null || guard == null || stream == null) {
        call.close(
            Status.UNAUTHENTICATED.withDescription("the calling process is not known"),
            new Metadata());
        return new ServerCall.Listener<>() {};
      }
      CallCharge<Q, A> charge = new CallCharge<>(call, guard, Integer.parseInt(stream));
      return charge.following(
          Contexts.interceptCall(
              Context.current()
                  .withValue(LocalPeer.KEY, peer)
                  .withValue(PeerProcess.KEY, call.getAttributes().get(LocalNegotiator.PROCESS))
                  .withValue(Caller.ADDRESS, "process " + peer.pid()),
              charge,
              headers,
              next));
    }
  }
}
