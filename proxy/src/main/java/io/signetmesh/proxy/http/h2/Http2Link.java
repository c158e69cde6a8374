package io.signetmesh.proxy.http.h2;

import static io.netty.handler.codec.http2.Http2HeadersEncoder.NEVER_SENSITIVE;
import static io.netty.handler.codec.http2.Http2PromisedRequestVerifier.ALWAYS_VERIFY;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2ConnectionDecoder;
import io.netty.handler.codec.http2.DefaultHttp2ConnectionEncoder;
import io.netty.handler.codec.http2.DefaultHttp2FrameWriter;
import io.netty.handler.codec.http2.DefaultHttp2LocalFlowController;
import io.netty.handler.codec.http2.DefaultHttp2RemoteFlowController;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameAdapter;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.codec.http2.UniformStreamByteDistributor;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.proxy.connect.CountedConnection;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.connect.SendQueue;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Drain;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.BufferHolder;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An HTTP/2 connection of either role: Netty's connection handler with its frame events delivered
 * to one state object per stream, kept in a property of the stream. Confined to its loop.
 *
 * <p>Longer than 500 lines: it is the one subclass of Netty's handler, whose callbacks for frames,
 * flow control, SETTINGS, PING and GOAWAY all need the connection's state. Reading, queueing and
 * PINGs are in classes of their own.
 *
 * @param <S> state of a stream
 */
