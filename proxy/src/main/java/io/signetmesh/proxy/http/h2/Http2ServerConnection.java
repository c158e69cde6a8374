package io.signetmesh.proxy.http.h2;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Exception.HeaderListSizeException;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.AsciiString;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.authorize.RequestSyntax;
import io.signetmesh.proxy.authorize.RequestTarget;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.ExchangeFactory;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.ProxyAnswer;
import io.signetmesh.proxy.http.exchange.RequestBytes;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.http.exchange.WorkBudget;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The server side of an HTTP/2 connection: each request stream is an exchange.
 *
 * <p>Longer than 500 lines: it is the {@link ServerStream} of each stream and the client's account
 * of the connection at once, and both end the connection.
 */
public final class Http2ServerConnection extends Http2Link<Http2ServerConnection.Stream> {
  /** Bytes of answers that may wait for a client beyond the mark from which on DATA waits. */
  private static final int MAX_UNREAD_BYTES = 512 * 1024;

  /** How long a connection that is ended for what it costs stays open. */
  private static final long LINGER_MILLIS = 1000;

  private final ExchangeFactory factory;
  private final ClientAccount account;
  private final WorkBudget budget;
  private final HttpConfig config;
  private final HeadWatch heads = new HeadWatch();
  private @Nullable ScheduledFuture<?> headTimer;
  private boolean broken;
  private boolean recorded;
  private boolean received;
  private boolean paused;

  private Http2ServerConnection(ProxyLoop loop, HttpConfig config, ExchangeFactory factory) {
    super(loop, config, config.clientKeepAlive(), new Codec(config, true));
    this.config = config;
    this.factory = factory;
    this.account = factory.account();
    this.budget = account.connectionBudget();
  }

  /** Adds the connection's handler at the end of the pipeline. */
  public static void install(
      ProxyLoop loop, HttpConfig config, ExchangeFactory factory, Channel channel) {
    channel.pipeline().addLast("http2-server", new Http2ServerConnection(loop, config, factory));
  }

  @Override
  void headers(int streamId, Http2Headers headers, boolean end) {
    Http2Stream stream = connection().stream(streamId);
    if (stream == null) {
      return;
    }
    Stream state = state(stream);
    if (state == null) {
      state = new Stream(stream);
      attach(stream, state);
      CharSequence path = headers.path();
      CharSequence method = headers.method();
      boolean connect = method != null && "CONNECT".contentEquals(method);
      if (method == null
          || !RequestSyntax.isToken(method)
          || path == null
          || (!connect && headers.contains(Http2Headers.PseudoHeaderName.PROTOCOL.value()))
          || !RequestSyntax.isPath(path, method)
          || !areValues(headers)
          || !takeAuthority(headers)) {
        // CONNECT over HTTP/2 is not forwarded; everything else needs a path (RFC 9113 8.3.1), and
        // names no protocol (RFC 8441 4).
        malformed(method, path, connect ? "CONNECT over HTTP/2" : "head");
        wasted(ClientAccount.Waste.RESET, 1);
        writeReset(streamId, Http2Error.PROTOCOL_ERROR.code());
        return;
      }
      recorded = true;
      Exchange begun = factory.begin(state, context().channel(), headers, end, false);
      if (!begun.done()) {
        state.exchange = begun;
      }
      return;
    }
    Exchange exchange = state.exchange;
    if (exchange != null) {
      if (end && areTrailers(headers)) {
        exchange.requestTrailers(headers);
      } else {
        writeReset(streamId, Http2Error.PROTOCOL_ERROR.code());
      }
    }
  }

  /** Whether no value holds what ends a line elsewhere (RFC 9113 8.2.1). */
  private static boolean areValues(Http2Headers headers) {
    for (Map.Entry<CharSequence, CharSequence> entry : headers) {
      if (!RequestSyntax.isFieldValue(entry.getValue())) {
        return false;
      }
    }
    return true;
  }

  /** Whether these can be trailers: no pseudo-headers (RFC 9113 8.1). */
  private static boolean areTrailers(Http2Headers headers) {
    for (CharSequence name : headers.names()) {
      if (Http2Headers.PseudoHeaderName.hasPseudoHeaderFormat(name)) {
        return false;
      }
    }
    return areValues(headers);
  }

  /** One authority, whether as {@code :authority} or as Host; false where there are two. */
  private static boolean takeAuthority(Http2Headers headers) {
    List<CharSequence> hosts = headers.getAllAndRemove(HeaderNames.HOST);
    CharSequence authority = headers.authority();
    if (hosts.size() > 1
        || (!hosts.isEmpty()
            && authority != null
            && !AsciiString.contentEqualsIgnoreCase(hosts.getFirst(), authority))) {
      return false;
    }
    // An empty Host names none.
    if (authority == null && !hosts.isEmpty() && !hosts.getFirst().isEmpty()) {
      authority = hosts.getFirst();
      headers.authority(authority);
    }
    return authority == null || RequestTarget.isAuthority(authority);
  }

