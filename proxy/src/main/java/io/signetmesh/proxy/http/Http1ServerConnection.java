package io.signetmesh.proxy.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.http.Http1Writer.Framing;
import io.signetmesh.proxy.http.Http1Writer.MalformedHeadException;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The server side of an HTTP/1 connection: one exchange at a time, pipelined requests wait. It is
 * the {@link ServerStream} of its current exchange.
 */
final class Http1ServerConnection extends ChannelInboundHandlerAdapter implements ServerStream {
  private final ProxyLoop loop;
  private final HttpConfig config;
  private final ExchangeFactory factory;
  private final ArrayDeque<Object> pipelined = new ArrayDeque<>(4);
  private @Nullable ChannelHandlerContext context;
  private @Nullable Exchange exchange;
  private @Nullable ScheduledFuture<?> headTimer;
  private @Nullable ScheduledFuture<?> idleTimer;
  private @Nullable CharSequence upgradeProtocol;
  private boolean requestOpen;
  private boolean discardBody;
  private boolean responseOpen;
  private boolean head;
  private boolean http10;
  private boolean connect;
  private boolean keepAlive = true;
  private boolean chunked;
  private boolean closing;
  private boolean held;
  private boolean tunnel;

  Http1ServerConnection(ProxyLoop loop, HttpConfig config, ExchangeFactory factory) {
    this.loop = loop;
    this.config = config;
    this.factory = factory;
  }

  /** Adds the connection's handlers at the end of the pipeline. */
  void install(Channel channel) {
    channel.pipeline().addLast("http1-decoder", new Decoder(this));
    channel.pipeline().addLast("http1-server", this);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
    armIdle();
  }

  private ChannelHandlerContext context() {
    ChannelHandlerContext ctx = context;
    if (ctx == null) {
      throw new IllegalStateException("HTTP/1 handler is not in a pipeline");
    }
    return ctx;
  }