abstract class Http2Link<S extends Http2Link.Flow> extends Http2ConnectionHandler
    implements BufferHolder, PingWatch.Peer {
  private static final Logger log = LoggerFactory.getLogger(Http2Link.class);

  /** SETTINGS_MAX_HEADER_LIST_SIZE of a peer that has stated none. */
  private static final long UNLIMITED = 0xFFFF_FFFFL;

  /** Share of a window that is used up when it is filled again. */
  private static final float WINDOW_UPDATE_RATIO = 0.5f;

  /** A peer that has sent what it may, and is given no more, for this long is stuck, ns. */
  private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final ProxyLoop loop;
  private final HttpConfig config;
  private final Http2Reader reader;
  private final Http2Connection.PropertyKey streamKey;
  private final PingWatch pings;
  private @Nullable ChannelHandlerContext context;
  private @Nullable ScheduledFuture<?> idleTimer;
  private int streamsSeen;
  private @Nullable ScheduledFuture<?> progressTimer;
  private long grown;
  private long acknowledged;
  private long sentAtNanos;
  private long unwritableAtSweep = -1;
  private boolean paused;
  private boolean readEnding;
  private boolean announced;
  private boolean drained;
  private boolean settingsRead;
  private long acceptedListSize = UNLIMITED;

  Http2Link(ProxyLoop loop, HttpConfig config, Http2KeepAlive keepAlive, Codec codec) {
    super(codec.decoder, codec.encoder, codec.settings);
    this.loop = loop;
    this.config = config;
    this.pings = new PingWatch(keepAlive, loop.eventLoop(), this);
    this.reader = codec.reader;
    codec.events.link = this;
    // Whoever drains connections also decides how long they may take.
    gracefulShutdownTimeoutMillis(-1);
    this.streamKey = connection().newKey();
    connection()
        .addListener(
            new Http2ConnectionAdapter() {
              @Override
              public void onStreamHalfClosed(Http2Stream stream) {
                S state = state(stream);
                if (state != null && stream.state() == Http2Stream.State.HALF_CLOSED_LOCAL) {
                  ended(state);
                }
              }

              @Override
              public void onStreamClosed(Http2Stream stream) {
                S state = state(stream);
                if (state != null) {
                  grown -= state.grown;
                  state.grown = 0;
                  closed(state);
                }
              }

              @Override
              public void onGoAwayReceived(int lastStreamId, long errorCode, ByteBuf debugData) {
                goAway(lastStreamId);
              }
            });
    connection()
        .remote()
        .flowController()
        .listener(
            stream -> {
              S state = state(stream);
              if (state != null && encoder().flowController().isWritable(stream)) {
                writable(state);
              }
            });
  }

  /** What crosses in one stream. */
  abstract static class Flow {
    final Http2Stream stream;
    final QueuedBytes queued = new QueuedBytes();

    /** Bytes received that the peer has not got back, because they cannot go on. */
    int unconsumed;

    int taken;
    int grown;
    long sent;
    long sentAtSweep = -1;

    Flow(Http2Stream stream) {
      this.stream = stream;
    }
  }

  // ---- what subclasses do

  abstract void headers(int streamId, Http2Headers headers, boolean end) throws Http2Exception;

  /** Returns the bytes that count as consumed at once. */
  abstract int data(S state, ByteBuf data, int padding, boolean end);

  abstract void reset(S state, long errorCode);

  /** The stream is over, in whatever way. */
  abstract void closed(S state);

  /** The stream may be written to again. */
  abstract void writable(S state);

  /**
   * Our END_STREAM has been written, and the peer's has not come by then. Called in the middle of
   * writing.
   */
  void ended(S state) {}

  /** The peer has taken nothing of what waits for it for as long as that is allowed. */
  abstract void stalled(S state);

  /** Bytes that wait on a stream, in either direction. */
  abstract long held(S state);

  /** Work without use was done for the peer. */
  abstract void wasted(ClientAccount.Waste what, int times);

  /** The peer takes no streams beyond {@code lastStreamId}; they are closed after this. */
  void goAway(int lastStreamId) {}

  /** There has been no stream for as long as connections are kept. */
  void idle() {
    drain();
  }

  /** The peer's first SETTINGS have come: what it accepts is known. */
  void settingsRead() {}

  // ---- what subclasses use

  /** What is known of the head that was read last; of one that is too large, its beginning. */
  final @Nullable Http2Headers lastHead() {
    return reader.lastHead();
  }

  final boolean isSettingsRead() {
    return settingsRead;
  }

  final ProxyLoop loop() {
    return loop;
  }

  final ChannelHandlerContext context() {
    ChannelHandlerContext ctx = context;
    if (ctx == null) {
      throw new IllegalStateException("HTTP/2 handler is not in a pipeline");
    }
    return ctx;
  }

  final void attach(Http2Stream stream, S state) {
    stream.setProperty(streamKey, state);
  }

  final @Nullable S state(Http2Stream stream) {
    return stream.getProperty(streamKey);
  }

  /**
   * Whether the peer takes a list of fields of this size (RFC 9113 6.5.2): it may end the
   * connection, which others share, over one that it does not.
   */
  final boolean isAccepted(Http2Headers headers) {
    return acceptedListSize >= UNLIMITED || HeaderNames.listSize(headers) <= acceptedListSize;
  }

  /** Writes fields that {@link #isAccepted} has let pass. */
  final void writeHeaders(int streamId, Http2Headers headers, boolean end) {
    ChannelHandlerContext ctx = context();
    encoder().writeHeaders(ctx, streamId, headers, 0, end, ctx.newPromise());
    loop.markDirty(ctx.channel());
  }

  final void writeData(Flow flow, ByteBuf data, boolean end) {
    Http2Stream stream = flow.stream;
    if (!isOpen(stream)) {
      data.release();
      return;
    }
    encoder().flowController().addFlowControlled(stream, new OutgoingData(this, flow, data, end));
    loop.markDirty(context().channel());
  }

  private static boolean isOpen(Http2Stream stream) {
    return stream.state() == Http2Stream.State.OPEN
        || stream.state() == Http2Stream.State.HALF_CLOSED_REMOTE;
  }

  final void writeReset(int streamId, long errorCode) {
    ChannelHandlerContext ctx = context();
    resetStream(ctx, streamId, errorCode, ctx.newPromise());
    loop.markDirty(ctx.channel());
  }

  @Override
  public ChannelFuture resetStream(
      ChannelHandlerContext ctx, int streamId, long errorCode, ChannelPromise promise) {
    reader.reset(streamId);
    return super.resetStream(ctx, streamId, errorCode, promise);
  }

  final boolean isWritable(Http2Stream stream) {
    return encoder().flowController().isWritable(stream);
  }

  /** Gives received bytes back to the stream's and the connection's window. */
  final void consume(Http2Stream stream, int bytes) {
    if (bytes == 0) {
      return;
    }
    try {
      if (decoder().flowController().consumeBytes(stream, bytes)) {
        loop.markDirty(context().channel());
      }
    } catch (Http2Exception e) {
      onError(context(), true, e);
    }
  }

  @Override
  public final long heldBytes() {
    Sum sum = new Sum();
    try {
      connection()
          .forEachActiveStream(
              stream -> {
                S state = state(stream);
                if (state != null) {
                  sum.bytes += held(state);
                }
                return true;
              });
    } catch (Http2Exception e) {
      throw new IllegalStateException("the visitor does not throw", e);
    }
    return sum.bytes + internalBuffer().capacity() + reader.heldBytes();
  }

  private static final class Sum {
    private long bytes;
  }

  /** DATA goes out. */
  final void sent(Flow flow, int bytes) {
    flow.sent += bytes;
    sentAtNanos = nanoTime();
  }

  final long nanoTime() {
    return loop.eventLoop().ticker().nanoTime();
  }

  /**
   * Whether the peer's connection window is used up and does not move: somebody's DATA fills it,
   * and more would wait behind that.
   */
  public final boolean isStuck() {
    return encoder().flowController().windowSize(connection().connectionStream()) <= 0
        && nanoTime() - sentAtNanos > STUCK_NANOS;
  }

  /** A stream whose bytes go on at once gets a larger window, as long as the sum allows. */
  private void grow(Flow flow, int consumed) throws Http2Exception {
    flow.taken += consumed;
    int window = decoder().flowController().initialWindowSize(flow.stream);
    if (flow.taken >= 2L * window
        && 2L * window <= config.maxStreamWindow()
        && grown + window <= config.connectionWindow()) {
      flow.taken = 0;
      flow.grown += window;
      grown += window;
      decoder().flowController().incrementWindowSize(flow.stream, window);
      loop.markDirty(context().channel());
    }
  }

  /** Looks twice in the time that is allowed without progress. */
  private void watchProgress() {
    progressTimer =
        context()
            .executor()
            .schedule(
                () -> {
                  sweep();
                  if (context().channel().isActive()) {
                    watchProgress();
                  }
                },
                config.progressTimeout().toMillis() / 2,
                TimeUnit.MILLISECONDS);
  }

  private void sweep() {
    ChannelHandlerContext ctx = context();
    long waiting = ctx.channel().isWritable() ? -1 : ctx.channel().bytesBeforeWritable();
    if (waiting >= 0 && waiting == unwritableAtSweep) {
      // The peer does not even read.
      ctx.close();
      return;
    }
    unwritableAtSweep = waiting;
    List<S> stalled = new ArrayList<>(0);
    try {
      connection()
          .forEachActiveStream(
              stream -> {
                S state = state(stream);
                if (state == null) {
                  return true;
                }
                if (!encoder().flowController().hasFlowControlled(stream)) {
                  state.sentAtSweep = -1;
                } else if (state.sentAtSweep == state.sent) {
                  stalled.add(state);
                } else {
                  state.sentAtSweep = state.sent;
                }
                return true;
              });
    } catch (Http2Exception e) {
      onError(ctx, true, e);
      return;
    }
    for (S state : stalled) {
      stalled(state);
    }
    if (!stalled.isEmpty()) {
      loop.flushDirty();
    }
  }

  /** One look per idle timeout, none per stream. */
  private void watchIdle() {
    int before = streamsSeen;
    idleTimer =
        context()
            .executor()
            .schedule(
                () -> {
                  int seen =
                      connection().remote().lastStreamCreated()
                          + connection().local().lastStreamCreated();
                  if (connection().numActiveStreams() == 0 && seen == before) {
                    idle();
                  } else {
                    streamsSeen = seen;
                    watchIdle();
                  }
                },
                config.idleTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    ScheduledFuture<?> timer = idleTimer;
    if (timer != null) {
      timer.cancel(false);
    }
    timer = progressTimer;
    if (timer != null) {
      timer.cancel(false);
    }
    pings.stop();
    super.channelInactive(ctx);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
    context = ctx;
    watchIdle();
    watchProgress();
    pings.start();
    super.handlerAdded(ctx);
    Http2Stream connectionStream = connection().connectionStream();
    int delta = config.connectionWindow() - decoder().flowController().windowSize(connectionStream);
    if (delta > 0) {
      decoder().flowController().incrementWindowSize(connectionStream, delta);
      loop.markDirty(ctx.channel());
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
    pings.heard();
    super.channelRead(ctx, message);
  }

  // ---- signs of life

  @Override
  public final boolean hasStreams() {
    return connection().numActiveStreams() > 0;
  }

  @Override
  public final boolean isRead() {
    return context().channel().config().isAutoRead();
  }

  @Override
  public final ChannelFuture ping() {
    ChannelHandlerContext ctx = context();
    ChannelFuture written = encoder().writePing(ctx, false, 0, ctx.newPromise());
    loop.markDirty(ctx.channel());
    return written;
  }

  @Override
  public final boolean isTaking() {
    Channel channel = context().channel();
    long before = acknowledged;
    acknowledged = SendQueue.acknowledged(channel);
    return acknowledged > before && SendQueue.bytes(channel) > 0;
  }

  @Override
  public final void silent(Duration silence) {
    Channel channel = context().channel();
    String text =
        "no answer to an HTTP/2 PING from "
            + channel.remoteAddress()
            + ", silent for "
            + silence.toSeconds()
            + " s: timed out";
    if (connection().isServer()) {
      log.debug(text);
    } else {
      log.info("{}; {} streams are cut", text, connection().numActiveStreams());
    }
    loop.countSilentPeer();
    CountedConnection.closing(channel, new SocketTimeoutException(text));
    Endings.reset(channel);
  }

  /** The superclass flushes at the end of each read; the loop does it once for all reads. */
  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
    readEnding = true;
    try {
      if (paused) {
        // The superclass would read on.
        ctx.fireChannelReadComplete();
      } else {
        super.channelReadComplete(ctx);
      }
    } finally {
      readEnding = false;
    }
  }

  @Override
  public void flush(ChannelHandlerContext ctx) {
    if (readEnding) {
      loop.markDirty(ctx.channel());
    } else {
      super.flush(ctx);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
    if (event == Drain.ANNOUNCE || event == LiveConnection.Notice.ENDS_SOON) {
      announce();
    } else if (event == Drain.BEGIN || event == LiveConnection.Notice.ENDS_NOW) {
      drain();
    } else if (event == ChannelInputShutdownEvent.INSTANCE) {
      // HTTP/2 has no half-close: the peer is gone, and so are its streams.
      ctx.close();
    }
    super.userEventTriggered(ctx, event);
  }

  /** Reads nothing more from the peer. */
  final void stopReading() {
    reader.stop();
    pauseReading(true);
  }

  /** Reads nothing for the time being. */
  final void pauseReading(boolean pause) {
    paused = pause;
    context().channel().config().setAutoRead(!pause);
  }

  /**
   * GOAWAY that lets in all streams: the peer opens no more, and those that it has opened by then
   * are served.
   */
  private void announce() {
    if (!announced && !connection().goAwaySent()) {
      announced = true;
      ChannelHandlerContext ctx = context();
      goAway(
          ctx,
          Integer.MAX_VALUE,
          Http2Error.NO_ERROR.code(),
          Unpooled.EMPTY_BUFFER,
          ctx.newPromise());
      loop.markDirty(ctx.channel());
    }
  }

  /** GOAWAY now; the connection closes when its streams have ended. */
  final void drain() {
    ChannelHandlerContext ctx = context();
    try {
      if (drained) {
        return;
      }
      drained = true;
      if (announced) {
        goAway(
            ctx,
            connection().remote().lastStreamCreated(),
            Http2Error.NO_ERROR.code(),
            Unpooled.EMPTY_BUFFER,
            ctx.newPromise());
      }
      // Not ctx.close(), which begins at the handler before this one.
      close(ctx, ctx.newPromise());
    } catch (Exception e) {
      ctx.close();
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) throws Exception {
    if (Http2CodecUtil.getEmbeddedHttp2Exception(cause) == null) {
      ctx.close();
    } else {
      super.exceptionCaught(ctx, cause);
    }
  }

  static Http2Settings initialSettings(HttpConfig config, boolean server) {
    Http2Settings settings = Http2Settings.defaultSettings();
    settings.initialWindowSize(config.streamWindow());
    settings.maxHeaderListSize(config.maxHeadBytes());
    if (server) {
      settings.maxConcurrentStreams(config.maxConcurrentStreams());
    } else {
      settings.pushEnabled(false);
    }
    return settings;
  }

  /** Netty's parts of a connection, put together before the handler that they belong to. */
  static final class Codec {
    private final Events events = new Events();
    private final Http2Reader reader;
    private final Http2ConnectionDecoder decoder;
    private final Http2ConnectionEncoder encoder;
    private final Http2Settings settings;

    Codec(HttpConfig config, boolean server) {
      Http2Connection connection = new DefaultHttp2Connection(server);
      // Streams that wait for room on the wire take turns; priorities are not used (RFC 9113 5.3).
      connection
          .remote()
          .flowController(
              new DefaultHttp2RemoteFlowController(
                  connection, new UniformStreamByteDistributor(connection)));
      settings = initialSettings(config, server);
      if (server) {
        connection.remote().maxActiveStreams(config.maxConcurrentStreams());
      }
      // The connection's window is given back as bytes come: only the stream's holds a sender, so
      // that a stream that nobody reads takes nothing from the others (RFC 9113 5.2.1).
      connection
          .local()
          .flowController(
              new DefaultHttp2LocalFlowController(connection, WINDOW_UPDATE_RATIO, true));
      reader = new Http2Reader(connection, config.maxHeadBytes(), events);
      encoder =
          new DefaultHttp2ConnectionEncoder(
              connection, new DefaultHttp2FrameWriter(NEVER_SENSITIVE, true));
      decoder =
          new DefaultHttp2ConnectionDecoder(
              connection, encoder, reader, ALWAYS_VERIFY, true, true, true, true);
      decoder.frameListener(events);
    }
  }

  /** Frame events to the link. */
  private static final class Events extends Http2FrameAdapter
      implements Http2FrameListener, Http2Reader.Costs {
    private @Nullable Http2Link<?> link;

    private Http2Link<?> link() {
      Http2Link<?> bound = link;
      if (bound == null) {
        throw new IllegalStateException("frame before the handler was built");
      }
      return bound;
    }

    @Override
    public void add(ClientAccount.Waste what, int times) {
      link().wasted(what, times);
    }

    @Override
    public int onDataRead(
        ChannelHandlerContext ctx, int streamId, ByteBuf data, int padding, boolean end)
        throws Http2Exception {
      return link().dispatchData(streamId, data, padding, end);
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx,
        int streamId,
        Http2Headers headers,
        int streamDependency,
        short weight,
        boolean exclusive,
        int padding,
        boolean end)
        throws Http2Exception {
      link().headers(streamId, headers, end);
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx, int streamId, Http2Headers headers, int padding, boolean end)
        throws Http2Exception {
      link().headers(streamId, headers, end);
    }

    @Override
    public void onSettingsRead(ChannelHandlerContext ctx, Http2Settings settings) {
      Http2Link<?> reading = link();
      Long listSize = settings.maxHeaderListSize();
      if (listSize != null) {
        // Netty's encoder looks at it for requests only.
        reading.acceptedListSize = listSize;
      }
      if (!reading.settingsRead) {
        reading.settingsRead = true;
        reading.settingsRead();
      }
    }

    @Override
    public void onRstStreamRead(ChannelHandlerContext ctx, int streamId, long errorCode) {
      link().dispatchReset(streamId, errorCode);
    }
  }

  private int dispatchData(int streamId, ByteBuf data, int padding, boolean end)
      throws Http2Exception {
    Http2Stream stream = connection().stream(streamId);
    S state = stream == null ? null : state(stream);
    if (state == null) {
      return data.readableBytes() + padding;
    }
    int consumed = data(state, data.retain(), padding, end);
    if (consumed == 0) {
      state.taken = 0;
    } else if (!end) {
      grow(state, consumed);
    }
    return consumed;
  }

  private void dispatchReset(int streamId, long errorCode) {
    Http2Stream stream = connection().stream(streamId);
    S state = stream == null ? null : state(stream);
    if (state != null) {
      reset(state, errorCode);
    }
  }
}
