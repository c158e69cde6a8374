package io.signetmesh.proxy.http.h1;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.VoidChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelOutputShutdownEvent;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseDecoder;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.http.exchange.ClientStream;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.Exchange.Retry;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.h1.Http1Writer.Framing;
import io.signetmesh.proxy.http.h1.Http1Writer.MalformedHeadException;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.loop.TcpState;
import io.signetmesh.proxy.memory.ConnectionMemory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An upstream HTTP/1 connection: one exchange at a time, then back to its pool. It is the {@link
 * ClientStream} of its current exchange.
 *
 * <p>It is used again only after an exchange whose request and response both ended as their framing
 * says, with nothing left over (RFC 9112 9.3). Bytes beyond the response, bytes that come while no
 * request is under way, and an end of input close it, so that nothing that belongs to one exchange
 * is taken for a part of another.
 *
 * <p>Longer than 500 lines: sending, reading and the question whether the connection may be used
 * again are one state machine over the same flags, and its decoder has to know where it stands.
 */
public final class Http1ClientConnection extends ChannelDuplexHandler implements ClientStream {
  private static final long UNDECLARED = -1;
  private static final long MALFORMED = HeaderNames.MALFORMED_LENGTH;

  private final ProxyLoop loop;
  private final Channel channel;
  private final Pool pool;
  private final int dialedAfter;
  private final Decoder decoder;
  private final ChannelPromise unnoticed;
  private final int maxHeadBytes;
  private @Nullable Exchange exchange;
  private boolean head;
  private boolean connect;
  private boolean chunked;
  private boolean requestSent;
  private long requestLeft;
  private boolean responseStarted;
  private boolean keepAlive;
  private boolean bodyForbidden;
  private boolean untilClose;
  private boolean resting;
  private boolean reused;
  private @Nullable CharSequence offered;
  private boolean closed;
  private boolean outputFailed;
  private boolean retired;
  private boolean bytesSeen;
  private boolean flushed;
  private @Nullable Http2Headers bodiless;
  private long idleSinceNanos;

  /** Where connections go when their exchange is over. */
  public interface Pool {
    void idle(Http1ClientConnection connection);

    void closed(Http1ClientConnection connection);

    /** The upstream switched protocols: the connection is none of the pool's from now on. */
    void left(Http1ClientConnection connection);
  }

  public Http1ClientConnection(
      ProxyLoop loop, Channel channel, Pool pool, HttpConfig config, int dialedAfter) {
    this.loop = loop;
    this.channel = channel;
    this.pool = pool;
    this.dialedAfter = dialedAfter;
    this.decoder = new Decoder(this, config);
    this.unnoticed = new VoidChannelPromise(channel, false);
    this.maxHeadBytes = config.maxHeadBytes();
    channel.pipeline().addLast("http1-decoder", decoder);
    channel.pipeline().addLast("http1-client", this);
    // An application that answers early and closes makes writes fail: its answer is still to be
    // read.
    channel.config().setAutoClose(false);
    channel.config().setAutoRead(true);
  }

  Channel channel() {
    return channel;
  }

  /** How often the pool had retired its connections when this one was dialed. */
  public int dialedAfter() {
    return dialedAfter;
  }

  /** Whether an exchange may be sent over the connection. */
  public boolean isUsable() {
    return !closed && channel.isActive();
  }

  /**
   * Whether the last response was one without a body by its status. Applications that send one all
   * the same may do so in a write of its own, which comes later.
   */
  public boolean mayBringSurplus() {
    return bodyForbidden;
  }

  /** When the last exchange ended, by the loop's clock. */
  public long idleSinceNanos() {
    return idleSinceNanos;
  }

