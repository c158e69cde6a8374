package io.signetmesh.proxy.http.h1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.forward.TcpRelay;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Drain;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.ExchangeFactory;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.OriginalForm;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.http.exchange.WorkBudget;
import io.signetmesh.proxy.http.h1.Http1Writer.Framing;
import io.signetmesh.proxy.http.h1.Http1Writer.MalformedHeadException;
import io.signetmesh.proxy.http.h1.Http1Writer.Persistence;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.BufferHolder;
import io.signetmesh.proxy.memory.ConnectionMemory;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The server side of an HTTP/1 connection: one exchange at a time. It is the {@link ServerStream}
 * of its current exchange.
 *
 * <p>A complete request stops the decoder until it has been answered: pipelined requests, and bytes
 * of the protocol that an Upgrade or CONNECT asks for, stay what they are until then.
 *
 * <p>Longer than 500 lines: request, response, keep-alive, timers and the end of an HTTP/1
 * connection are one state machine over the same flags. Decoding, checking and writing are in
 * classes of their own.
 */
public final class Http1ServerConnection extends ChannelInboundHandlerAdapter
    implements ServerStream, BufferHolder {
  private final ProxyLoop loop;
  private final HttpConfig config;
  private final ExchangeFactory factory;
  private final ClientAccount account;
  private final WorkBudget budget;
  private boolean exhausted;
  private final Http1RequestDecoder decoder;
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
    this.decoder = new Http1RequestDecoder(this, config);
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

  /** Whether the connection is being closed: what comes is not read any more. */
  boolean isClosing() {
    return closing;
  }

  /**
   * Whether the next request has to wait: for the end of the response to the one before, or for a
   * client that asks without taking the answers.
   */
  boolean blocked() {
    return !requestOpen && (responseOpen || !context().channel().isWritable());
  }

  private void begin(ChannelHandlerContext ctx, HttpRequest request) {
    stopHeadTimer();
    disarmIdle();
    http10 = !request.protocolVersion().equals(HttpVersion.HTTP_1_1);
    boolean ok = request.decoderResult().isSuccess();
    Http2Headers headers = ok ? Http1Heads.request(request) : null;
    RequestCheck.Flaw flaw = RequestCheck.flaw(request, headers, config.maxHeadBytes());
    if (flaw != null || headers == null) {
      factory.malformed(
          ok ? request.method().name() : null,
          ok ? request.uri() : null,
          flaw == null ? "head" : flaw.why());
      refuse(ctx, flaw == null ? RequestCheck.BAD_REQUEST : flaw.status());
      return;
    }
    keepAlive = HttpUtil.isKeepAlive(request) && !draining;
    head = request.method().name().equals("HEAD");
    connect = request.method().name().equals("CONNECT");
    boolean hasBody =
        !connect
            && (HttpUtil.isTransferEncodingChunked(request)
                || HttpUtil.getContentLength(request, 0L) > 0);
    upgradeProtocol = connect || hasBody || http10 ? null : RequestCheck.upgrade(request);
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

  private void body(ChannelHandlerContext ctx, HttpContent content) {
    Exchange current = exchange;
    boolean last = content instanceof LastHttpContent;
    if (!content.decoderResult().isSuccess()) {
      String why = "body: " + RequestCheck.flaw(content.decoderResult());
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
        refuse(ctx, RequestCheck.BAD_REQUEST);
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
  void hold() {
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
    if (event instanceof Drain || event instanceof LiveConnection.Notice) {
      boolean now = event == Drain.BEGIN || event == LiveConnection.Notice.ENDS_NOW;
      draining = true;
      if (now || !responseStarted) {
        keepAlive = false;
      }
      if (now && !responseOpen && !closing && !tunnel) {
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
    ConnectionMemory memory = ConnectionMemory.of(channel);
    if (memory != null) {
      memory.answers(false);
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

  /** Bytes of a head have come, and not all of it. */
  void partialHead() {
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
}
