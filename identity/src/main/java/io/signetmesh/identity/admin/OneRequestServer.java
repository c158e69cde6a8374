package io.signetmesh.identity.admin;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
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
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.signetmesh.identity.live.AddressBlock;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An HTTP/1.1 server for small public documents. A connection carries one request, which must
 * arrive in time; all its sizes are limited. One thread handles all connections.
 */
public final class OneRequestServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(OneRequestServer.class);

  private final EventLoopGroup group;
  private final Channel listener;
  private final ChannelGroup connections;

  private OneRequestServer(EventLoopGroup group, Channel listener, ChannelGroup connections) {
    this.group = group;
    this.listener = listener;
    this.connections = connections;
  }

  /**
   * What a server takes.
   *
   * @param lineBytes longest request line
   * @param headerBytes longest header section
   * @param bodyBytes longest request body
   * @param connections connections at the same time; further ones are closed at once
   * @param connectionsOfHost connections of one IPv4 address or IPv6 /64 at the same time, so that
   *     it does not keep others out
   * @param requestTime for a whole request to arrive, from the start of TLS, and again for its
   *     answer to be taken
   */
  public record Limits(
      int lineBytes,
      int headerBytes,
      int bodyBytes,
      int connections,
      int connectionsOfHost,
      Duration requestTime) {}

  /** Makes the handlers of a new connection that are below HTTP. */
  @FunctionalInterface
  public interface Transport {
    /** The handlers, such as one for TLS; the connection is closed when it throws. */
    List<ChannelHandler> handlers(SocketChannel channel) throws IOException;
  }

  /** Answers requests, on the thread of the connections. */
  @FunctionalInterface
  public interface Requests {
    /** Answers with {@link OneRequestServer#send}, now or later on the executor of the context. */
    void answer(ChannelHandlerContext context, FullHttpRequest request);
  }

  /**
   * Binds and serves.
   *
   * @param name for threads and errors
   * @param address address to bind; port 0 selects a free port
   * @param transport makes the handlers of connections below HTTP
   * @throws IOException when the address cannot be bound
   */
  public static OneRequestServer start(
      String name, InetSocketAddress address, Limits limits, Transport transport, Requests requests)
      throws IOException {
    EventLoopGroup group =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory(name.replace(' ', '-'), true), NioIoHandler.newFactory());
    ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    ChannelFuture bound =
        new ServerBootstrap()
            .group(group)
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_REUSEADDR, true)
            .option(ChannelOption.SO_BACKLOG, limits.connections)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(new Connections(name, limits, connections, transport, requests))
            .bind(address)
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      throw new IOException(
          name + " " + address + " cannot be bound: " + bound.cause().getMessage(), bound.cause());
    }
    return new OneRequestServer(group, bound.channel(), connections);
  }

  /** Address that the server listens on. */
  public InetSocketAddress address() {
    if (listener.localAddress() instanceof InetSocketAddress address) {
      return address;
    }
    throw new IllegalStateException("the server is closed");
  }

  /** Stops at once; open connections are closed. */
  @Override
  public void close() {
    listener.close();
    connections.close();
    group.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(3, TimeUnit.SECONDS);
  }

  /** Sends the answer of a connection, and closes it. */
  public static void send(ChannelHandlerContext context, FullHttpResponse response, boolean head) {
    response
        .headers()
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE)
        .set(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes());
    if (head) {
      response.content().clear();
    }
    context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
  }

  /** The path of a request, without its query. */
  public static String path(FullHttpRequest request) {
    String uri = request.uri();
    int query = uri.indexOf('?');
    return query < 0 ? uri : uri.substring(0, query);
  }

  /** An answer of plain text. */
  public static FullHttpResponse text(HttpResponseStatus status, String text) {
    return response(
        status,
        "text/plain; charset=utf-8",
        Unpooled.wrappedBuffer(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** An answer of a media type. */
  public static FullHttpResponse response(HttpResponseStatus status, String type, ByteBuf body) {
    FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
    response.headers().set(HttpHeaderNames.CONTENT_TYPE, type);
    return response;
  }

  /** The refusal of another method than those that are expected. */
  public static FullHttpResponse notAllowed(String expected, String allow) {
    FullHttpResponse refused =
        text(HttpResponseStatus.METHOD_NOT_ALLOWED, "expected " + expected + "\n");
    refused.headers().set(HttpHeaderNames.ALLOW, allow);
    return refused;
  }

  /** Confined to the one event loop. */
  private static final class Connections extends ChannelInitializer<SocketChannel> {
    private final String name;
    private final Limits limits;
    private final ChannelGroup connections;
    private final Transport transport;
    private final Requests requests;
    private final Map<AddressBlock, Integer> hosts = new HashMap<>();
    private final HttpDecoderConfig decoder;

    Connections(
        String name,
        Limits limits,
        ChannelGroup connections,
        Transport transport,
        Requests requests) {
      this.name = name;
      this.limits = limits;
      this.connections = connections;
      this.transport = transport;
      this.requests = requests;
      this.decoder =
          new HttpDecoderConfig()
              .setMaxInitialLineLength(limits.lineBytes)
              .setMaxHeaderSize(limits.headerBytes)
              .setMaxChunkSize(limits.bodyBytes)
              .setValidateHeaders(true);
    }

    @Override
    protected void initChannel(SocketChannel channel) throws IOException {
      AddressBlock host = AddressBlock.of(channel.remoteAddress().getAddress());
      if (connections.size() >= limits.connections
          || hosts.getOrDefault(host, 0) >= limits.connectionsOfHost) {
        channel.close();
        return;
      }
      hosts.merge(host, 1, Integer::sum);
      channel
          .closeFuture()
          .addListener(closed -> hosts.computeIfPresent(host, (same, n) -> n > 1 ? n - 1 : null));
      connections.add(channel);
      transport.handlers(channel).forEach(channel.pipeline()::addLast);
      channel
          .pipeline()
          .addLast(
              new HttpServerCodec(decoder),
              new HttpObjectAggregator(limits.bodyBytes, true),
              new OneRequest(name, limits.requestTime, requests));
    }
  }

  /** One request and its answer in time; the timers end with the connection. */
  static final class OneRequest extends SimpleChannelInboundHandler<FullHttpRequest> {
    private final String name;
    private final Duration time;
    private final Requests requests;
    private @Nullable Future<?> untilAsked;
    private @Nullable Future<?> untilAnswered;
    private boolean asked;

    OneRequest(String name, Duration time, Requests requests) {
      this.name = name;
      this.time = time;
      this.requests = requests;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
      untilAsked = closeAfter(context, time.toMillis());
      untilAnswered = closeAfter(context, 2 * time.toMillis());
    }

    private static Future<?> closeAfter(ChannelHandlerContext context, long millis) {
      return context.executor().schedule(() -> context.close(), millis, TimeUnit.MILLISECONDS);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
      cancel(untilAsked);
      cancel(untilAnswered);
    }

    private static void cancel(@Nullable Future<?> timer) {
      if (timer != null) {
        timer.cancel(false);
      }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      if (asked) {
        return;
      }
      asked = true;
      cancel(untilAsked);
      if (request.decoderResult().isFailure()) {
        send(context, text(HttpResponseStatus.BAD_REQUEST, "not a request\n"), false);
      } else {
        requests.answer(context, request);
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      if (cause instanceof IOException || cause instanceof DecoderException) {
        log.debug("{}: {}", context.channel().remoteAddress(), cause.toString());
      } else {
        log.warn("{}: a request of {} failed", name, context.channel().remoteAddress(), cause);
      }
      context.close();
    }
  }
}
