package io.signetmesh.identity.admin;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufOutputStream;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves {@code /metrics}, {@code /ready} and {@code /live} over HTTP/1.1. It has a thread of its
 * own for connections and one for scrapes, so that a scrape that takes long holds no probe. A
 * connection carries one request, which must be there within {@link #REQUEST_TIME} and is bounded
 * in all its sizes. There is nothing secret here and nothing can be changed, but names of workloads
 * and policies are told: listen on a loopback address, or where only the monitoring system reaches
 * it.
 */
public final class AdminServer implements AutoCloseable {
  /** For a whole request to arrive, and again for its answer to be taken. */
  static final Duration REQUEST_TIME = Duration.ofSeconds(15);

  /** Connections at the same time; further ones are closed at once. */
  static final int MAX_CONNECTIONS = 64;

  private static final Logger LOG = LoggerFactory.getLogger(AdminServer.class);
  private static final int LINE_BYTES = 2_048;
  private static final int HEADER_BYTES = 8_192;
  private static final int BODY_BYTES = 1_024;
  private static final String TEXT = "text/plain; charset=utf-8";
  private static final String METRICS = "text/plain; version=0.0.4; charset=utf-8";

  private final EventLoopGroup group;
  private final ExecutorService scrapes;
  private final Channel listener;
  private final ChannelGroup connections;

  private AdminServer(
      EventLoopGroup group, ExecutorService scrapes, Channel listener, ChannelGroup connections) {
    this.group = group;
    this.scrapes = scrapes;
    this.listener = listener;
    this.connections = connections;
  }

  /** Writes the metrics. */
  @FunctionalInterface
  interface Exposition {
    void write(OutputStream out) throws IOException;
  }

  /**
   * Where an admin server listens.
   *
   * @param address to bind; port 0 takes a free one
   * @param required whether the process must not start without; else it says so and goes on
   */
  public record Listen(InetSocketAddress address, boolean required) {}

  /**
   * Binds and serves.
   *
   * @param meters told at {@code /metrics}
   * @param ready whether {@code /ready} says so
   * @return empty when the address cannot be bound and is not required
   * @throws IOException when the address cannot be bound and is required
   */
  public static Optional<AdminServer> start(
      Listen listen, ServerMeters meters, BooleanSupplier ready) throws IOException {
    try {
      return Optional.of(start(listen.address(), meters::write, ready));
    } catch (IOException e) {
      if (listen.required()) {
        throw e;
      }
      LOG.warn("no metrics are served: {}", e.getMessage());
      return Optional.empty();
    }
  }

  static AdminServer start(InetSocketAddress listen, Exposition exposition, BooleanSupplier ready)
      throws IOException {
    EventLoopGroup group =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("admin", true), NioIoHandler.newFactory());
    ExecutorService scrapes =
        Executors.newSingleThreadExecutor(new DefaultThreadFactory("admin-scrapes", true));
    ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    HttpDecoderConfig decoder =
        new HttpDecoderConfig()
            .setMaxInitialLineLength(LINE_BYTES)
            .setMaxHeaderSize(HEADER_BYTES)
            .setMaxChunkSize(BODY_BYTES)
            .setValidateHeaders(true);
    ChannelFuture bound =
        new ServerBootstrap()
            .group(group)
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_REUSEADDR, true)
            .option(ChannelOption.SO_BACKLOG, MAX_CONNECTIONS)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    if (connections.size() >= MAX_CONNECTIONS) {
                      channel.close();
                      return;
                    }
                    connections.add(channel);
                    channel
                        .eventLoop()
                        .schedule(
                            () -> channel.close(),
                            2 * REQUEST_TIME.toMillis(),
                            TimeUnit.MILLISECONDS);
                    channel
                        .pipeline()
                        .addLast(
                            new HttpServerCodec(decoder),
                            new HttpObjectAggregator(BODY_BYTES, true),
                            new Requests(exposition, ready, scrapes));
                  }
                })
            .bind(listen)
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      scrapes.shutdownNow();
      throw new IOException(
          "admin address " + listen + " cannot be bound: " + bound.cause().getMessage(),
          bound.cause());
    }
    return new AdminServer(group, scrapes, bound.channel(), connections);
  }

  /** Address that the server listens on. */
  public InetSocketAddress address() {
    if (listener.localAddress() instanceof InetSocketAddress address) {
      return address;
    }
    throw new IllegalStateException("the admin server is closed");
  }

  /** Stops at once; open connections are closed. */
  @Override
  public void close() {
    listener.close();
    connections.close();
    scrapes.shutdownNow();
    group.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(3, TimeUnit.SECONDS);
  }

  private static final class Requests extends SimpleChannelInboundHandler<FullHttpRequest> {
    private final Exposition exposition;
    private final BooleanSupplier ready;
    private final Executor scrapes;
    private boolean asked;

    Requests(Exposition exposition, BooleanSupplier ready, Executor scrapes) {
      this.exposition = exposition;
      this.ready = ready;
      this.scrapes = scrapes;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
      context
          .executor()
          .schedule(
              () -> {
                if (!asked) {
                  context.close();
                }
              },
              REQUEST_TIME.toMillis(),
              TimeUnit.MILLISECONDS);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      if (asked) {
        return;
      }
      asked = true;
      boolean head = request.method().equals(HttpMethod.HEAD);
      FullHttpResponse refusal = refusal(request);
      if (refusal != null) {
        send(context, refusal, head);
      } else if (path(request.uri()).equals("/metrics")) {
        scrape(context, head);
      } else {
        send(context, answer(path(request.uri())), head);
      }
    }

    private void scrape(ChannelHandlerContext context, boolean head) {
      try {
        scrapes.execute(
            () -> {
              // Nobody waits any more for what came after scrapes that took too long.
              if (context.channel().isActive()) {
                FullHttpResponse metrics = metrics();
                context.executor().execute(() -> send(context, metrics, head));
              }
            });
      } catch (RejectedExecutionException e) {
        context.close();
      }
    }

    private static void send(
        ChannelHandlerContext context, FullHttpResponse response, boolean head) {
      response
          .headers()
          .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE)
          .set(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes());
      if (head) {
        response.content().clear();
      }
      context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }

    private static @Nullable FullHttpResponse refusal(FullHttpRequest request) {
      if (request.decoderResult().isFailure()) {
        return text(HttpResponseStatus.BAD_REQUEST, "not a request\n");
      }
      if (!request.method().equals(HttpMethod.GET) && !request.method().equals(HttpMethod.HEAD)) {
        FullHttpResponse refused =
            text(HttpResponseStatus.METHOD_NOT_ALLOWED, "expected GET or HEAD\n");
        refused.headers().set(HttpHeaderNames.ALLOW, "GET, HEAD");
        return refused;
      }
      return null;
    }

    private FullHttpResponse answer(String path) {
      return switch (path) {
        case "/live" -> text(HttpResponseStatus.OK, "live\n");
        case "/ready" ->
            ready.getAsBoolean()
                ? text(HttpResponseStatus.OK, "ready\n")
                : text(HttpResponseStatus.SERVICE_UNAVAILABLE, "not ready\n");
        default -> text(HttpResponseStatus.NOT_FOUND, "expected /metrics, /ready or /live\n");
      };
    }

    private FullHttpResponse metrics() {
      ByteBuf body = Unpooled.buffer();
      try (ByteBufOutputStream out = new ByteBufOutputStream(body)) {
        exposition.write(out);
      } catch (IOException | RuntimeException e) {
        LOG.error("metrics cannot be written", e);
        return text(HttpResponseStatus.INTERNAL_SERVER_ERROR, "see the log\n");
      }
      return response(HttpResponseStatus.OK, METRICS, body);
    }

    private static String path(String uri) {
      int query = uri.indexOf('?');
      return query < 0 ? uri : uri.substring(0, query);
    }

    private static FullHttpResponse text(HttpResponseStatus status, String text) {
      return response(status, TEXT, Unpooled.copiedBuffer(text, StandardCharsets.UTF_8));
    }

    private static FullHttpResponse response(HttpResponseStatus status, String type, ByteBuf body) {
      FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
      response.headers().set(HttpHeaderNames.CONTENT_TYPE, type);
      return response;
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      LOG.debug("{}: {}", context.channel().remoteAddress(), cause.toString());
      context.close();
    }
  }
}
