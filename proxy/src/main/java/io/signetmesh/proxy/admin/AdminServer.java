package io.signetmesh.proxy.admin;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.unix.FileDescriptor;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.flow.FlowControlHandler;
import io.netty.handler.timeout.WriteTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.signetmesh.proxy.loop.ProxyLoops;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Serves HTTP/1.1 on the admin port. It has one thread of its own, so that neither a scrape nor a
 * hostile client takes time from the data plane. The requests of a connection are answered one at a
 * time. Each must arrive within {@link Limits#requestTime}, and all sizes are bounded.
 */
public final class AdminServer implements AutoCloseable {
  /** Of answers that clients have not read, bytes: some expositions of a busy proxy. */
  static final long MAX_UNREAD = 32L * 1024 * 1024;

  private final EventLoopGroup group;
  private final Channel listener;
  private final ChannelGroup connections;

  /**
   * Bounds of what a client may take.
   *
   * @param connections connections at the same time; then the address that holds most loses one
   * @param requestTime from the opening of a connection, or the last answer, to a whole request
   * @param writeTime for an answer to be taken
   * @param lineBytes request line
   * @param headerBytes all headers
   * @param bodyBytes body
   */
  record Limits(
      int connections,
      Duration requestTime,
      Duration writeTime,
      int lineBytes,
      int headerBytes,
      int bodyBytes) {
    static final Limits DEFAULT =
        new Limits(128, Duration.ofSeconds(15), Duration.ofSeconds(30), 4096, 8192, 4096);
  }

  private AdminServer(EventLoopGroup group, Channel listener, ChannelGroup connections) {
    this.group = group;
    this.listener = listener;
    this.connections = connections;
  }

  /**
   * Binds and serves.
   *
   * @throws IOException when the address cannot be bound
   */
  public static AdminServer start(InetSocketAddress listen, AdminSurface surface, AdminGuard guard)
      throws IOException {
    return start(listen, List.of(), surface, guard, Limits.DEFAULT);
  }

  /**
   * Takes over a listening socket of a predecessor. Serves from {@link #accept} on.
   *
   * @param descriptors listening sockets; one is used, and the server owns and closes all of them
   * @throws IOException when the socket does not listen on {@code listen}
   */
  public static AdminServer adopt(
      InetSocketAddress listen,
      List<FileDescriptor> descriptors,
      AdminSurface surface,
      AdminGuard guard)
      throws IOException {
    return start(listen, descriptors, surface, guard, Limits.DEFAULT);
  }

  /**
   * @param guard decides about requests; null: all are answered
   */
  static AdminServer start(
      InetSocketAddress listen, AdminSurface surface, @Nullable AdminGuard guard, Limits limits)
      throws IOException {
    return start(listen, List.of(), surface, guard, limits);
  }

  /**
   * @param descriptors what listens on the address already; empty: it is bound
   * @param guard decides about requests; null: all are answered
   */
  private static AdminServer start(
      InetSocketAddress listen,
      List<FileDescriptor> descriptors,
      AdminSurface surface,
      @Nullable AdminGuard guard,
      Limits limits)
      throws IOException {
    // A listener of NIO can neither be handed over nor taken over.
    boolean epoll = Epoll.isAvailable();
    EventLoopGroup group =
        new MultiThreadIoEventLoopGroup(
            1,
            new DefaultThreadFactory("admin", true),
            epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
    ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    AdminConnections room = new AdminConnections(limits.connections(), MAX_UNREAD);
    AdminRequests requests = new AdminRequests(surface, LogLevels.find());
    HttpDecoderConfig decoder =
        new HttpDecoderConfig()
            .setMaxInitialLineLength(limits.lineBytes())
            .setMaxHeaderSize(limits.headerBytes())
            .setMaxChunkSize(limits.bodyBytes())
            .setValidateHeaders(true);
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(group)
            .option(ChannelOption.SO_REUSEADDR, true)
            .option(ChannelOption.SO_BACKLOG, limits.connections())
            .childOption(ChannelOption.AUTO_READ, false)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    if (!room.admit(channel)) {
                      channel.close();
                      return;
                    }
                    connections.add(channel);
                    channel
                        .pipeline()
                        .addLast(
                            new WriteTimeoutHandler(
                                limits.writeTime().toMillis(), TimeUnit.MILLISECONDS));
                    if (guard != null) {
                      channel.pipeline().addLast(new AdminTls(guard));
                    }
                    channel
                        .pipeline()
                        .addLast(
                            new HttpServerCodec(decoder),
                            new HttpObjectAggregator(limits.bodyBytes()),
                            new FlowControlHandler(),
                            new AdminConnection(requests, guard, room, limits.requestTime()));
                  }
                });
    ChannelFuture bound;
    if (descriptors.isEmpty()) {
      bound =
          bootstrap
              .channel(epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
              .bind(listen)
              .awaitUninterruptibly();
    } else {
      for (FileDescriptor more : descriptors.subList(1, descriptors.size())) {
        more.close();
      }
      if (!ProxyLoops.listensAt(descriptors.getFirst(), listen)) {
        descriptors.getFirst().close();
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        throw new IOException(
            "admin address " + listen + ": the socket that was handed over does not listen there");
      }
      int descriptor = descriptors.getFirst().intValue();
      bound =
          bootstrap
              .option(ChannelOption.AUTO_READ, false)
              .channelFactory(() -> new EpollServerSocketChannel(descriptor))
              .register()
              .awaitUninterruptibly();
    }
    if (!bound.isSuccess()) {
      group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      throw new IOException("admin address " + listen + " cannot be bound", bound.cause());
    }
    return new AdminServer(group, bound.channel(), connections);
  }

  /** Address that the server listens on, with the port that the system chose for port 0. */
  public InetSocketAddress address() {
    if (listener.localAddress() instanceof InetSocketAddress address) {
      return address;
    }
    throw new IllegalStateException("admin server is closed");
  }

  /** The listening channel. */
  public Channel listener() {
    return listener;
  }

  /** Accepts connections, for the first time or again after {@link #pause}. */
  public void accept() {
    listener.config().setAutoRead(true);
  }

  /** Accepts no more connections; they wait in the kernel's queue. */
  public void pause() {
    listener.config().setAutoRead(false);
  }

  /** Stops at once and closes open connections. */
  @Override
  public void close() {
    listener.close();
    connections.close();
    group.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(3, TimeUnit.SECONDS);
  }
}
