package io.signetmesh.e2e.decision;

import io.linkerd.transport.Header;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseDecoder;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2StreamChannelBootstrap;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.cli.simulate.Call;
import io.signetmesh.proxy.connect.TransportHeader;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/** Makes the calls of the cases: each on a connection of its own, with nothing repeated. */
final class CaseClient {
  private static final long LIMIT_SECONDS = 15;
  private static final byte[] BYTES = {0, 1, 2, 3, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, 0, 0, 0, 0};

  private final EventLoopGroup group;

  CaseClient(EventLoopGroup group) {
    this.group = group;
  }

  /**
   * A request.
   *
   * @param host value of the Host header or of {@code :authority}
   */
  record Request(String method, String path, String host, List<Call.Header> headers) {}

  /**
   * Where a call goes, and how.
   *
   * @param from address to call from
   * @param to listener of the proxy
   * @param tls client's side of mesh TLS; null for none
   * @param serverName name of the proxy
   * @param directPort port for the transport header of a direct connection; 0 for none
   */
  record Route(
      InetSocketAddress from,
      InetSocketAddress to,
      @Nullable SslContext tls,
      String serverName,
      int directPort) {}

  /**
   * What the client saw.
   *
   * @param local address that it called from
   * @param status HTTP status; 0 without one
   * @param grpcStatus gRPC status other than OK; -1 without one
   * @param location header of that name; null without one
   * @param application header that the application sets; null without one
   * @param bytes bytes that came back on a connection that is not HTTP
   */
  record Reply(
      InetSocketAddress local,
      int status,
      int grpcStatus,
      @Nullable String location,
      @Nullable String application,
      int bytes) {
    private static Reply of(InetSocketAddress local, Head head) {
      return new Reply(
          local, head.status(), head.grpcStatus(), head.location(), head.application(), 0);
    }
  }

  /** Head of a response, with the status of a call from its trailers. */
  private record Head(
      int status, int grpcStatus, @Nullable String location, @Nullable String application) {
    static final Head NONE = new Head(0, -1, null, null);
  }

