package io.signetmesh.proxy.admin;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.unix.FileDescriptor;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.flow.FlowControlHandler;
import io.netty.handler.timeout.WriteTimeoutHandler;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.signetmesh.proxy.loop.ProxyLoops;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Serves HTTP/1.1 on the admin port, on the {@link AdminLoop} of the process. The requests of a
 * connection are answered one at a time. Each must arrive within {@link Limits#requestTime}, and
 * all sizes are bounded.
 */
public final class AdminServer implements AutoCloseable {
  private final Channel listener;
  private final ChannelGroup connections;
  private final MetricsPages pages;

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

  private AdminServer(Channel listener, ChannelGroup connections, MetricsPages pages) {
    this.listener = listener;
    this.connections = connections;
    this.pages = pages;
  }

  /** Makes the answers of a server. */
  @FunctionalInterface
  private interface Answers {
    AdminAnswers with(MetricsPages pages);
  }

  /**
   * Binds and serves.
   *
   * @throws IOException when the address cannot be bound
   */
  public static AdminServer start(
      AdminLoop loop, InetSocketAddress listen, AdminSurface surface, AdminGuard guard)
      throws IOException {
    return start(loop, listen, List.of(), requests(loop, surface), guard, Limits.DEFAULT);
  }

  /**
   * Binds and serves for a process with several workloads. There is no policy for the port, see
   * {@link NodeRequests}.
   *
   * @throws IOException when the address cannot be bound
   */
  public static AdminServer start(AdminLoop loop, InetSocketAddress listen, NodeSurface surface)
      throws IOException {
    return start(
        loop,
        listen,
        List.of(),
        pages -> new NodeRequests(surface, pages, LogLevels.find()),
        null,
        Limits.DEFAULT);
  }

  /**
   * Takes over a listening socket of a predecessor. Serves from {@link #accept} on.
   *
   * @param descriptors listening sockets; one is used, and the server owns and closes all of them
   * @throws IOException when the socket does not listen on {@code listen}
   */
  public static AdminServer adopt(
      AdminLoop loop,
      InetSocketAddress listen,
      List<FileDescriptor> descriptors,
      AdminSurface surface,
      AdminGuard guard)
      throws IOException {
    return start(loop, listen, descriptors, requests(loop, surface), guard, Limits.DEFAULT);
  }

  /**
   * @param guard decides about requests; null: all are answered
   */
  static AdminServer start(
      AdminLoop loop,
      InetSocketAddress listen,
      AdminSurface surface,
      @Nullable AdminGuard guard,
      Limits limits)
      throws IOException {
    return start(loop, listen, List.of(), requests(loop, surface), guard, limits);
  }

  private static Answers requests(AdminLoop loop, AdminSurface surface) {
    return pages -> new AdminRequests(surface, pages, loop.isShared() ? null : LogLevels.find());
  }

  /**
   * @param descriptors what listens on the address already; empty: it is bound
   * @param guard decides about requests; null: all are answered
   */
  private static AdminServer start(
      AdminLoop loop,
      InetSocketAddress listen,
      List<FileDescriptor> descriptors,
      Answers answers,
      @Nullable AdminGuard guard,
      Limits limits)
      throws IOException {
    MetricsPages pages = loop.newPages();
    AdminAnswers requests = answers.with(pages);
    AdminTurns.Turn turn = loop.newTurn(limits.connections());
    // A connection that is accepted while the server closes is closed as well.
    ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
    AdminConnections.Share room = loop.connections().share(limits.connections());
    HttpDecoderConfig decoder =
        new HttpDecoderConfig()
            .setMaxInitialLineLength(limits.lineBytes())
            .setMaxHeaderSize(limits.headerBytes())
            .setMaxChunkSize(limits.bodyBytes())
            .setValidateHeaders(true);
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loop.group())
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
                      channel.pipeline().addLast(new AdminTls(guard, turn));
                    }
                    channel
                        .pipeline()
                        .addLast(
                            new HttpServerCodec(decoder),
                            new HttpObjectAggregator(limits.bodyBytes()),
                            new FlowControlHandler(),
                            new AdminConnection(requests, guard, turn, room, limits.requestTime()));
                  }
                });
    ChannelFuture bound;
    if (descriptors.isEmpty()) {
      bound =
          bootstrap
              .channel(
                  loop.isEpoll() ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
              .bind(listen)
              .awaitUninterruptibly();
    } else {
      for (FileDescriptor more : descriptors.subList(1, descriptors.size())) {
        more.close();
      }
      if (!ProxyLoops.listensAt(descriptors.getFirst(), listen)) {
        descriptors.getFirst().close();
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
      throw new IOException("admin address " + listen + " cannot be bound", bound.cause());
    }
    return new AdminServer(bound.channel(), connections, pages);
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
    ChannelFuture closed = listener.close();
    connections.close();
    pages.close();
    if (!listener.eventLoop().inEventLoop()) {
      // The address is free when this returns.
      closed.awaitUninterruptibly(1, TimeUnit.SECONDS);
    }
  }
}