  /** Sends the head of the exchange's request and takes the exchange on. */
  public void start(Exchange next) {
    Http2Headers request = next.request();
    CharSequence method = request.method();
    head = method != null && AsciiString.contentEquals("HEAD", method);
    connect = method != null && AsciiString.contentEquals("CONNECT", method);
    boolean absolute = next.absoluteForm();
    CharSequence upgrade = connect ? null : request.get(HeaderNames.UPGRADE);
    offered = upgrade;
    Framing framing;
    if (connect) {
      framing = Framing.NONE;
    } else if (request.contains(HeaderNames.CONTENT_LENGTH)) {
      framing = Framing.LENGTH;
    } else if (!next.endsWithHead()) {
      framing = Framing.CHUNKED;
    } else {
      framing = method != null && expectsBody(method) ? Framing.EMPTY : Framing.NONE;
    }
    chunked = framing == Framing.CHUNKED;
    requestLeft = framing == Framing.LENGTH ? declaredLength(request) : UNDECLARED;
    if (requestLeft == MALFORMED || (next.endsWithHead() && requestLeft > 0)) {
      rest();
      next.fail(Failure.BAD_REQUEST);
      return;
    }
    requestSent = next.endsWithHead();
    responseStarted = false;
    keepAlive = false;
    bytesSeen = false;
    flushed = false;
    bodyForbidden = false;
    bodiless = null;
    ByteBuf bytes;
    CharSequence path = request.path();
    try {
      if (connect) {
        CharSequence authority = request.authority();
        if (authority == null) {
          throw new MalformedHeadException("CONNECT without authority");
        }
        request.path(authority);
        // RFC 9110 9.3.6: it has no content, and none will be sent.
        request.remove(HeaderNames.CONTENT_LENGTH);
      }
      bytes = Http1Writer.request(channel.alloc(), request, framing, absolute, upgrade);
      if (connect && path != null) {
        // What the request is judged by, should policy change under the tunnel.
        request.path(path);
      }
    } catch (MalformedHeadException e) {
      rest();
      next.fail(Failure.BAD_REQUEST);
      return;
    }
    exchange = next;
    channel.write(bytes, channel.voidPromise());
    loop.markDirty(channel);
    next.connected(this);
  }

  private static boolean expectsBody(CharSequence method) {
    return AsciiString.contentEquals("POST", method)
        || AsciiString.contentEquals("PUT", method)
        || AsciiString.contentEquals("PATCH", method);
  }

  /** The length that a head states, in bytes, or {@link #MALFORMED}. */
  private static long declaredLength(Http2Headers head) {
    CharSequence first = null;
    for (CharSequence value : head.getAll(HeaderNames.CONTENT_LENGTH)) {
      if (first != null) {
        return MALFORMED;
      }
      first = value;
    }
    return first == null ? UNDECLARED : HeaderNames.parseLength(first);
  }

  @Override
  public boolean data(ByteBuf data, boolean end) {
    if (requestLeft != UNDECLARED) {
      requestLeft -= data.readableBytes();
      if (requestLeft < 0 || (end && requestLeft > 0)) {
        data.release();
        malformedRequest();
        return true;
      }
    }
    Http1Writer.data(channel, data, chunked, end);
    requestSent |= end;
    loop.markDirty(channel);
    return channel.isWritable();
  }

  @Override
  public void trailers(Http2Headers trailers) {
    if (requestLeft > 0) {
      malformedRequest();
      return;
    }
    if (chunked) {
      try {
        Http1Writer.trailers(channel, trailers);
      } catch (MalformedHeadException e) {
        malformedRequest();
        return;
      }
    }
    requestSent = true;
    loop.markDirty(channel);
  }

  /** The rest of the request cannot be sent: what the application has of it is never completed. */
  private void malformedRequest() {
    Exchange current = exchange;
    cancel(0);
    if (current != null) {
      current.upstreamFailed(Failure.BAD_REQUEST, Retry.NEVER);
    }
  }

  @Override
  public long heldBytes() {
    return ConnectionMemory.held(channel);
  }

