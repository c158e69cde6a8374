package io.signetmesh.proxy.http.h2;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Exception.HeaderListSizeException;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2RemoteFlowController;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.ClientStream;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.Exchange.Retry;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.WorkBudget;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** An upstream HTTP/2 connection that carries the exchanges of many client connections. */
public final class Http2ClientConnection extends Http2Link<Http2ClientConnection.Stream> {
  /**
   * Before the peer has said what it accepts, larger heads wait; as large as the lowest limit that
   * is common, bytes.
   */
  private static final int EARLY_HEAD_BYTES = 8 * 1024;

  /** Part of the time without progress after which a stuck connection is relieved. */
  private static final int STUCK_PART = 12;

  private final HttpConfig config;
  private final Owner owner;
  private final WorkBudget budget;
  private final ArrayDeque<Exchange> early = new ArrayDeque<>();
  private int lastStreamId = Integer.MAX_VALUE;
  private @Nullable ScheduledFuture<?> stuckTimer;
  private long stuckSinceNanos;
  private boolean stuckBefore;
  private boolean draining;
  private boolean closed;

  /** The pool that the connection belongs to. */
  public interface Owner {
    /** A stream ended: another may be opened. */
    void streamClosed(Http2ClientConnection connection);

    /** No stream will be opened any more. */
    void retired(Http2ClientConnection connection);
  }

  private Http2ClientConnection(
      ProxyLoop loop, HttpConfig config, Http2KeepAlive keepAlive, Owner owner) {
    super(loop, config, keepAlive, new Codec(config, false));
    this.config = config;
    this.owner = owner;
    this.budget = new ClientAccount(loop.eventLoop().ticker()::nanoTime).connectionBudget();
  }

  /** Adds the handlers of a connection at the end of its pipeline. */
  public static Http2ClientConnection install(
      ProxyLoop loop, HttpConfig config, Http2KeepAlive keepAlive, Owner owner, Channel channel) {
    Http2ClientConnection connection = new Http2ClientConnection(loop, config, keepAlive, owner);
    channel.pipeline().addLast("http2-client", connection);
    channel.config().setAutoRead(true);
    return connection;
  }

  /** Whether a stream can be opened now. */
  public boolean hasRoom() {
    return !draining && !closed && connection().local().canOpenStream();
  }

  /** Whether a stream can be opened now that the exchange does not wait in. */
  public boolean hasRoomFor(Exchange exchange) {
    return hasRoom() && (exchange.endsWithHead() || !isStuck());
  }

  /** Opens a stream and sends the head of the exchange's request. */
  public void start(Exchange exchange) {
    if (!isSettingsRead() && HeaderNames.listSize(exchange.request()) > EARLY_HEAD_BYTES) {
      early.add(exchange);
      return;
    }
    if (!isAccepted(exchange.request())) {
      exchange.upstreamFailed(Failure.HEAD_TOO_LARGE, Retry.NEVER);
      return;
    }
    int streamId = connection().local().incrementAndGetNextStreamId();
    if (streamId < 0) {
      // Stream ids are used up after 2^30 requests.
      retire();
      exchange.upstreamFailed(Failure.UNAVAILABLE, Retry.ALWAYS);
      return;
    }
    writeHeaders(streamId, exchange.request(), exchange.endsWithHead());
    Http2Stream stream = connection().stream(streamId);
    if (stream == null) {
      // The connection has broken over it.
      exchange.upstreamFailed(Failure.UNAVAILABLE, Retry.NEVER);
      return;
    }
    Stream state = new Stream(stream, exchange);
    attach(stream, state);
    try {
      exchange.connected(state);
    } catch (RuntimeException | Error e) {
      state.cancel(Http2Error.INTERNAL_ERROR.code());
      throw e;
    }
  }

  @Override
  void settingsRead() {
    endEarly(
        exchange -> {
          if (hasRoom()) {
            if (exchange.mayBeSent()) {
              start(exchange);
            }
          } else {
            exchange.upstreamFailed(Failure.UNAVAILABLE, Retry.ALWAYS);
          }
        });
  }

  private void endEarly(Consumer<Exchange> action) {
    Exchange exchange;
    while ((exchange = early.poll()) != null) {
      if (!exchange.done()) {
        action.accept(exchange);
      }
    }
  }

  /** A response that is malformed or too large costs its own stream only. */
  @Override
  protected void onStreamError(
      ChannelHandlerContext ctx,
      boolean outbound,
      Throwable cause,
      Http2Exception.StreamException error) {
    Http2Stream stream = connection().stream(error.streamId());
    Stream state = stream == null ? null : state(stream);
    Exchange exchange = state == null ? null : state.exchange;
    if (state != null && exchange != null) {
      state.exchange = null;
      exchange.upstreamFailed(
          error instanceof HeaderListSizeException
              ? Failure.RESPONSE_TOO_LARGE
              : Failure.UNAVAILABLE,
          Retry.NEVER);
    }
    super.onStreamError(ctx, outbound, cause, error);
    if (ctx.channel().isActive()) {
      loop().markDirty(ctx.channel());
    }
  }

