package io.signetmesh.proxy.http.h1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
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
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.forward.TcpRelay;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Drain;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.ExchangeFactory;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.OriginalForm;
import io.signetmesh.proxy.http.exchange.RequestBytes;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.http.exchange.WorkBudget;
import io.signetmesh.proxy.http.h1.Http1Writer.Framing;
import io.signetmesh.proxy.http.h1.Http1Writer.MalformedHeadException;
import io.signetmesh.proxy.http.h1.Http1Writer.Persistence;
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
public final class Http1ServerConnection extends ChannelInboundHandlerAdapter
    implements ServerStream, BufferHolder {
  private static final String BAD_REQUEST = "400 Bad Request";
  private static final String TOO_LARGE = "431 Request Header Fields Too Large";

  /** Protocols that would carry requests past the proxy, by the name before their version. */
  private static final List<String> REQUEST_PROTOCOLS = List.of("http", "h2", "h2c", "h3", "tls");

  private static final byte LF = '\n';

  private final ProxyLoop loop;
  private final HttpConfig config;
  private final ExchangeFactory factory;
  private final ClientAccount account;
  private final WorkBudget budget;
  private boolean exhausted;
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
  private boolean draining;
  private boolean chunked;
  private boolean untilClose;
  private boolean closing;
  private boolean bodyHeld;
  private boolean pipelineHeld;
  private boolean tunnel;

  public Http1ServerConnection(ProxyLoop loop, HttpConfig config, ExchangeFactory factory) {
    this.loop = loop;
    this.config = config;
    this.factory = factory;
    this.account = factory.account();
    this.budget = account.connectionBudget();
    this.decoder = new Decoder(this, config);
  }

  /** Adds the connection's handlers at the end of the pipeline. */
  public void install(Channel channel) {
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
      refuse(ctx, tooLarge(request) ? TOO_LARGE : BAD_REQUEST);
      return;
    }
    if (Http1Heads.listSize(request.headers()) + request.uri().length() > config.maxHeadBytes()) {
      factory.malformed(request.method().name(), request.uri(), "head: larger than the limit");
      refuse(ctx, TOO_LARGE);
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
    if (codings.isEmpty()
        && !request.headers().contains(HeaderNames.CONTENT_LENGTH)
        && HttpUtil.getContentLength(request, 0L) > 0) {
      // The codec reads a body of a WebSocket draft of 2010, which nobody else would see.
      factory.malformed(request.method().name(), request.uri(), "a body without a length");
      refuse(ctx, BAD_REQUEST);
      return;
    }
    keepAlive = HttpUtil.isKeepAlive(request) && !draining;
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
    decoder.drop();
    if (unread && !exhausted) {
      LingeringClose.begin(channel);
    } else {
      if (exhausted) {
        // Whoever makes too much work of no use is not read to the end.
        channel.config().setAutoRead(false);
      }
      LingeringClose.closeOnceWritten(channel);
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    Exchange current = exchange;
    if (ctx.channel().isWritable()) {
      if (current != null) {
        current.resumeResponse();
      } else if (pipelineHeld && !responseOpen) {
        nextRequest();
      }
      loop.markDirty(ctx.channel());
    }
    ctx.fireChannelWritabilityChanged();
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    recordUnfinishedHead();
    closing = true;
    stopHeadTimer();
    disarmIdle();
    Exchange current = exchange;
    exchange = null;
    if (current != null) {
      current.requestAborted(Http2Error.CANCEL.code());
    }
    factory.closed();
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    // I/O errors and decoder errors both end the connection; channelInactive cleans up.
    ctx.close();
  }

  /**
   * A FIN: nothing more will be asked. The decoder keeps it back until everything that was asked
   * before has been answered.
   */
  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof Drain) {
      draining = true;
      if (event == Drain.BEGIN || !responseStarted) {
        keepAlive = false;
      }
      if (event == Drain.BEGIN && !responseOpen && !closing && !tunnel) {
        recordUnfinishedHead();
        end(false);
      }
    } else if (event == ChannelInputShutdownEvent.INSTANCE && !tunnel) {
      Exchange current = exchange;
      if (closing) {
        ctx.close();
      } else if (!responseOpen) {
        recordUnfinishedHead();
        end(false);
      } else if (requestOpen) {
        exchange = null;
        closing = true;
        if (current != null) {
          current.requestAborted(Http2Error.CANCEL.code());
        }
        ctx.close();
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  // ---- responses

  @Override
  public boolean multiplexed() {
    return false;
  }

  @Override
  public void refused() {
    int cost = ClientAccount.Waste.REFUSAL.cost();
    if (!(budget.spend(cost) & account.budget().spend(cost))) {
      if (!exhausted) {
        exhausted = true;
        factory.exhausted(ClientAccount.Waste.REFUSAL);
      }
      closeAfterResponse();
    }
  }

  @Override
  public void informational(Http2Headers headers) {
    if (http10) {
      return;
    }
    write(headers, Framing.NONE, Persistence.IMPLIED, null);
  }

  @Override
  public void head(Http2Headers headers, boolean end) {
    CharSequence status = headers.status();
    boolean switching = status != null && AsciiString.contentEquals("101", status);
    if (switching
        || (connect && status != null && status.length() == 3 && status.charAt(0) == '2')) {
      CharSequence protocol = switching ? headers.get(HeaderNames.UPGRADE) : null;
      responseStarted = true;
      if (!switching) {
        // RFC 9110 9.3.6: a tunnel has no length.
        headers.remove(HeaderNames.CONTENT_LENGTH);
      }
      CharSequence stated = protocol == null ? upgradeProtocol : protocol;
      write(headers, Framing.NONE, Persistence.IMPLIED, switching ? stated : null);
      return;
    }
    if (connect) {
      // What the client has sent behind the head may be meant for the tunnel that it did not get.
      keepAlive = false;
    }
    boolean bodiless =
        head
            || status == null
            || AsciiString.contentEquals("204", status)
            || AsciiString.contentEquals("304", status);
    Framing framing;
    if (bodiless) {
      framing = Framing.NONE;
      if (!head && status != null && AsciiString.contentEquals("204", status)) {
        // RFC 9110 8.6
        headers.remove(HeaderNames.CONTENT_LENGTH);
      }
    } else if (headers.contains(HeaderNames.CONTENT_LENGTH)) {
      framing = Framing.LENGTH;
    } else if (end) {
      framing = Framing.EMPTY;
    } else if (http10) {
      framing = Framing.CLOSE;
      keepAlive = false;
      untilClose = true;
    } else {
      framing = Framing.CHUNKED;
    }
    chunked = framing == Framing.CHUNKED;
    responseStarted = true;
    if (requestOpen && !discardBody && (end || isError(status))) {
      // Answered before the body was read: what follows on the wire is not worth reading.
      keepAlive = false;
    }
    Persistence persistence =
        !keepAlive ? Persistence.CLOSE : http10 ? Persistence.KEEP_ALIVE : Persistence.IMPLIED;
    write(headers, framing, persistence, null);
    if (end && !closing) {
      responseEnded();
    }
  }

  private static boolean isError(@Nullable CharSequence status) {
    return status != null && status.length() == 3 && status.charAt(0) >= '4';
  }

  private void write(
      Http2Headers headers,
      Framing framing,
      Persistence persistence,
      @Nullable CharSequence upgrade) {
    ChannelHandlerContext ctx = context();
    try {
      ctx.channel()
          .write(
              Http1Writer.response(ctx.alloc(), headers, framing, persistence, upgrade),
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
    Channel channel = context().channel();
    closing = true;
    Exchange current = exchange;
    exchange = null;
    if (current != null) {
      current.requestAborted(http2ErrorCode);
    }
    // A close would look like the end of the body: only a reset tells the truth.
    Endings.cut(channel);
  }

  @Override
  public void closeAfterResponse() {
    keepAlive = false;
  }

  private void responseEnded() {
    exchange = null;
    responseOpen = false;
    boolean unread = requestOpen && !discardBody;
    if (!keepAlive || unread) {
      end(unread || decoder.holdsBytes());
      return;
    }
    if (!requestOpen) {
      nextRequest();
    }
  }

  private void nextRequest() {
    if (closing || tunnel) {
      return;
    }
    armIdle();
    boolean wasHeld = bodyHeld || pipelineHeld;
    bodyHeld = false;
    pipelineHeld = false;
    decoder.resume();
    if (wasHeld && !bodyHeld && !pipelineHeld && !closing && !tunnel) {
      context().channel().config().setAutoRead(true);
    }
  }

  // ---- leaving HTTP

  @Override
  public void becomeTunnel(Channel upstream, Runnable closed) {
    ChannelHandlerContext ctx = context();
    Channel channel = ctx.channel();
    tunnel = true;
    ConnectionMemory account = ConnectionMemory.of(channel);
    if (account != null) {
      account.answers(false);
    }
    exchange = null;
    stopHeadTimer();
    disarmIdle();
    TcpRelay.join(
        loop,
        channel,
        upstream,
        () -> {
          closed.run();
          factory.closed();
        });
    channel.pipeline().remove(this);
    // Last, because the decoder hands on what it has not parsed, to the relay.
    channel.pipeline().remove(decoder);
    loop.markDirty(channel);
    loop.markDirty(upstream);
  }

  // ---- timers

  private void partialHead() {
    if (headTimer == null && !responseOpen) {
      ChannelHandlerContext ctx = context();
      headTimer =
          ctx.executor()
              .schedule(
                  () -> {
                    factory.malformed(null, null, "head: not complete in time");
                    closing = true;
                    ctx.close();
                  },
                  config.headTimeout().toMillis(),
                  TimeUnit.MILLISECONDS);
    }
  }

  /** A connection that ends in a head leaves a trace, as one does whose head is malformed. */
  private void recordUnfinishedHead() {
    if (!closing
        && !tunnel
        && (headTimer != null || (!responseOpen && decoder.hasEmptyLinesOnly()))) {
      stopHeadTimer();
      factory.malformed(null, null, "head: the connection ended in it");
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

  /**
   * Strict request decoder that stops after each request, notices heads which arrive slowly and
   * refuses folded lines (RFC 9112 5.2), which parsers read differently.
   */
  private static final class Decoder extends HttpRequestDecoder implements BufferHolder {
    private final Http1ServerConnection connection;
    private @Nullable ChannelHandlerContext context;
    private boolean decoding;
    private boolean inputEnded;
    private boolean inBody;
    private boolean headBegun;
    private boolean lineEnded;
    private boolean folded;
    private int lengths;
    private final RequestBytes bytes = new RequestBytes();
    private final PartialHead partial;

    Decoder(Http1ServerConnection connection, HttpConfig config) {
      super(
          new HttpDecoderConfig()
              .setMaxInitialLineLength(config.maxHeadBytes())
              .setMaxHeaderSize(config.maxHeadBytes())
              .setMaxChunkSize(64 * 1024)
              .setAllowDuplicateContentLengths(false)
              .setStrictLineParsing(true)
              .setUseRfc9112TransferEncoding(true));
      this.connection = connection;
      this.partial = new PartialHead(config.maxHeadBytes());
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
      context = ctx;
      partial.account(ConnectionMemory.of(ctx.channel()));
      super.handlerAdded(ctx);
    }

    @Override
    public long heldBytes() {
      return internalBuffer().capacity();
    }

    /** Whether lines without anything in them are all that has come of the next request. */
    boolean hasEmptyLinesOnly() {
      return bytes.emptyLinesOnly();
    }

    /** Whether bytes wait that belong to what follows the current request. */
    boolean holdsBytes() {
      return actualReadableBytes() > 0;
    }

    /** Lets go of what waits, for the connection is closing and may take a while. */
    void drop() {
      ChannelHandlerContext ctx = context;
      if (ctx == null || decoding || !holdsBytes()) {
        // The loop that is under way drops it itself.
        return;
      }
      try {
        channelRead(ctx, Unpooled.EMPTY_BUFFER);
      } catch (Exception e) {
        ctx.fireExceptionCaught(e);
      }
    }

    /** Goes on after the end of an exchange with what had come before. */
    void resume() {
      ChannelHandlerContext ctx = context;
      if (ctx == null || decoding) {
        // The loop that is under way sees that it may go on.
        return;
      }
      try {
        if (holdsBytes()) {
          channelRead(ctx, Unpooled.EMPTY_BUFFER);
        }
        if (inputEnded && !connection.blocked()) {
          inputEnded = false;
          super.userEventTriggered(ctx, ChannelInputShutdownEvent.INSTANCE);
        }
      } catch (Exception e) {
        ctx.fireExceptionCaught(e);
      }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
      if (event == ChannelInputShutdownEvent.INSTANCE
          && connection.blocked()
          && !connection.closing) {
        inputEnded = true;
        return;
      }
      super.userEventTriggered(ctx, event);
    }

    /** The inherited one would read on although the connection is held. */
    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
      if (connection.blocked()) {
        discardSomeReadBytes();
        ctx.fireChannelReadComplete();
      } else {
        super.channelReadComplete(ctx);
      }
    }

    @Override
    protected void handlerRemoved0(ChannelHandlerContext ctx) throws Exception {
      super.handlerRemoved0(ctx);
      if (inputEnded) {
        ctx.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
      }
    }

    @Override
    protected void callDecode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
      boolean nested = decoding;
      decoding = true;
      try {
        super.callDecode(ctx, in, out);
      } finally {
        decoding = nested;
      }
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out)
        throws Exception {
      if (connection.closing) {
        in.skipBytes(in.readableBytes());
        return;
      }
      if (connection.blocked()) {
        connection.hold();
        return;
      }
      if (!bytes.look(in)) {
        refuse(in, out, new RequestBytes.MalformedException(bytes.flaw()));
        return;
      }
      if (bytes.waits(in)) {
        if (in.isReadable()) {
          connection.partialHead();
        }
        return;
      }
      int before = out.size();
      int start = in.readerIndex();
      super.decode(ctx, in, out);
      bytes.decoded(in.readerIndex() - start);
      boolean message = out.size() > before;
      if (!inBody) {
        checkFolding(in, start, message);
        if (message) {
          partial.ended();
          begun(out.get(before));
        } else if (headBegun || in.isReadable()) {
          if (!partial.parsed(in, start)) {
            refuse(in, out, new TooLongHttpHeaderException("more fields than a head may have"));
            return;
          }
          connection.partialHead();
        }
      }
      if (message && out.getLast() instanceof LastHttpContent) {
        inBody = false;
        bytes.requestDecoded();
      }
    }

    /** Hands out in the place of a request, or of the rest of one, that it is malformed. */
    private void refuse(ByteBuf in, List<Object> out, Exception flaw) {
      in.skipBytes(in.readableBytes());
      DecoderResult failure = DecoderResult.failure(flaw);
      if (inBody) {
        HttpContent end = new DefaultLastHttpContent(Unpooled.EMPTY_BUFFER);
        end.setDecoderResult(failure);
        out.add(end);
      } else {
        HttpMessage none = createInvalidMessage();
        none.setDecoderResult(failure);
        out.add(none);
      }
    }

    private void begun(Object head) {
      inBody = true;
      headBegun = false;
      lineEnded = false;
      lengths = 0;
      bytes.headDecoded(head instanceof HttpMessage of && HttpUtil.isTransferEncodingChunked(of));
      if (folded && head instanceof HttpMessage request && request.decoderResult().isSuccess()) {
        request.setDecoderResult(
            DecoderResult.failure(new IllegalArgumentException("folded header line")));
      }
      folded = false;
    }

    /** Looks for lines that begin with a blank in what was just parsed of a head. */
    private void checkFolding(ByteBuf in, int start, boolean complete) {
      int end = in.readerIndex();
      if (lineEnded && start < in.writerIndex() && isBlank(in.getByte(start))) {
        folded = true;
      }
      lineEnded = false;
      int limit = complete ? end - 1 : end;
      for (int i = in.indexOf(start, limit, LF); i >= 0; i = in.indexOf(i + 1, limit, LF)) {
        if (i + 1 == in.writerIndex()) {
          lineEnded = true;
        } else if (isBlank(in.getByte(i + 1))) {
          folded = true;
        }
      }
    }

    private static boolean isBlank(byte b) {
      return b == ' ' || b == '\t';
    }

    @Override
    protected HttpMessage createMessage(String[] initialLine) throws Exception {
      headBegun = true;
      return super.createMessage(initialLine);
    }

    /** Two lengths: the inherited decoder takes the first one of an HTTP/1.0 request. */
    @Override
    protected AsciiString splitHeaderName(byte[] line, int start, int length) {
      AsciiString name = super.splitHeaderName(line, start, length);
      if (!inBody && HeaderNames.CONTENT_LENGTH.contentEqualsIgnoreCase(name) && ++lengths > 1) {
        throw new RequestBytes.MalformedException("several Content-Length fields");
      }
      return name;
    }

    /** Both Transfer-Encoding and Content-Length: an attempt at smuggling (RFC 9112 6.1). */
    @Override
    protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
      throw new IllegalArgumentException(
          "both transfer-encoding: chunked and content-length are present");
    }
  }
}
