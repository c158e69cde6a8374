package io.signetmesh.proxy.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.PrematureChannelClosureException;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.authorize.RequestSyntax;
import io.signetmesh.proxy.forward.TcpRelay;
import io.signetmesh.proxy.http.Http1Writer.Framing;
import io.signetmesh.proxy.http.Http1Writer.MalformedHeadException;
import io.signetmesh.proxy.http.Http1Writer.Persistence;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.BufferHolder;
import io.signetmesh.proxy.memory.ConnectionMemory;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The server side of an HTTP/1 connection: one exchange at a time. It is the {@link ServerStream}
 * of its current exchange.
 *
 * <p>A complete request stops the decoder until it has been answered: pipelined requests, and bytes
 * of the protocol that an Upgrade or CONNECT asks for, stay what they are until then.
 */
final class Http1ServerConnection extends ChannelInboundHandlerAdapter
    implements ServerStream, BufferHolder {
  private static final String BAD_REQUEST = "400 Bad Request";

  /** Protocols that would carry requests past the proxy, by the name before their version. */
  private static final List<String> REQUEST_PROTOCOLS = List.of("http", "h2", "h2c", "h3", "tls");

  private static final byte LF = '\n';

  private final ProxyLoop loop;
  private final HttpConfig config;
  private final ExchangeFactory factory;
  private final Decoder decoder;
  private @Nullable ChannelHandlerContext context;
  private @Nullable Exchange exchange;
  private @Nullable ScheduledFuture<?> headTimer;
  private @Nullable ScheduledFuture<?> idleTimer;
  private @Nullable CharSequence upgradeProtocol;
  private boolean requestOpen;
  private boolean discardBody;
  private boolean responseOpen;
  private boolean responseStarted;
  private boolean head;
  private boolean http10;
  private boolean connect;
  private boolean keepAlive = true;
  private boolean chunked;
  private boolean untilClose;
  private boolean closing;
  private boolean bodyHeld;
  private boolean pipelineHeld;
  private boolean tunnel;

  Http1ServerConnection(ProxyLoop loop, HttpConfig config, ExchangeFactory factory) {
    this.loop = loop;
    this.config = config;
    this.factory = factory;
    this.decoder = new Decoder(this, config);
  }

  /** Adds the connection's handlers at the end of the pipeline. */
  void install(Channel channel) {
    channel.pipeline().addLast("http1-decoder", decoder);
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

  @Override
  public long heldBytes() {
    Exchange current = exchange;
    return current == null ? 0 : current.heldBytes();
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
    } else if (message instanceof HttpRequest request) {
      begin(ctx, request);
    } else if (message instanceof HttpContent content) {
      body(ctx, content);
    } else {
      ReferenceCountUtil.release(message);
    }
  }

  /**
   * Whether the next request has to wait: for the end of the response to the one before, or for a
   * client that asks without taking the answers.
   */
  private boolean blocked() {
    return !requestOpen && (responseOpen || !context().channel().isWritable());
  }

  private void begin(ChannelHandlerContext ctx, HttpRequest request) {
    stopHeadTimer();
    disarmIdle();
    http10 = !request.protocolVersion().equals(HttpVersion.HTTP_1_1);
    boolean ok = request.decoderResult().isSuccess();
    Http2Headers headers = ok ? Http1Heads.request(request) : null;
    if (headers == null || request.protocolVersion().majorVersion() != 1) {
      factory.malformed(
          ok ? request.method().name() : null,
          ok ? request.uri() : null,
          "head: " + (ok ? "target, host or version" : flaw(request.decoderResult())));
      refuse(ctx, tooLarge(request) ? "431 Request Header Fields Too Large" : BAD_REQUEST);
      return;
    }
    List<String> codings = request.headers().getAll(HeaderNames.TRANSFER_ENCODING);
    if (!codings.isEmpty()
        && !(codings.size() == 1 && codings.getFirst().trim().equalsIgnoreCase("chunked"))) {
      // RFC 9112 6.1: a coding that is not understood.
      factory.malformed(request.method().name(), request.uri(), "transfer coding");
      refuse(ctx, "501 Not Implemented");
      return;
    }
    if (request.method().name().equals("CONNECT")
        && (!codings.isEmpty() || request.headers().contains(HeaderNames.CONTENT_LENGTH))) {
      // RFC 9110 9.3.6: what follows it has no length, so that one that states a length is read in
      // two ways.
      factory.malformed(request.method().name(), request.uri(), "CONNECT with a body");
      refuse(ctx, BAD_REQUEST);
      return;
    }
    keepAlive = HttpUtil.isKeepAlive(request);
    head = request.method().name().equals("HEAD");
    connect = request.method().name().equals("CONNECT");
    boolean hasBody =
        !connect
            && (HttpUtil.isTransferEncodingChunked(request)
                || HttpUtil.getContentLength(request, 0L) > 0);
    upgradeProtocol = connect || hasBody || http10 ? null : upgrade(request);
    requestOpen = true;
    discardBody = !hasBody;
    responseOpen = true;
    responseStarted = false;
    untilClose = false;
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
    Exchange begun =
        factory.begin(this, ctx.channel(), headers, !hasBody, connect || protocol != null);
    exchange = begun.done() ? null : begun;
  }

  /**
   * The protocols that a request asks to go on with; null for none, and where one of them is HTTP
   * once more: its requests would be decided by nobody.
   */
  private static @Nullable CharSequence upgrade(HttpRequest request) {
    List<String> offers = request.headers().getAll(HeaderNames.UPGRADE);
    if (offers.isEmpty()) {
      return null;
    }
    String protocol = String.join(", ", offers);
    for (String offer : protocol.split(",", -1)) {
      String name = offer.strip();
      if (name.isEmpty()) {
        continue;
      }
      int version = name.indexOf('/');
      String plain = version < 0 ? name : name.substring(0, version);
      if (!RequestSyntax.isToken(plain)
          || (version >= 0 && !RequestSyntax.isToken(name.substring(version + 1)))
          || REQUEST_PROTOCOLS.contains(plain.toLowerCase(Locale.ROOT))) {
        return null;
      }
    }
    for (String connection : request.headers().getAll(HeaderNames.CONNECTION)) {
      if (HeaderNames.hasToken(connection, HeaderNames.UPGRADE)) {
        return protocol;
      }
    }
    return null;
  }

  /** What is wrong with a message, without what it holds: that may be secret. */
  private static String flaw(DecoderResult result) {
    return switch (result.cause()) {
      case TooLongFrameException e -> "larger than the limit";
      case PrematureChannelClosureException e -> "the connection ended in it";
      case RequestBytes.MalformedException e -> String.valueOf(e.getMessage());
      case null, default -> RequestBytes.withoutContent(result.cause());
    };
  }

  private static boolean tooLarge(HttpMessage message) {
    Throwable cause = message.decoderResult().cause();
    return cause instanceof TooLongHttpHeaderException || cause instanceof TooLongHttpLineException;
  }

  private void body(ChannelHandlerContext ctx, HttpContent content) {
    Exchange current = exchange;
    boolean last = content instanceof LastHttpContent;
    if (!content.decoderResult().isSuccess()) {
      String why = "body: " + flaw(content.decoderResult());
      content.release();
      exchange = null;
      if (current == null) {
        factory.malformed(null, null, why);
      } else {
        factory.malformed(current.request().method(), current.request().path(), why);
        current.requestAborted(Http2Error.PROTOCOL_ERROR.code());
      }
      if (responseStarted) {
        abort(Http2Error.PROTOCOL_ERROR.code());
      } else {
        refuse(ctx, BAD_REQUEST);
      }
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
    if (!goOn && !last && !closing) {
      bodyHeld = true;
      ctx.channel().config().setAutoRead(false);
    }
    if (last && !responseOpen) {
      nextRequest();
    }
  }

  @Override
  public void resumeRequest() {
    if (bodyHeld) {
      release();
    }
  }

  private void release() {
    bodyHeld = false;
    if (!pipelineHeld && !closing) {
      context().channel().config().setAutoRead(true);
    }
  }

  /** Bytes have come that have to wait for the end of the exchange. */
  private void hold() {
    if (!pipelineHeld) {
      pipelineHeld = true;
      context().channel().config().setAutoRead(false);
    }
  }

  private void refuse(ChannelHandlerContext ctx, String status) {
    ByteBuf out = ctx.alloc().directBuffer(96);
    ByteBufUtil.writeAscii(
        out, "HTTP/1.1 " + status + "\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    ctx.write(out, ctx.voidPromise());
    end(true);
  }

  /**
   * Closes the connection once everything has been written.
   *
   * @param unread whether the client may still be sending, see {@link LingeringClose}
   */
  private void end(boolean unread) {
    ChannelHandlerContext ctx = context();
    Channel channel = ctx.channel();
    closing = true;
    stopHeadTimer();
