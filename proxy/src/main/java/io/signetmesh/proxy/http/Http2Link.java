package io.signetmesh.proxy.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http2.AbstractHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2RemoteFlowController;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Flags;
import io.netty.handler.codec.http2.Http2FrameAdapter;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.codec.http2.UniformStreamByteDistributor;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.BufferHolder;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP/2 connection of either role: Netty's connection handler with its frame events delivered
 * to one state object per stream, kept in a property of the stream. Confined to its loop.
 *
 * @param <S> state of a stream
 */
abstract class Http2Link<S> extends Http2ConnectionHandler implements BufferHolder {
  private final ProxyLoop loop;
  private final HttpConfig config;
  private final Http2Connection.PropertyKey streamKey;
  private @Nullable ChannelHandlerContext context;
  private @Nullable ScheduledFuture<?> idleTimer;
  private int streamsSeen;
  private boolean readEnding;
  private boolean frameSeen;
  private int unfinishedHead;

  Http2Link(
      ProxyLoop loop,
      HttpConfig config,
      Http2ConnectionDecoder decoder,
      Http2ConnectionEncoder encoder,
      Http2Settings settings) {
    super(decoder, encoder, settings);
    this.loop = loop;
    this.config = config;
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

  // ---- what subclasses do

  abstract void headers(int streamId, Http2Headers headers, boolean end) throws Http2Exception;

  /** Returns the bytes that count as consumed at once. */
  abstract int data(S state, ByteBuf data, int padding, boolean end);

  /** Bytes that wait on a stream, in either direction. */
  abstract long held(S state);

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

  /** The peer takes no streams beyond {@code lastStreamId}; they are closed after this. */
  void goAway(int lastStreamId) {}

  /** There has been no stream for as long as connections are kept. */
  void idle() {
    drain();
  }

  // ---- what subclasses use

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

  final void writeHeaders(int streamId, Http2Headers headers, boolean end) {
    ChannelHandlerContext ctx = context();
    encoder().writeHeaders(ctx, streamId, headers, 0, end, ctx.newPromise());
    loop.markDirty(ctx.channel());
  }

  final void writeData(int streamId, ByteBuf data, boolean end, QueuedBytes queued) {
    Http2Stream stream = connection().stream(streamId);
    if (stream == null || !isOpen(stream)) {
      data.release();
      return;
    }
    encoder()
        .flowController()
        .addFlowControlled(stream, new OutgoingData(this, stream, data, end, queued));
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
    return sum.bytes + internalBuffer().capacity() + unfinishedHead;
  }

  private static final class Sum {
    private long bytes;
  }

  /**
   * Notes how much of a head has come whose end is still to come: the codec keeps it, and tells
   * nobody (RFC 9113 6.10).
   */
  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) throws Exception {
    int start = in.readerIndex();
    frameSeen = false;
    super.decode(ctx, in, out);
    unfinishedHead =
        frameSeen ? 0 : Math.min(unfinishedHead + in.readerIndex() - start, config.maxHeadBytes());
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
    super.channelInactive(ctx);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
    context = ctx;
    watchIdle();
    super.handlerAdded(ctx);
    Http2Stream connectionStream = connection().connectionStream();
    int delta = config.connectionWindow() - decoder().flowController().windowSize(connectionStream);
    if (delta > 0) {
      decoder().flowController().incrementWindowSize(connectionStream, delta);
      loop.markDirty(ctx.channel());
    }
  }

  /** The superclass flushes at the end of each read; the loop does it once for all reads. */
  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
    readEnding = true;
    try {
      super.channelReadComplete(ctx);
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
    if (event == Drain.BEGIN) {
      drain();
    } else if (event == ChannelInputShutdownEvent.INSTANCE) {
      // HTTP/2 has no half-close: the peer is gone, and so are its streams.
      ctx.close();
    }
    super.userEventTriggered(ctx, event);
  }