  /** Sends so many requests over HTTP/1 at once; the reply is the last one's. */
  Reply http1(Route route, Request request, int times) throws Exception {
    StringBuilder head = new StringBuilder();
    head.append(request.method()).append(' ').append(request.path()).append(" HTTP/1.1\r\n");
    head.append("Host: ").append(request.host()).append("\r\n");
    request
        .headers()
        .forEach(
            header ->
                head.append(header.name()).append(": ").append(header.value()).append("\r\n"));
    head.append("\r\n");
    CompletableFuture<Head> last = new CompletableFuture<>();
    Channel channel =
        connect(
            route,
            new HttpResponseDecoder() {
              @Override
              protected boolean isContentAlwaysEmpty(HttpMessage message) {
                // A tunnel follows a CONNECT that succeeded, and no body (RFC 9110 9.3.6).
                return request.method().equals("CONNECT")
                        && message instanceof HttpResponse response
                        && response.status().codeClass() == HttpStatusClass.SUCCESS
                    || super.isContentAlwaysEmpty(message);
              }
            },
            new HttpObjectAggregator(1 << 16),
            new SimpleChannelInboundHandler<FullHttpResponse>() {
              private int seen;

              @Override
              protected void channelRead0(ChannelHandlerContext ctx, FullHttpResponse response) {
                if (++seen == times) {
                  last.complete(
                      new Head(
                          response.status().code(),
                          -1,
                          response.headers().get("location"),
                          response.headers().get(CaseApplication.HEADER)));
                }
              }

              @Override
              public void channelInactive(ChannelHandlerContext ctx) {
                last.complete(Head.NONE);
              }

              @Override
              public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                ctx.close();
              }
            });
    try {
      channel.writeAndFlush(
          Unpooled.copiedBuffer(head.toString().repeat(times), StandardCharsets.ISO_8859_1));
      return Reply.of(local(channel), get(last));
    } finally {
      channel.close();
    }
  }

  /** Sends so many requests over HTTP/2 at once; the reply is the last one's. */
  Reply http2(Route route, Request request, boolean grpc, int times) throws Exception {
    Channel channel =
        connect(
            route,
            Http2FrameCodecBuilder.forClient().validateHeaders(false).build(),
            new Http2MultiplexHandler(new ChannelInboundHandlerAdapter()));
    try {
      Http2Headers head =
          new DefaultHttp2Headers(false)
              .method(request.method())
              .scheme("http")
              .authority(request.host())
              .path(request.path());
      if (grpc) {
        head.add("content-type", "application/grpc").add("te", "trailers");
      }
      request
          .headers()
          .forEach(
              header -> head.add(header.name().toLowerCase(java.util.Locale.ROOT), header.value()));
      List<CompletableFuture<Head>> replies = new ArrayList<>();
      for (int i = 0; i < times; i++) {
        CompletableFuture<Head> reply = new CompletableFuture<>();
        replies.add(reply);
        Channel stream =
            new Http2StreamChannelBootstrap(channel)
                .handler(new Stream(reply))
                .open()
                .sync()
                .getNow();
        stream.write(new DefaultHttp2HeadersFrame(head, !grpc));
        if (grpc) {
          stream.write(new DefaultHttp2DataFrame(Unpooled.wrappedBuffer(new byte[5]), true));
        }
        stream.flush();
      }
      Head last = Head.NONE;
      for (CompletableFuture<Head> reply : replies) {
        last = get(reply);
      }
      return Reply.of(local(channel), last);
    } finally {
      channel.close();
    }
  }

  /** Sends bytes that are no HTTP, and waits for the first that come back, or the end. */
  Reply bytes(Route route, boolean applicationTls) throws Exception {
    CompletableFuture<Integer> first = new CompletableFuture<>();
    Channel channel =
        connect(
            route,
            new SimpleChannelInboundHandler<ByteBuf>() {
              @Override
              protected void channelRead0(ChannelHandlerContext ctx, ByteBuf bytes) {
                first.complete(bytes.readableBytes());
              }

              @Override
              public void channelInactive(ChannelHandlerContext ctx) {
                first.complete(0);
              }

              @Override
              public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                ctx.close();
              }
            });
    try {
      ByteBuf sent = Unpooled.buffer();
      if (route.directPort() != 0) {
        byte[] header = Header.newBuilder().setPort(route.directPort()).build().toByteArray();
        sent.writeBytes((TransportHeader.ALPN + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        sent.writeInt(header.length).writeBytes(header);
      }
      sent.writeBytes(applicationTls ? clientHello() : BYTES);
      channel.writeAndFlush(sent);
      return new Reply(local(channel), 0, -1, null, null, get(first));
    } finally {
      channel.close();
    }
  }

  private Channel connect(Route route, io.netty.channel.ChannelHandler... handlers)
      throws Exception {
    Channel channel =
        new Bootstrap()
            .group(group)
            .channel(NioSocketChannel.class)
            .localAddress(route.from())
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel opened) {
                    SslContext tls = route.tls();
                    if (tls != null) {
                      opened
                          .pipeline()
                          .addLast(
                              tls.newHandler(
                                  opened.alloc(), route.serverName(), route.to().getPort()));
                    }
                    opened.pipeline().addLast(handlers);
                  }
                })
            .connect(route.to())
            .sync()
            .channel();
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    if (tls != null) {
      tls.handshakeFuture().sync();
    }
    return channel;
  }

  private static InetSocketAddress local(Channel channel) {
    return (InetSocketAddress) channel.localAddress();
  }

  private static <T> T get(CompletableFuture<T> future) throws Exception {
    try {
      return future.get(LIMIT_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("no answer within " + LIMIT_SECONDS + " s", e);
    }
  }

  /** The first message of a TLS client that knows nothing of the mesh. */
  private static byte[] clientHello() throws Exception {
    SSLEngine engine = SSLContext.getDefault().createSSLEngine();
    engine.setUseClientMode(true);
    SSLParameters parameters = engine.getSSLParameters();
    parameters.setServerNames(List.of(new SNIHostName("app.example.com")));
    engine.setSSLParameters(parameters);
    ByteBuffer out = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
    engine.wrap(ByteBuffer.allocate(0), out);
    byte[] hello = new byte[out.flip().remaining()];
    out.get(hello);
    return hello;
  }

  /** Collects the statuses of a stream. */
  private static final class Stream extends ChannelInboundHandlerAdapter {
    private final CompletableFuture<Head> reply;
    private Head head = Head.NONE;

    Stream(CompletableFuture<Head> reply) {
      this.reply = reply;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (message instanceof Http2HeadersFrame frame) {
        Http2Headers headers = frame.headers();
        CharSequence code = headers.status();
        CharSequence grpc = headers.get("grpc-status");
        head =
            new Head(
                code == null ? head.status() : Integer.parseInt(code.toString()),
                grpc == null || grpc.toString().equals("0")
                    ? head.grpcStatus()
                    : Integer.parseInt(grpc.toString()),
                code == null ? head.location() : text(headers.get("location")),
                code == null ? head.application() : text(headers.get(CaseApplication.HEADER)));
      }
      ReferenceCountUtil.release(message);
    }

    private static @Nullable String text(@Nullable CharSequence value) {
      return value == null ? null : value.toString();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      reply.complete(head);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      ctx.close();
    }
  }
}