  @Override
  void idle() {
    retire();
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
    super.handlerAdded(ctx);
    watchStuck(ctx);
  }

  /** The certificates of the connection end: requests go to another one. */
  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
    if (event instanceof LiveConnection.Notice) {
      retire();
    } else {
      super.userEventTriggered(ctx, event);
    }
  }

  private void watchStuck(ChannelHandlerContext ctx) {
    long millis = Math.max(1, stuckMillis() / 2);
    stuckTimer =
        ctx.executor()
            .schedule(
                () -> {
                  if (ctx.channel().isActive()) {
                    watchStuck(ctx);
                    lookIfStuck();
                  }
                },
                millis,
                TimeUnit.MILLISECONDS);
  }

  private long stuckMillis() {
    return config.progressTimeout().toMillis() / STUCK_PART;
  }

  /**
   * New uploads pass a stuck connection, but those under way on it cannot. Once it has been stuck
   * for long enough, the client of which the peer has taken least, of all that fill the window, is
   * the one to give way to the others: the sum over streams fits no more.
   */
  private void lookIfStuck() {
    boolean before = stuckBefore;
    stuckBefore = isStuck();
    if (stuckBefore && !before) {
      stuckSinceNanos = nanoTime();
    } else if (stuckBefore
        && nanoTime() - stuckSinceNanos >= TimeUnit.MILLISECONDS.toNanos(stuckMillis())) {
      stuckBefore = false;
      relieve();
    }
  }

  private void relieve() {
    Map<ClientAccount, Long> holders = new HashMap<>();
    Set<ClientAccount> waiting = new HashSet<>();
    List<Stream> streams = new ArrayList<>();
    try {
      connection()
          .forEachActiveStream(
              stream -> {
                Stream state = state(stream);
                Exchange exchange = state == null ? null : state.exchange;
                if (state != null && exchange != null) {
                  streams.add(state);
                  holders.merge(exchange.account(), untaken(stream), Long::sum);
                  if (encoder().flowController().hasFlowControlled(stream)) {
                    waiting.add(exchange.account());
                  }
                }
                return true;
              });
    } catch (Http2Exception e) {
      onError(context(), true, e);
      return;
    }
    ClientAccount largest = null;
    long most = 0;
    for (Map.Entry<ClientAccount, Long> holder : holders.entrySet()) {
      if (holder.getValue() > most) {
        most = holder.getValue();
        largest = holder.getKey();
      }
    }
    waiting.remove(largest);
    if (largest == null || waiting.isEmpty()) {
      // Nobody waits for another: each has the whole time without progress.
      return;
    }
    for (Stream state : streams) {
      Exchange exchange = state.exchange;
      if (exchange != null && exchange.account() == largest && untaken(state.stream) > 0) {
        stalled(state);
      }
    }
    loop().flushDirty();
  }

  /** Bytes of a stream that the peer has got and not given back to its window. */
  private long untaken(Http2Stream stream) {
    Http2RemoteFlowController windows = encoder().flowController();
    return Math.max(0, (long) windows.initialWindowSize() - windows.windowSize(stream));
  }

  /** Opens no more streams; the connection closes once its streams have ended. */
  public void retire() {
    if (!draining) {
      draining = true;
      owner.retired(this);
      if (!closed) {
        drain();
      }
    }
  }

  @Override
  void headers(int streamId, Http2Headers headers, boolean end) {
    Http2Stream stream = connection().stream(streamId);
    Stream state = stream == null ? null : state(stream);
    Exchange exchange = state == null ? null : state.exchange;
    if (state == null || exchange == null) {
      return;
    }
    if (state.responseStarted) {
      state.exchange = null;
      if (end) {
        exchange.responseTrailers(headers);
        state.finished(exchange);
      } else {
        writeReset(streamId, Http2Error.PROTOCOL_ERROR.code());
        exchange.upstreamFailed(Failure.UNAVAILABLE, Retry.NEVER);
      }
      return;
    }
    CharSequence status = headers.status();
    if (status != null && status.length() == 3 && status.charAt(0) == '1') {
      if (end || status.charAt(2) == '1') {
        // An interim response cannot be the last, and HTTP/2 has no 101 (RFC 9113 8.1, 8.6).
        state.exchange = null;
        writeReset(streamId, Http2Error.PROTOCOL_ERROR.code());
        exchange.upstreamFailed(Failure.UNAVAILABLE, Retry.NEVER);
      } else {
        exchange.responseInformational(headers);
      }
      return;
    }
    state.responseStarted = true;
    if (end) {
      state.exchange = null;
    }
    exchange.responseHead(headers, end);
    if (end) {
      state.finished(exchange);
    }
  }

  @Override
  int data(Stream state, ByteBuf data, int padding, boolean end) {
    int bytes = data.readableBytes() + padding;
    Exchange exchange = state.exchange;
    if (exchange == null) {
      data.release();
      return bytes;
    }
    if (end) {
      state.exchange = null;
    }
    boolean open = exchange.responseData(data, end);
    if (end) {
      state.finished(exchange);
      return bytes;
    }
    if (open) {
      return bytes;
    }
    state.unconsumed += bytes;
    return 0;
  }

  @Override
  long held(Stream state) {
    return state.heldBytes();
  }

  @Override
  void reset(Stream state, long errorCode) {
    Exchange exchange = state.exchange;
    state.exchange = null;
    if (exchange != null) {
      exchange.upstreamReset(
          errorCode, errorCode == Http2Error.REFUSED_STREAM.code() ? Retry.ALWAYS : Retry.NEVER);
    }
  }

  @Override
  void closed(Stream state) {
    int bytes = state.unconsumed;
    state.unconsumed = 0;
    if (!closed) {
      consume(state.stream, bytes);
    }
    Exchange exchange = state.exchange;
    state.exchange = null;
    if (exchange != null) {
      exchange.upstreamFailed(
          Failure.UNAVAILABLE,
          state.stream.id() > lastStreamId ? Retry.ALWAYS : Retry.IF_IDEMPOTENT);
    }
    if (!closed && !draining) {
      owner.streamClosed(this);
    }
  }

  @Override
  void writable(Stream state) {
    Exchange exchange = state.exchange;
    if (exchange != null) {
      exchange.resumeRequest();
    }
  }

  @Override
  void stalled(Stream state) {
    Exchange exchange = state.exchange;
    state.exchange = null;
    writeReset(state.stream.id(), Http2Error.CANCEL.code());
    if (exchange != null) {
      exchange.upstreamFailed(Failure.UNAVAILABLE, Retry.NEVER);
    }
  }

  /** What is wrong with streams is not the connection's fault; other frames are the peer's own. */
  @Override
  void wasted(ClientAccount.Waste what, int times) {
    if (what == ClientAccount.Waste.FRAME && !budget.spend((long) what.cost() * times) && !closed) {
      onError(
          context(),
          false,
          Http2Exception.connectionError(Http2Error.ENHANCE_YOUR_CALM, "%s", what.text()));
    }
  }

  @Override
  void goAway(int lastStreamId) {
    // Streams beyond it are closed by the codec after this, surely not acted on (RFC 9113 6.8).
    this.lastStreamId = lastStreamId;
    retire();
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    closed = true;
    ScheduledFuture<?> timer = stuckTimer;
    if (timer != null) {
      timer.cancel(false);
    }
    endEarly(exchange -> exchange.upstreamFailed(Failure.UNAVAILABLE, Retry.ALWAYS));
    if (!draining) {
      draining = true;
      owner.retired(this);
    }
    super.channelInactive(ctx);
  }

  /** One request stream. */
  final class Stream extends Http2Link.Flow implements ClientStream {
    private @Nullable Exchange exchange;
    private boolean responseStarted;

    private Stream(Http2Stream stream, Exchange exchange) {
      super(stream);
      this.exchange = exchange;
    }

    private void finished(Exchange ended) {
      if (!ended.requestEnded()) {
        writeReset(stream.id(), Http2Error.CANCEL.code());
      }
    }

    @Override
    public boolean data(ByteBuf data, boolean end) {
      writeData(this, data, end);
      return end || isWritable(stream);
    }

    @Override
    public void trailers(Http2Headers trailers) {
      if (isAccepted(trailers)) {
        writeHeaders(stream.id(), trailers, true);
        return;
      }
      Exchange refused = exchange;
      exchange = null;
      writeReset(stream.id(), Http2Error.CANCEL.code());
      if (refused != null) {
        refused.upstreamFailed(Failure.HEAD_TOO_LARGE, Retry.NEVER);
      }
    }

    @Override
    public void cancel(long http2ErrorCode) {
      exchange = null;
      writeReset(stream.id(), http2ErrorCode);
    }

    @Override
    public long heldBytes() {
      return queued.bytes();
    }

    @Override
    public void resumeResponse() {
      int bytes = unconsumed;
      unconsumed = 0;
      consume(stream, bytes);
    }
  }
}