  // ---- requests

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (tunnel) {
      ctx.fireChannelRead(message);
      return;
    }
    if (closing) {
      ReferenceCountUtil.release(message);
      return;
    }
    if (responseOpen && !requestOpen) {
      // The next request waits until this one has been answered; reading stops meanwhile.
      pipelined.add(message);
      ctx.channel().config().setAutoRead(false);
      held = true;
      return;
    }
    handle(ctx, message);
  }

  private void handle(ChannelHandlerContext ctx, Object message) {
    if (message instanceof HttpRequest request) {
      begin(ctx, request);
    } else if (message instanceof HttpContent content) {
      body(ctx, content);
    } else {
      ReferenceCountUtil.release(message);
    }
  }

  private void begin(ChannelHandlerContext ctx, HttpRequest request) {
    stopHeadTimer();
    disarmIdle();
    http10 = !request.protocolVersion().equals(HttpVersion.HTTP_1_1);
    boolean ok = request.decoderResult().isSuccess();
    Http2Headers headers = ok ? Http1Heads.request(request) : null;
    if (headers == null || request.protocolVersion().majorVersion() != 1) {
      refuse(ctx, tooLarge(request) ? "431" : "400");
      return;
    }
    keepAlive = HttpUtil.isKeepAlive(request);
    head = request.method().name().equals("HEAD");
    connect = request.method().name().equals("CONNECT");
    boolean hasBody =
        !connect
            && (HttpUtil.isTransferEncodingChunked(request)
                || HttpUtil.getContentLength(request, 0L) > 0);
    upgradeProtocol = connect ? null : upgrade(request);
    requestOpen = true;
    discardBody = !hasBody;
    responseOpen = true;
    if (request.uri().charAt(0) != '/' && !connect && request.uri().length() > 1) {
      headers.add(OriginalForm.NAME, OriginalForm.ABSOLUTE);
    }
    if (http10) {
      headers.add(OriginalForm.VERSION, OriginalForm.HTTP_10);
    }
    CharSequence protocol = upgradeProtocol;
    if (protocol != null) {
      headers.set(HeaderNames.UPGRADE, protocol);
    }
    exchange = factory.begin(this, ctx.channel(), headers, !hasBody, connect || protocol != null);
  }

  private static @Nullable CharSequence upgrade(HttpRequest request) {
    String protocol = request.headers().get(HeaderNames.UPGRADE);
    if (protocol == null
        || !HeaderNames.hasToken(request.headers().get(HeaderNames.CONNECTION), HeaderNames.UPGRADE)
        || AsciiString.contentEqualsIgnoreCase("h2c", protocol)) {
      return null;
    }
    return protocol;
  }

  private static boolean tooLarge(HttpMessage message) {
    Throwable cause = message.decoderResult().cause();
    return cause instanceof io.netty.handler.codec.http.TooLongHttpHeaderException
        || cause instanceof io.netty.handler.codec.http.TooLongHttpLineException;
  }

  private void body(ChannelHandlerContext ctx, HttpContent content) {
    Exchange current = exchange;
    boolean last = content instanceof LastHttpContent;
    if (!content.decoderResult().isSuccess()) {
      content.release();
      closing = true;
      if (current != null) {
        current.requestAborted(Http2Error.PROTOCOL_ERROR.code());
      }
      ctx.close();
      return;
    }
    if (last) {
      requestOpen = false;
    }
    if (discardBody || current == null) {
      content.release();
      if (last && !responseOpen) {
        nextRequest();
      }
      return;
    }
    boolean goOn;
    if (last && !((LastHttpContent) content).trailingHeaders().isEmpty()) {
      if (content.content().isReadable()) {
        current.requestData(content.content().retain(), false);
      }
      current.requestTrailers(Http1Heads.trailers(((LastHttpContent) content).trailingHeaders()));
      content.release();
      goOn = true;
    } else {
      goOn = current.requestData(content.content(), last);
    }
    if (!goOn && !last) {
      held = true;
      ctx.channel().config().setAutoRead(false);
    }
    if (last && !responseOpen) {
      nextRequest();
    }
  }

  @Override
  public void resumeRequest() {
    if (held && requestOpen) {
      held = false;
      context().channel().config().setAutoRead(true);
    }
  }

  private void refuse(ChannelHandlerContext ctx, String status) {
    closing = true;
    ByteBuf out = ctx.alloc().directBuffer(64);
    io.netty.buffer.ByteBufUtil.writeAscii(
        out,
        "HTTP/1.1 "
            + status
            + (status.equals("431") ? " Request Header Fields Too Large" : " Bad Request")
            + "\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    ctx.writeAndFlush(out).addListener(ChannelFutureListener.CLOSE);
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    Exchange current = exchange;
    if (current != null && ctx.channel().isWritable()) {
      current.resumeResponse();
      loop.markDirty(ctx.channel());
    }
    ctx.fireChannelWritabilityChanged();
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    closing = true;
    stopHeadTimer();
    disarmIdle();
    Exchange current = exchange;
    exchange = null;
    if (current != null) {
      current.requestAborted(Http2Error.CANCEL.code());
    }
    pipelined.forEach(ReferenceCountUtil::release);
    pipelined.clear();
    factory.closed();
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    // I/O errors and decoder errors both end the connection; channelInactive cleans up.
    ctx.close();
  }

  /** A FIN: nothing more will be asked. What is being answered is answered first. */
  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event == Drain.BEGIN) {
      keepAlive = false;
      if (!responseOpen) {
        ctx.close();
      }
    } else if (event == io.netty.channel.socket.ChannelInputShutdownEvent.INSTANCE && !tunnel) {
      Exchange current = exchange;
      if (!responseOpen) {
        ctx.close();
      } else if (requestOpen && !discardBody && current != null) {
        current.requestAborted(Http2Error.CANCEL.code());
        ctx.close();
      } else {
        keepAlive = false;
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  // ---- responses

  @Override
  public void informational(Http2Headers headers) {
    if (http10) {
      return;
    }
    write(headers, Framing.NONE, false, null);
  }

  @Override
  public void head(Http2Headers headers, boolean end) {
    CharSequence status = headers.status();
    boolean switching = status != null && AsciiString.contentEquals("101", status);
    if (switching
        || (connect && status != null && status.length() == 3 && status.charAt(0) == '2')) {
      CharSequence protocol = switching ? headers.get(HeaderNames.UPGRADE) : null;
      write(headers, Framing.NONE, false, protocol == null ? upgradeProtocol : protocol);
      return;
    }
    boolean bodiless =
        head
            || status == null
            || AsciiString.contentEquals("204", status)
            || AsciiString.contentEquals("304", status);
    Framing framing;
    if (bodiless) {
      framing = Framing.NONE;
    } else if (headers.contains(HeaderNames.CONTENT_LENGTH)) {
      framing = Framing.LENGTH;
    } else if (end) {
      framing = Framing.EMPTY;
    } else if (http10) {
      framing = Framing.CLOSE;
      keepAlive = false;
    } else {
      framing = Framing.CHUNKED;
    }
    chunked = framing == Framing.CHUNKED;
    if (requestOpen && !discardBody && end) {
      // Answered before the body was read: what follows on the wire is not worth reading.
      keepAlive = false;
    }
    write(headers, framing, !keepAlive, null);
    if (end) {
      responseEnded();
    }
  }

  private void write(
      Http2Headers headers, Framing framing, boolean close, @Nullable CharSequence upgrade) {
    ChannelHandlerContext ctx = context();
    try {
      ctx.channel()
          .write(
              Http1Writer.response(ctx.alloc(), headers, framing, close, upgrade),
              ctx.voidPromise());
      loop.markDirty(ctx.channel());
    } catch (MalformedHeadException e) {
      abort(Http2Error.PROTOCOL_ERROR.code());
    }
  }

  @Override
  public boolean data(ByteBuf data, boolean end) {
    Channel channel = context().channel();
    Http1Writer.data(channel, data, chunked, end);
    loop.markDirty(channel);
    if (end) {
      responseEnded();
    }
    return channel.isWritable();
  }

  @Override
  public void trailers(Http2Headers trailers) {
    Channel channel = context().channel();
    if (chunked) {
      try {
        Http1Writer.trailers(channel, trailers);
      } catch (MalformedHeadException e) {
        abort(Http2Error.PROTOCOL_ERROR.code());
        return;
      }
    }
    loop.markDirty(channel);
    responseEnded();
  }

  @Override
  public void abort(long http2ErrorCode) {
    closing = true;
    context().close();
  }

  @Override
  public void closeAfterResponse() {
    keepAlive = false;
  }

  private void responseEnded() {
    ChannelHandlerContext ctx = context();
    exchange = null;
    responseOpen = false;
    if (requestOpen && !discardBody) {
      keepAlive = false;
    }
    if (!keepAlive) {
      closing = true;
      ctx.writeAndFlush(io.netty.buffer.Unpooled.EMPTY_BUFFER)
          .addListener(ChannelFutureListener.CLOSE);
      return;
    }
    if (!requestOpen) {
      nextRequest();
    }
  }

  private void nextRequest() {
    ChannelHandlerContext ctx = context();
    while (!pipelined.isEmpty() && !closing && !(responseOpen && !requestOpen)) {
      handle(ctx, pipelined.poll());
    }
    if (closing) {
      pipelined.forEach(ReferenceCountUtil::release);
      pipelined.clear();
      return;
    }
    if (held && pipelined.isEmpty()) {
      held = false;
      ctx.channel().config().setAutoRead(true);
    }
    if (!responseOpen) {
      armIdle();
    }
  }

  // ---- leaving HTTP

  /** Takes HTTP off the pipeline; bytes that follow go to {@code relay}. */
  void becomeTunnel(io.netty.channel.ChannelHandler relay) {
    ChannelHandlerContext ctx = context();
    tunnel = true;
    exchange = null;
    disarmIdle();
    Channel channel = ctx.channel();
    channel.pipeline().addLast("tunnel", relay);
    // Removing the decoder hands on the bytes that it has not parsed.
    channel.pipeline().remove("http1-decoder");
    channel.pipeline().remove(this);
    channel.config().setAutoRead(true);
  }

  // ---- timers

  private void partialHead() {
    if (headTimer == null && !responseOpen) {
      ChannelHandlerContext ctx = context();
      headTimer =
          ctx.executor()
              .schedule(
                  () -> {
                    closing = true;
                    ctx.close();
                  },
                  config.headTimeout().toMillis(),
                  TimeUnit.MILLISECONDS);
    }
  }

  private void stopHeadTimer() {
    ScheduledFuture<?> timer = headTimer;
    if (timer != null) {
      timer.cancel(false);
      headTimer = null;
    }
  }

  private long idleSince;

  /** One timer per connection looks at the time of the last request, none is made per request. */
  private void armIdle() {
    idleSince = System.nanoTime();
    if (idleTimer == null) {
      ChannelHandlerContext ctx = context();
      idleTimer =
          ctx.executor()
              .schedule(
                  () -> {
                    idleTimer = null;
                    if (closing || tunnel) {
                      return;
                    }
                    if (!responseOpen
                        && System.nanoTime() - idleSince >= config.idleTimeout().toNanos()) {
                      ctx.close();
                    } else {
                      long since = idleSince;
                      armIdle();
                      idleSince = since;
                    }
                  },
                  config.idleTimeout().toMillis(),
                  TimeUnit.MILLISECONDS);
    }
  }

  private void disarmIdle() {
    if (closing || tunnel) {
      ScheduledFuture<?> timer = idleTimer;
      if (timer != null) {
        timer.cancel(false);
        idleTimer = null;
      }
    }
  }

  /** Strict request decoder that notices heads which arrive slowly. */
  private static final class Decoder extends HttpRequestDecoder {
    private final Http1ServerConnection connection;

    Decoder(Http1ServerConnection connection) {
      super(
          new HttpDecoderConfig()
              .setMaxInitialLineLength(connection.config.maxHeadBytes())
              .setMaxHeaderSize(connection.config.maxHeadBytes())
              .setMaxChunkSize(64 * 1024)
              .setAllowDuplicateContentLengths(false)
              .setStrictLineParsing(true)
              .setUseRfc9112TransferEncoding(true));
      this.connection = connection;
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out)
        throws Exception {
      int before = out.size();
      super.decode(ctx, in, out);
      if (out.size() == before && !connection.tunnel) {
        connection.partialHead();
      }
    }

    /** Both Transfer-Encoding and Content-Length: an attempt at smuggling (RFC 9112 6.1). */
    @Override
    protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
      throw new IllegalArgumentException(
          "both transfer-encoding: chunked and content-length are present");
    }
  }
}