  @Override
  int data(Stream state, ByteBuf data, int padding, boolean end) {
    int bytes = data.readableBytes() + padding;
    Exchange exchange = state.exchange;
    if (exchange == null) {
      data.release();
      return bytes;
    }
    if (exchange.requestData(data, end)) {
      return bytes;
    }
    state.unconsumed += bytes;
    return 0;
  }

  @Override
  long held(Stream state) {
    Exchange exchange = state.exchange;
    return state.queued.bytes() + (exchange == null ? 0 : exchange.heldBytes());
  }

  @Override
  void reset(Stream state, long errorCode) {
    if (state.exchange == null) {
      wasted(ClientAccount.Waste.FRAME, 1);
    } else {
      abort(state, errorCode);
      wasted(ClientAccount.Waste.RESET, 1);
    }
  }

  private static void abort(Stream state, long errorCode) {
    Exchange exchange = state.exchange;
    state.exchange = null;
    if (exchange != null) {
      exchange.requestAborted(errorCode);
    }
  }

  @Override
  void stalled(Stream state) {
    if (state.exchange != null || state.ending) {
      abort(state, Http2Error.CANCEL.code());
      writeReset(state.stream.id(), Http2Error.CANCEL.code());
    }
  }

  /** Ends the connection of a client that makes more work without use than it may. */
  @Override
  void wasted(ClientAccount.Waste what, int times) {
    long cost = (long) what.cost() * times;
    boolean within = budget.spend(cost) & account.budget().spend(cost);
    if (!within && !broken) {
      broken = true;
      recorded = true;
      factory.exhausted(what);
      stopReading();
      List<Stream> open = new ArrayList<>();
      try {
        connection()
            .forEachActiveStream(
                stream -> {
                  Stream state = state(stream);
                  if (state != null) {
                    open.add(state);
                  }
                  return true;
                });
      } catch (Http2Exception e) {
        context().close();
      }
      for (Stream state : open) {
        abort(state, Http2Error.CANCEL.code());
      }
      ChannelHandlerContext ctx = context();
      frameWriter()
          .writeGoAway(
              ctx,
              connection().remote().lastStreamCreated(),
              Http2Error.ENHANCE_YOUR_CALM.code(),
              Unpooled.EMPTY_BUFFER,
              ctx.newPromise());
      loop().markDirty(ctx.channel());
      // Not at once: the client would come back at once, and a handshake costs more than a request.
      ctx.executor().schedule(() -> ctx.close(), LINGER_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /**
   * Answers that are not under flow control wait here as long as the client reads nothing, and so
   * its next requests wait as well. The side that opens streams always reads, so that two proxies
   * do not wait for each other.
   */
  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
    super.channelReadComplete(ctx);
    if (!paused && ctx.channel().bytesBeforeWritable() > MAX_UNREAD_BYTES) {
      paused = true;
      pauseReading(true);
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) throws Exception {
    super.channelWritabilityChanged(ctx);
    if (paused && !broken && ctx.channel().isWritable()) {
      paused = false;
      pauseReading(false);
    }
  }

  @Override
  void closed(Stream state) {
    if (state.unconsumed > 0) {
      int bytes = state.unconsumed;
      state.unconsumed = 0;
      consume(state.stream, bytes);
    }
    abort(state, Http2Error.CANCEL.code());
  }

  @Override
  void writable(Stream state) {
    Exchange exchange = state.exchange;
    if (exchange != null) {
      exchange.resumeResponse();
    }
  }

  /**
   * The response is complete, the rest of the request is not wanted (RFC 9113 8.1). Before its end
   * has been written, a reset would take what waits for the client's window away.
   */
  @Override
  void ended(Stream state) {
    loop()
        .eventLoop()
        .execute(
            () -> {
              if (state.stream.state() == Http2Stream.State.HALF_CLOSED_LOCAL) {
                writeReset(state.stream.id(), Http2Error.NO_ERROR.code());
              }
            });
  }

  /** What breaks before an exchange has begun is on record nowhere else. */
  @Override
  protected void onStreamError(
      ChannelHandlerContext ctx,
      boolean outbound,
      Throwable cause,
      Http2Exception.StreamException error) {
    Http2Stream stream = connection().stream(error.streamId());
    boolean begun =
        stream == null
            ? connection().streamMayHaveExisted(error.streamId())
            : state(stream) != null;
    if (!outbound && !begun) {
      malformed(null, null, "head: " + RequestBytes.withoutContent(error));
    }
    if (!outbound) {
      wasted(ClientAccount.Waste.RESET, 1);
      if (broken) {
        return;
      }
    }
    if (stream != null
        && !stream.isHeadersSent()
        && !stream.isResetSent()
        && error instanceof HeaderListSizeException) {
      refuseLargeHead(stream);
    } else {
      super.onStreamError(ctx, outbound, cause, error);
    }
    if (ctx.channel().isActive()) {
      loop().markDirty(ctx.channel());
    }
  }

  /** Answers a request whose head, or whose trailers, are beyond the limit. */
  private void refuseLargeHead(Http2Stream stream) {
    Stream state = state(stream);
    Exchange exchange = state == null ? null : state.exchange;
    if (state != null && exchange != null) {
      exchange.fail(Failure.HEAD_TOO_LARGE);
    } else {
      Http2Headers beginning = lastHead();
      boolean grpc = beginning != null && HeaderNames.isGrpc(beginning);
      writeHeaders(stream.id(), ProxyAnswer.to(Failure.HEAD_TOO_LARGE, grpc), true);
    }
    if (connection().stream(stream.id()) != null) {
      writeReset(stream.id(), Http2Error.NO_ERROR.code());
    }
  }

  @Override
  protected void onConnectionError(
      ChannelHandlerContext ctx,
      boolean outbound,
      Throwable cause,
      @Nullable Http2Exception error) {
    if (!outbound && !broken) {
      broken = true;
      malformed(null, null, "connection: " + RequestBytes.withoutContent(cause));
    }
    super.onConnectionError(ctx, outbound, cause, error);
  }

  /** Notices heads that arrive slowly, or never come to their end. */
  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) throws Exception {
    received |= in.isReadable();
    int from = in.readerIndex();
    super.decode(ctx, in, out);
    heads.taken(in, from, in.readerIndex());
    boolean open = !broken && heads.isOpen(in);
    ScheduledFuture<?> timer = headTimer;
    if (!open && timer != null) {
      timer.cancel(false);
      headTimer = null;
    } else if (open && timer == null) {
      headTimer =
          ctx.executor()
              .schedule(
                  () -> {
                    if (paused) {
                      // It is we who do not read.
                      headTimer = null;
                    } else {
                      unfinished("head: not complete in time");
                      ctx.close();
                    }
                  },
                  config.headTimeout().toMillis(),
                  TimeUnit.MILLISECONDS);
    }
  }

  private void malformed(@Nullable CharSequence method, @Nullable CharSequence target, String why) {
    recorded = true;
    factory.malformed(method, target, why);
  }

  private void unfinished(String why) {
    ScheduledFuture<?> timer = headTimer;
    if (timer != null && !broken) {
      timer.cancel(false);
      headTimer = null;
      broken = true;
      malformed(null, null, why);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    unfinished("head: the connection ended in it");
    if (received && !recorded) {
      malformed(null, null, "connection: no request came");
    }
    // Closes every stream, which aborts its exchange.
    super.channelInactive(ctx);
    factory.closed();
  }

  /** One request stream. */
  final class Stream extends Http2Link.Flow implements ServerStream {
    private @Nullable Exchange exchange;
    private boolean ending;

    private Stream(Http2Stream stream) {
      super(stream);
    }

    @Override
    public void refused() {
      wasted(ClientAccount.Waste.REFUSAL, 1);
    }

    @Override
    public boolean multiplexed() {
      return true;
    }

    @Override
    public boolean accepts(Http2Headers fields) {
      return isAccepted(fields);
    }

    @Override
    public void informational(Http2Headers head) {
      if (isAccepted(head)) {
        writeHeaders(stream.id(), head, false);
      }
    }

    @Override
    public void head(Http2Headers head, boolean end) {
      writeHeaders(stream.id(), head, end);
      if (end) {
        ended();
      }
    }

    @Override
    public boolean data(ByteBuf data, boolean end) {
      writeData(this, data, end);
      if (end) {
        ended();
        return true;
      }
      return isWritable(stream);
    }

    @Override
    public void trailers(Http2Headers trailers) {
      writeHeaders(stream.id(), trailers, true);
      ended();
    }

    private void ended() {
      Exchange current = exchange;
      exchange = null;
      ending = true;
      if (current != null && current.responseComplete()) {
        budget.earn();
        account.budget().earn();
      }
    }

    @Override
    public void abort(long http2ErrorCode) {
      exchange = null;
      writeReset(stream.id(), http2ErrorCode);
    }

    @Override
    public void closeAfterResponse() {
      // One bad request does not concern the other streams of the connection.
    }

    @Override
    public void becomeTunnel(Channel upstream, Runnable closed) {
      // Unreachable while CONNECT over HTTP/2 is refused; nothing may stay open if it is reached.
      upstream.close();
      closed.run();
      abort(Http2Error.CONNECT_ERROR.code());
    }

    @Override
    public void resumeRequest() {
      int bytes = unconsumed;
      unconsumed = 0;
      consume(stream, bytes);
    }
  }
}