  /** GOAWAY now; the connection closes when its streams have ended. */
  final void drain() {
    ChannelHandlerContext ctx = context();
    try {
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

  /** Builds a link with limits against floods in place. */
  abstract static class Builder<L extends Http2Link<?>>
      extends AbstractHttp2ConnectionHandlerBuilder<L, Builder<L>> {
    Builder(HttpConfig config, boolean server) {
      connection(connection(server));
      initialSettings(Http2Link.initialSettings(config, server));
      validateHeaders(true);
      validateRequiredPseudoHeaders(true);
      // Whoever drains connections also decides how long they may take.
      gracefulShutdownTimeoutMillis(-1);
      encoderEnforceMaxConcurrentStreams(false);
      decoderEnforceMaxConsecutiveEmptyDataFrames(16);
      decoderEnforceMaxSmallContinuationFrames(16);
      // A proxy's peer multiplexes many clients over one connection, so that honest cancellations
      // come in bursts: as many as it may have streams, within 10 s.
      decoderEnforceMaxRstFramesPerWindow(config.maxConcurrentStreams() * 2, 10);
      // Resets that the peer causes, by requests that are denied before their body has come. The
      // codec's own limit would end the connection, and with it requests that are not denied.
      encoderEnforceMaxRstFramesPerWindow(config.maxConcurrentStreams() * 2, 10);
      frameListener(new Events());
    }

    /**
     * Streams that wait for room on the wire take turns; priorities are not used (RFC 9113 5.3).
     */
    private static Http2Connection connection(boolean server) {
      Http2Connection connection = new DefaultHttp2Connection(server);
      connection
          .remote()
          .flowController(
              new DefaultHttp2RemoteFlowController(
                  connection, new UniformStreamByteDistributor(connection)));
      return connection;
    }

    /** Makes the handler; the frame listener is bound to it. */
    abstract L create(
        Http2ConnectionDecoder decoder, Http2ConnectionEncoder encoder, Http2Settings settings);

    @Override
    protected L build(
        Http2ConnectionDecoder decoder, Http2ConnectionEncoder encoder, Http2Settings settings) {
      L link = create(decoder, encoder, settings);
      ((Events) frameListener()).link = link;
      return link;
    }

    L buildLink() {
      return build();
    }
  }

  /** Frame events to the link. */
  private static final class Events extends Http2FrameAdapter implements Http2FrameListener {
    private @Nullable Http2Link<?> link;

    private Http2Link<?> link() {
      Http2Link<?> bound = link;
      if (bound == null) {
        throw new IllegalStateException("frame before the handler was built");
      }
      return bound;
    }

    @Override
    public int onDataRead(
        ChannelHandlerContext ctx, int streamId, ByteBuf data, int padding, boolean end) {
      link().frameSeen = true;
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
      link().frameSeen = true;
      link().headers(streamId, headers, end);
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx, int streamId, Http2Headers headers, int padding, boolean end)
        throws Http2Exception {
      link().frameSeen = true;
      link().headers(streamId, headers, end);
    }

    @Override
    public void onRstStreamRead(ChannelHandlerContext ctx, int streamId, long errorCode) {
      link().frameSeen = true;
      link().dispatchReset(streamId, errorCode);
    }

    @Override
    public void onWindowUpdateRead(ChannelHandlerContext ctx, int streamId, int increment) {
      link().frameSeen = true;
    }

    @Override
    public void onPingRead(ChannelHandlerContext ctx, long data) {
      link().frameSeen = true;
    }

    @Override
    public void onPingAckRead(ChannelHandlerContext ctx, long data) {
      link().frameSeen = true;
    }

    @Override
    public void onSettingsRead(ChannelHandlerContext ctx, Http2Settings settings) {
      link().frameSeen = true;
    }

    @Override
    public void onSettingsAckRead(ChannelHandlerContext ctx) {
      link().frameSeen = true;
    }

    @Override
    public void onPriorityRead(
        ChannelHandlerContext ctx, int streamId, int dependency, short weight, boolean exclusive) {
      link().frameSeen = true;
    }

    @Override
    public void onGoAwayRead(
        ChannelHandlerContext ctx, int lastStreamId, long errorCode, ByteBuf debugData) {
      link().frameSeen = true;
    }

    @Override
    public void onUnknownFrame(
        ChannelHandlerContext ctx, byte type, int streamId, Http2Flags flags, ByteBuf payload) {
      link().frameSeen = true;
    }
  }

  private int dispatchData(int streamId, ByteBuf data, int padding, boolean end) {
    Http2Stream stream = connection().stream(streamId);
    S state = stream == null ? null : state(stream);
    return state == null
        ? data.readableBytes() + padding
        : data(state, data.retain(), padding, end);
  }

  private void dispatchReset(int streamId, long errorCode) {
    Http2Stream stream = connection().stream(streamId);
    S state = stream == null ? null : state(stream);
    if (state != null) {
      reset(state, errorCode);
    }
  }
}
