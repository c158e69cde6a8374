package io.signetmesh.identity.channel;

import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.AsciiString;
import io.signetmesh.identity.channel.Refusals.Bound;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Stands between HTTP/2 and gRPC on a connection of a server, and lets gRPC see only what its
 * caller may have it hold:
 *
 * <ul>
 *   <li>A call costs {@link #CALL_BYTES} of the caller's share while it is open; one too many, of
 *       all or of a method that has a limit, is answered RESOURCE_EXHAUSTED.
 *   <li>Messages reach gRPC whole, in memory of their own size. What has come of a message waits
 *       here, is charged to the share, keeps its part of the connection's window, and must be
 *       complete in time. gRPC would collect a message without bound on the sum of all, in pieces
 *       that each keep the buffer alive that they were read into.
 *   <li>A whole message is charged to the share until its service takes it: those of many calls may
 *       wait for the threads that serve.
 *   <li>A call that needs a certificate gets UNAUTHENTICATED on a connection without one, and the
 *       connection is ended (HTTP/2 GOAWAY): the client's next one brings its certificate.
 *   <li>A connection without certificate that had a call and has none for five seconds is ended in
 *       the same way: there are few places for such clients.
 *   <li>An answer must be taken in time: one that waits for its client holds memory.
 *   <li>A call that has been answered while its client is still sending is ended (RFC 9113 8.1).
 * </ul>
 *
 * <p>Longer than 500 lines: headers, data and ends of streams share the accounts of the connection.
 *
 * <p>Confined to the connection's event loop.
 */
final class CallGuard extends Http2FrameListenerDecorator {
  /**
   * An open call with its headers, what gRPC and the service keep for it: some 3 KiB on average.
   */
  static final int CALL_BYTES = 4 * 1024;

  /** In the headers of each call: the stream that it is on. */
  static final Metadata.Key<String> STREAM =
      Metadata.Key.of("signet-stream", Metadata.ASCII_STRING_MARSHALLER);

  private static final AsciiString STREAM_HEADER = AsciiString.cached("signet-stream");
  private static final int PREFIX = 5;
  private static final int MAX_TOLD_PATH = 200;
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Time in which a client without certificate has another call, or has to leave. */
  private static final Duration UNUSED = Duration.ofSeconds(5);

  /** Time for a client to leave that was told to. */
  private static final UncertifiedAge TO_LEAVE =
      new UncertifiedAge(Duration.ZERO, Duration.ofSeconds(5));

  private final GrpcHttp2ConnectionHandler handler;
  private final Channel channel;
  private final Http2Connection connection;
  private final Http2Connection.PropertyKey key;
  private final MeteredWindow window;
  private final CallBudget.Share share;
  private final CallLimits limits;
  private final Refusals refusals;
  private final String caller;
  private final String address;

  /** Calls with a message that has not come whole, the oldest first. */
  private final Map<Integer, Call> unfinished = new LinkedHashMap<>();

  /** Calls of methods that have a limit of their own. */
  private final Map<String, Integer> openOf = new HashMap<>();

  /** What the services of calls have not taken yet, by stream. */
  private final Map<Integer, CallBudget.Hold> holds = new ConcurrentHashMap<>();

  /** Calls with answers that have not been taken. */
  private final Set<CallCharge<?, ?>> untaken = ConcurrentHashMap.newKeySet();

  private final AtomicBoolean lookingAtUntaken = new AtomicBoolean();

  private int calls;
  private boolean looking;
  private boolean leaving;

  /** What has come for a call and was not handed on. */
  private static final class Call {
    private final String method;
    private final CallBudget.Hold hold;
    private byte[] bytes = new byte[0];
    private int size;
    private int messages;
    private long sinceNanos;

    Call(String method, CallBudget.Hold hold) {
      this.method = method;
      this.hold = hold;
    }
  }

  private CallGuard(
      GrpcHttp2ConnectionHandler handler,
      Channel channel,
      Http2FrameListener grpc,
      MeteredWindow window,
      CallBudget.Share share,
      CallLimits limits,
      Refusals refusals,
      String caller,
      String address) {
    super(grpc);
    this.handler = handler;
    this.channel = channel;
    this.connection = handler.connection();
    this.key = connection.newKey();
    this.window = window;
    this.share = share;
    this.limits = limits;
    this.refusals = refusals;
    this.caller = caller;
    this.address = address;
  }

  /**
   * Takes its place, before gRPC's handler is added to the pipeline.
   *
   * @param share given back when the channel closes
   * @param caller identity, or address of a client without one, for records
   */
  static CallGuard install(
      GrpcHttp2ConnectionHandler handler,
      Channel channel,
      CallBudget.Share share,
      CallLimits limits,
      Refusals refusals,
      String caller,
      String address) {
    Http2Connection connection = handler.connection();
    MeteredWindow window = new MeteredWindow(connection, share);
    window.frameWriter(handler.encoder().frameWriter());
    connection.local().flowController(window);
    CallGuard guard =
        new CallGuard(
            handler,
            channel,
            handler.decoder().frameListener(),
            window,
            share,
            limits,
            refusals,
            caller,
            address);
    handler.decoder().frameListener(guard);
    connection.addListener(guard.new Streams());
    channel.closeFuture().addListener(closed -> share.close());
    return guard;
  }

  /** What the caller may hold. */
  CallBudget.Share share() {
    return share;
  }

  /** What the service of a call has not taken yet; from any thread. Null when the call is over. */
  CallBudget.@Nullable Hold hold(int streamId) {
    return holds.get(streamId);
  }

  /** An answer of the call has not been taken yet; from any thread. */
  void waits(CallCharge<?, ?> call) {
    untaken.add(call);
    if (!lookingAtUntaken.getAndSet(true)) {
      lookAtUntakenLater();
    }
  }

  /** All answers of the call have been taken, or it is over; from any thread. */
  void waitsNoMore(CallCharge<?, ?> call) {
    untaken.remove(call);
  }

  private void lookAtUntakenLater() {
    if (channel.isOpen()) {
      channel.eventLoop().schedule(this::lookAtUntaken, LOOK_NANOS, TimeUnit.NANOSECONDS);
    }
  }

  private void lookAtUntaken() {
    long now = System.nanoTime();
    untaken.forEach(call -> call.endIfLate(now, limits.times().toTake()));
    lookingAtUntaken.set(false);
    if (!untaken.isEmpty() && !lookingAtUntaken.getAndSet(true)) {
      lookAtUntakenLater();
    }
  }

  /** Ends a call for which there is no memory, or no time; from any thread. */
  void end(int streamId, Bound bound, Status status) {
    channel
        .eventLoop()
        .execute(
            () -> {
              Http2Stream stream = connection.stream(streamId);
              ChannelHandlerContext ctx = channel.pipeline().context(handler);
              // Nothing fits a connection that has ended meanwhile, which is nobody's fault.
              if (channel.isActive() && stream != null && ctx != null) {
                refuse(ctx, stream, bound, status, false);
              }
            });
  }

  /** Tells the client how many calls it may have open; for when gRPC has sent its own settings. */
  static void announce(
      GrpcHttp2ConnectionHandler handler, ChannelHandlerContext ctx, CallLimits limits) {
    handler
        .encoder()
        .writeSettings(
            ctx, new Http2Settings().maxConcurrentStreams(limits.openCalls()), ctx.newPromise());
    ctx.flush();
  }

  /** Follows the ends of streams. */
  private final class Streams extends Http2ConnectionAdapter {
    @Override
    public void onStreamHalfClosed(Http2Stream stream) {
      if (stream.state() == Http2Stream.State.HALF_CLOSED_LOCAL) {
        channel.eventLoop().execute(() -> endAnswered(stream));
      }
    }

    @Override
    public void onStreamClosed(Http2Stream stream) {
      Call call = stream.removeProperty(key);
      if (call != null) {
        unfinished.remove(stream.id());
        holds.remove(stream.id());
        call.hold.close();
        share.give(CALL_BYTES);
        openOf.computeIfPresent(call.method, (method, open) -> open - 1);
        if (limits.methods() != null && connection.numActiveStreams() == 0) {
          int before = calls;
          UncertifiedAge.after(channel, UNUSED, () -> leaveIfNone(before));
        }
      }
    }
  }

  @Override
  public void onHeadersRead(
      ChannelHandlerContext ctx, int streamId, Http2Headers headers, int padding, boolean end)
      throws Http2Exception {
    onHeadersRead(ctx, streamId, headers, 0, (short) 16, false, padding, end);
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
    Http2Stream stream = connection.stream(streamId);
    if (stream == null) {
      return;
    }
    if (stream.getProperty(key) != null) {
      // Trailers, which requests of gRPC do not have. As headers they would begin another call.
      onDataRead(ctx, streamId, Unpooled.EMPTY_BUFFER, 0, end);
      return;
    }
    calls++;
    if (connection.remote().numActiveStreams() > limits.openCalls() || calls > limits.allCalls()) {
      refusals.refused(
          Bound.CALLS,
          caller,
          address,
          calls > limits.allCalls()
              ? "a connection has at most " + limits.allCalls() + " calls"
              : "a connection has at most " + limits.openCalls() + " calls open");
      if (calls > limits.allCalls()) {
        leave();
      }
      // Says that nothing was processed: a client may try again elsewhere.
      reset(ctx, streamId, Http2Error.REFUSED_STREAM);
      return;
    }
    if (!isOpen(headers.path())) {
      refuse(
          ctx,
          stream,
          Bound.CERTIFICATE,
          Status.UNAUTHENTICATED.withDescription(
              method(headers.path()) + " needs a client certificate; the connection has none"),
          end);
      leave();
      return;
    }
    Call call = new Call(method(headers.path()), new CallBudget.Hold(share));
    Integer limit = limits.openOf().get(call.method);
    if (limit != null && openOf.getOrDefault(call.method, 0) >= limit) {
      refuse(
          ctx,
          stream,
          Bound.CALLS,
          Status.RESOURCE_EXHAUSTED.withDescription(
              "a connection has at most " + limit + " calls of " + call.method + " open"),
          end);
      return;
    }
    if (!share.take(CALL_BYTES)) {
      refuse(ctx, stream, Bound.MEMORY, exhausted(), end);
      return;
    }
    if (limit != null) {
      openOf.merge(call.method, 1, Integer::sum);
    }
    stream.setProperty(key, call);
    holds.put(streamId, call.hold);
    if (limits.messages() == 1 && !end) {
      begin(ctx, streamId, call);
    }
    // Tells the call which stream it is, which gRPC does not; whatever the client says of it goes.
    headers.remove(STREAM_HEADER);
    headers.add(STREAM_HEADER, AsciiString.of(Integer.toString(streamId)));
    super.onHeadersRead(ctx, streamId, headers, streamDependency, weight, exclusive, padding, end);
  }

  @Override
  public int onDataRead(
      ChannelHandlerContext ctx, int streamId, ByteBuf data, int padding, boolean end)
      throws Http2Exception {
    Http2Stream stream = connection.stream(streamId);
    Call call = stream == null ? null : stream.getProperty(key);
    int length = data.readableBytes() + padding;
    if (stream == null || call == null) {
      return length;
    }
    if (!window.settle()) {
      refuse(ctx, stream, Bound.MEMORY, exhausted(), end);
      return length;
    }
    append(call, data);
    int before = call.messages;
    long whole = whole(call);
    if (whole < 0 || call.messages > limits.messages()) {
      refuse(
          ctx,
          stream,
          Bound.MESSAGE,
          Status.RESOURCE_EXHAUSTED.withDescription(
              whole < 0
                  ? "message of " + -whole + " bytes: expected at most " + limits.messageBytes()
                  : "a second message: expected one"),
          end);
      return length;
    }
    int ready = end ? call.size : (int) whole;
    if (!call.hold.add(call.messages - before, ready)) {
      refuse(ctx, stream, Bound.MEMORY, exhausted(), end);
      return length;
    }
    if (ready > 0 || end) {
      handOn(ctx, streamId, call, ready, end);
    }
    if (end || (call.size == 0 && limits.messages() > 1)) {
      unfinished.remove(streamId);
    } else {
      begin(ctx, streamId, call);
    }
    return padding;
  }

  private static void append(Call call, ByteBuf data) {
    int length = data.readableBytes();
    int needed = call.size + length;
    if (needed > call.bytes.length) {
      // A first piece mostly is all there is; what comes in many is not copied for each of them.
      call.bytes =
          Arrays.copyOf(call.bytes, call.size == 0 ? length : Math.max(needed, 2 * call.size));
    }
    data.readBytes(call.bytes, call.size, length);
    call.size = needed;
  }

  /**
   * How many bytes are whole messages (gRPC: a flag, a length of four bytes, the message); negative
   * when a message is too long, then its length. Counts them.
   */
  private long whole(Call call) {
    int at = 0;
    while (call.size - at >= PREFIX) {
      int length =
          (call.bytes[at + 1] & 0xff) << 24
              | (call.bytes[at + 2] & 0xff) << 16
              | (call.bytes[at + 3] & 0xff) << 8
              | (call.bytes[at + 4] & 0xff);
      if (length < 0 || length > limits.messageBytes()) {
        return -Integer.toUnsignedLong(length);
      }
      if (call.size - at - PREFIX < length) {
        break;
      }
      at += PREFIX + length;
      call.messages++;
    }
    if (at < call.size && call.messages >= limits.messages()) {
      call.messages = limits.messages() + 1;
    }
    return at;
  }

  private void handOn(ChannelHandlerContext ctx, int streamId, Call call, int ready, boolean end)
      throws Http2Exception {
    byte[] bytes = call.bytes;
    int rest = call.size - ready;
    call.bytes = rest == 0 ? new byte[0] : Arrays.copyOfRange(bytes, ready, call.size);
    call.size = rest;
    ByteBuf message = Unpooled.wrappedBuffer(bytes, 0, ready);
    try {
      super.onDataRead(ctx, streamId, message, 0, end);
    } finally {
      message.release();
    }
  }

  /** A message has begun: it must be complete in time. */
  private void begin(ChannelHandlerContext ctx, int streamId, Call call) {
    if (unfinished.putIfAbsent(streamId, call) == null) {
      call.sinceNanos = ctx.executor().ticker().nanoTime();
      if (!looking) {
        looking = true;
        ctx.executor().schedule(() -> look(ctx), LOOK_NANOS, TimeUnit.NANOSECONDS);
      }
    }
  }

  private void look(ChannelHandlerContext ctx) {
    looking = false;
    long now = ctx.executor().ticker().nanoTime();
    while (!unfinished.isEmpty()) {
      Map.Entry<Integer, Call> oldest = unfinished.entrySet().iterator().next();
      if (now - oldest.getValue().sinceNanos < limits.times().toComplete().toNanos()) {
        looking = true;
        ctx.executor().schedule(() -> look(ctx), LOOK_NANOS, TimeUnit.NANOSECONDS);
        return;
      }
      unfinished.remove(oldest.getKey());
      Http2Stream stream = connection.stream(oldest.getKey());
      if (stream != null) {
        refuse(
            ctx,
            stream,
            Bound.TIME,
            Status.DEADLINE_EXCEEDED.withDescription(
                "a message has not come whole in "
                    + limits.times().toComplete().toSeconds()
                    + " s"),
            false);
      }
    }
  }

  private boolean isOpen(@Nullable CharSequence path) {
    return limits.methods() == null || limits.methods().contains(method(path));
  }

  private static String method(@Nullable CharSequence path) {
    String text = path == null ? "" : path.toString();
    String method = text.startsWith("/") ? text.substring(1) : text;
    return method.length() <= MAX_TOLD_PATH ? method : method.substring(0, MAX_TOLD_PATH);
  }

  private Status exhausted() {
    return Status.RESOURCE_EXHAUSTED.withDescription(
        caller + " has its share of the memory for calls: " + share.heldByParty() + " bytes");
  }

  /** Ends a call with a status; gRPC, when it knows the call, takes it as cancelled. */
  private void refuse(
      ChannelHandlerContext ctx, Http2Stream stream, Bound bound, Status status, boolean end) {
    refusals.refused(bound, caller, address, String.valueOf(status.getDescription()));
    int streamId = stream.id();
    boolean answered = stream.isHeadersSent();
    if (stream.getProperty(key) != null) {
      cancel(ctx, streamId);
    }
    if (answered) {
      reset(ctx, streamId, Http2Error.ENHANCE_YOUR_CALM);
      return;
    }
    Http2Headers trailers =
        new DefaultHttp2Headers()
            .status("200")
            .set("content-type", "application/grpc")
            .set("grpc-status", Integer.toString(status.getCode().value()))
            .set("grpc-message", percentEncoded(String.valueOf(status.getDescription())));
    handler.encoder().writeHeaders(ctx, streamId, trailers, 0, true, ctx.newPromise());
    if (!end) {
      reset(ctx, streamId, Http2Error.NO_ERROR);
    }
    ctx.flush();
  }

  private void cancel(ChannelHandlerContext ctx, int streamId) {
    try {
      listener.onRstStreamRead(ctx, streamId, Http2Error.CANCEL.code());
    } catch (Http2Exception e) {
      // It counts these as resets of the client, and has had enough of them.
      handler.onError(ctx, false, e);
    }
  }

  private void reset(ChannelHandlerContext ctx, int streamId, Http2Error error) {
    handler.encoder().writeRstStream(ctx, streamId, error.code(), ctx.newPromise());
    ctx.flush();
  }

  /** The whole answer has been written: what the client still sends is for nobody. */
  private void endAnswered(Http2Stream stream) {
    ChannelHandlerContext ctx = channel.pipeline().context(handler);
    if (ctx != null
        && stream.state() == Http2Stream.State.HALF_CLOSED_LOCAL
        && connection.stream(stream.id()) == stream) {
      reset(ctx, stream.id(), Http2Error.NO_ERROR);
    }
  }

  /** Leaves when there was no call since. */
  private void leaveIfNone(int before) {
    if (calls == before) {
      leave();
    }
  }

  /** Tells the client to go, and cuts the connection when it stays. */
  private void leave() {
    if (!leaving) {
      leaving = true;
      // After what is being decided now: the client gets its answer first.
      TO_LEAVE.limit(channel);
    }
  }

  /** Percent-encoding of the gRPC protocol over HTTP/2. */
  private static String percentEncoded(String text) {
    StringBuilder out = new StringBuilder(text.length());
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      if (b >= ' ' && b < 0x7f && b != '%') {
        out.append((char) b);
      } else {
        out.append("%%%02X".formatted(b));
      }
    }
    return out.toString();
  }
}