  @Override
  public void cancel(long http2ErrorCode) {
    exchange = null;
    if (!closed) {
      closed = true;
      // The exchange is cut: the application must not take that for the end of a message. Its
      // client is not charged any more for what still waits here.
      if (loop.memory().mayDeliver(channel)) {
        Endings.cut(channel);
      } else {
        Endings.reset(channel);
      }
    }
  }

  /** The exchange failed in this proxy: cuts the connection at once, whatever has been written. */
  public void abandon() {
    exchange = null;
    closed = true;
    Endings.reset(channel);
  }

  /** The connection is gone without an end: it ends no body, whatever the decoder makes of it. */
  private void gone() {
    Exchange current = exchange;
    exchange = null;
    closed = true;
    if (current != null) {
      current.upstreamFailed(Failure.UNAVAILABLE, retry());
    }
  }

  @Override
  public void resumeResponse() {
    channel.config().setAutoRead(true);
  }

  /** Closes the connection. */
  public void close() {
    if (!closed) {
      closed = true;
      channel.close();
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    Exchange current = exchange;
    if (current == null) {
      // Bytes that nobody asked for: the connection cannot be trusted any more.
      ReferenceCountUtil.release(message);
      close();
      return;
    }
    bytesSeen = true;
    if (message instanceof HttpResponse response) {
      response(current, response);
    } else if (message instanceof HttpContent content) {
      content(current, content);
    } else {
      ReferenceCountUtil.release(message);
    }
  }

  private void response(Exchange current, HttpResponse response) {
    if (!response.decoderResult().isSuccess()) {
      ReferenceCountUtil.release(response);
      broken(current);
      return;
    }
    if (codedOtherwise(response) || Http1Heads.listSize(response.headers()) > maxHeadBytes) {
      broken(current);
      return;
    }
    int status = response.status().code();
    Http2Headers headers = Http1Heads.response(response);
    if (status == 101 || (connect && status / 100 == 2)) {
      CharSequence protocol = status == 101 ? switchedTo(response) : null;
      if (status == 101 && protocol == null) {
        broken(current);
        return;
      }
      if (protocol != null) {
        headers.set(HeaderNames.UPGRADE, protocol);
      }
      exchange = null;
      channel.config().setAutoClose(true);
      current.responseHead(headers, false);
      current.becomeTunnel(channel, protocol == null ? "CONNECT" : "upgrade to " + protocol);
      // The relay is in place: it gets what the decoder has read beyond the head.
      channel.pipeline().remove(this);
      channel.pipeline().remove("http1-decoder");
      pool.left(this);
      return;
    }
    if (status / 100 == 1) {
      current.responseInformational(headers);
      return;
    }
    responseStarted = true;
    boolean encoded = response.headers().contains(HeaderNames.TRANSFER_ENCODING);
    boolean sized = response.headers().contains(HeaderNames.CONTENT_LENGTH);
    boolean empty = sized && !encoded && HttpUtil.getContentLength(response, -1L) == 0;
    untilClose = false;
    bodyForbidden = status == 204 || status == 304;
    boolean noBody = head || bodyForbidden || empty;
    untilClose = !(encoded || sized || noBody);
    keepAlive = !untilClose && HttpUtil.isKeepAlive(response);
    if (connect
        || offered != null
        || (head && !empty && !bodyForbidden)
        || (status == 204 && sized && !empty)) {
      // The commonest error of applications is to answer HEAD as if it were GET. The body may come
      // at any time after the head, where it would be taken for the answer to the next request.
      // What
      // an application makes of a connection on which it declined to leave HTTP is its own affair.
      keepAlive = false;
    }
    if (noBody) {
      // The decoder hands out the end of the message next; until then the connection is not free.
      bodiless = headers;
    } else {
      current.responseHead(headers, false);
    }
  }

  /** The protocol that a 101 switches to; null when it was not offered (RFC 9110 7.8). */
  private @Nullable CharSequence switchedTo(HttpResponse response) {
    CharSequence offer = offered;
    List<String> chosen = response.headers().getAll(HeaderNames.UPGRADE);
    if (offer == null || chosen.size() > 1) {
      return null;
    }
    if (chosen.isEmpty()) {
      // Which one it is goes without saying only where there is one.
      return AsciiString.indexOf(offer, ',', 0) < 0 ? offer : null;
    }
    AsciiString protocol = AsciiString.of(chosen.getFirst().trim());
    return HeaderNames.hasToken(offer, protocol) ? protocol : null;
  }

  private void content(Exchange current, HttpContent content) {
    if (!responseStarted) {
      // The end of an interim response.
      content.release();
      return;
    }
    if (!content.decoderResult().isSuccess()) {
      content.release();
      broken(current);
      return;
    }
    Http2Headers complete = bodiless;
    if (complete != null) {
      bodiless = null;
      content.release();
      finish();
      current.responseHead(complete, true);
      return;
    }
    if (content instanceof LastHttpContent last) {
      if (untilClose && (outputFailed || TcpState.isReset(channel))) {
        // The connection was reset: where it ends says nothing of where the body does.
        content.release();
        broken(current);
        return;
      }
      if (!last.trailingHeaders().isEmpty()) {
        if (content.content().isReadable()) {
          current.responseData(content.content().retain(), false);
        }
        Http2Headers trailers = Http1Heads.trailers(last.trailingHeaders());
        content.release();
        finish();
        current.responseTrailers(trailers);
        return;
      }
      finish();
      current.responseData(content.content(), true);
      return;
    }
    if (!current.responseData(content.content(), false)) {
      channel.config().setAutoRead(false);
    }
  }

  /** Ends the connection because of what came on it; the exchange goes on without. */
  private void broken(Exchange current) {
    exchange = null;
    close();
    current.upstreamFailed(Failure.UNAVAILABLE, Retry.NEVER);
  }

  /** Whether a body has a transfer coding besides chunked: it could not be forwarded as it is. */
  private static boolean codedOtherwise(HttpResponse response) {
    List<String> codings = response.headers().getAll(HeaderNames.TRANSFER_ENCODING);
    return !codings.isEmpty()
        && !(codings.size() == 1 && codings.getFirst().trim().equalsIgnoreCase("chunked"));
  }

  /**
   * The response is complete: the connection is closed if it cannot be used again, and otherwise
   * goes back to its pool when all that has been read with the response is known.
   */
  private void finish() {
    exchange = null;
    if (keepAlive && requestSent && !outputFailed && !decoder.holdsBytes() && channel.isActive()) {
      resting = true;
      channel.config().setAutoRead(true);
    } else {
      close();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    if (resting) {
      resting = false;
      rest();
    }
    ctx.fireChannelReadComplete();
  }

  /** Whether what comes now may be a part of a response. */
  private boolean awaitsResponse() {
    return exchange != null && flushed;
  }

  /**
   * Bytes have come that nothing was asked for, perhaps while a request was being written that has
   * not been sent yet.
   */
  private void surplus() {
    Exchange current = exchange;
    exchange = null;
    resting = false;
    close();
    if (current != null) {
      current.upstreamFailed(Failure.UNAVAILABLE, Retry.ALWAYS);
    }
  }

  /** Offers the connection for the next exchange. */
  public void rest() {
    if (retired) {
      close();
      return;
    }
    idleSinceNanos = loop.eventLoop().ticker().nanoTime();
    reused = true;
    pool.idle(this);
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    Exchange current = exchange;
    if (current != null && channel.isWritable()) {
      current.resumeRequest();
    }
    ctx.fireChannelWritabilityChanged();
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    closed = true;
    Exchange current = exchange;
    exchange = null;
    pool.closed(this);
    if (current != null) {
      current.upstreamFailed(Failure.UNAVAILABLE, retry());
    }
    ctx.fireChannelInactive();
  }

  /**
   * The upstream sends no more. The decoder has ended a body that is delimited by that; whatever
   * else was under way is cut short.
   */
  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof LiveConnection.Notice) {
      // The certificates of the connection end: what is under way is its last exchange.
      retired = true;
      if (exchange == null && !resting) {
        close();
      }
    } else if (event == ChannelOutputShutdownEvent.INSTANCE) {
      outputFailed = true;
      keepAlive = false;
    } else if (event == ChannelInputShutdownEvent.INSTANCE) {
      Exchange current = exchange;
      exchange = null;
      close();
      if (current != null) {
        current.upstreamFailed(Failure.UNAVAILABLE, retry());
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  /** An idle connection may die just as it is used again: no verdict on the request. */
  private Retry retry() {
    if (!flushed) {
      return Retry.ALWAYS;
    }
    return reused && !bytesSeen ? Retry.IF_IDEMPOTENT : Retry.NEVER;
  }

  @Override
  public void flush(ChannelHandlerContext ctx) {
    flushed = true;
    ctx.flush();
  }

  /** Failed writes are no exceptions here: what the upstream has sent before is still read. */
  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    ctx.write(message, promise.isVoid() ? unnoticed : promise);
  }

  /** A read that failed is a cut, also where the end of the connection would end the body. */
  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    Exchange current = exchange;
    exchange = null;
    close();
    if (current != null) {
      current.upstreamFailed(Failure.UNAVAILABLE, retry());
    }
  }

  /** Response decoder that knows which responses have no body. */
  private static final class Decoder extends HttpResponseDecoder {
    private final Http1ClientConnection connection;
    private int lengths;

    Decoder(Http1ClientConnection connection, HttpConfig config) {
      super(
          new HttpDecoderConfig()
              .setMaxInitialLineLength(config.maxHeadBytes())
              .setMaxHeaderSize(config.maxHeadBytes())
              .setMaxChunkSize(64 * 1024)
              .setAllowDuplicateContentLengths(false));
      this.connection = connection;
    }

    /** Three digits, and a version that is one (RFC 9112 4); the inherited one takes any number. */
    @Override
    protected HttpMessage createMessage(String[] initialLine) {
      lengths = 0;
      if (!initialLine[0].startsWith("HTTP/1.")
          || initialLine[1].length() != 3
          || !initialLine[1].chars().allMatch(c -> c >= '0' && c <= '9')) {
        throw new IllegalArgumentException("status line");
      }
      return super.createMessage(initialLine);
    }

    /** Two lengths: the inherited decoder takes the first one of an HTTP/1.0 response. */
    @Override
    protected AsciiString splitHeaderName(byte[] line, int start, int length) {
      AsciiString name = super.splitHeaderName(line, start, length);
      if (!connection.responseStarted
          && HeaderNames.CONTENT_LENGTH.contentEqualsIgnoreCase(name)
          && ++lengths > 1) {
        throw new IllegalArgumentException("several Content-Length fields");
      }
      return name;
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) throws Exception {
      connection.gone();
      super.channelInactive(ctx);
    }

    /** Whether bytes have come beyond what has been handed out. */
    boolean holdsBytes() {
      return actualReadableBytes() > 0;
    }

    /** Empty lines too, which would be passed over in front of a response. */
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object input) throws Exception {
      if (connection.awaitsResponse()) {
        super.channelRead(ctx, input);
      } else {
        ReferenceCountUtil.release(input);
        connection.surplus();
      }
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out)
        throws Exception {
      if (connection.awaitsResponse()) {
        super.decode(ctx, in, out);
      } else {
        in.skipBytes(in.readableBytes());
      }
    }

    @Override
    protected boolean isContentAlwaysEmpty(HttpMessage message) {
      if (connection.head || super.isContentAlwaysEmpty(message)) {
        return true;
      }
      // What follows a switch of protocols is no body.
      int status = ((HttpResponse) message).status().code();
      return status == 101 || (connection.connect && status / 100 == 2);
    }
  }
}
