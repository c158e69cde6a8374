package io.signetmesh.proxy.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameAdapter;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One end of HTTP/2 connections, frame by frame: a client, or an application with a script. */
final class Http2Peer implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 10;

  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final @Nullable Script script;
  private @Nullable Channel channel;

  /** Connections that have been accepted, or the client's own. */
  final List<Connection> connections = new CopyOnWriteArrayList<>();

  /** Streams that clients have opened, in order. */
  final BlockingQueue<Stream> accepted = new LinkedBlockingQueue<>();

  /** Serves one stream on a thread of its own. */
  @FunctionalInterface
  interface Script {
    void serve(Stream stream, Http2Peer application) throws Exception;
  }

  /** What comes on a stream. */
  sealed interface Event {
    record Head(Http2Headers headers, boolean end) implements Event {}

    record Data(byte[] bytes, int window, boolean end) implements Event {}

    record Reset(long code) implements Event {}

    record Closed() implements Event {}
  }

  private Http2Peer(@Nullable Script script) {
    this.script = script;
  }

  /** A client connected to a port of this machine. */
  static Http2Peer client(int port) throws InterruptedException {
    return client(port, Http2Settings.defaultSettings());
  }

  static Http2Peer client(int port, Http2Settings settings) throws InterruptedException {
    Http2Peer peer = new Http2Peer(null);
    peer.channel =
        new Bootstrap()
            .group(peer.group)
            .channel(NioSocketChannel.class)
            .handler(peer.initializer(false, settings))
            .connect(InetAddress.getLoopbackAddress(), port)
            .sync()
            .channel();
    return peer;
  }

  /** An application that serves every stream by a script. */
  static Http2Peer application(Script script) throws InterruptedException {
    return application(script, Http2Settings.defaultSettings());
  }

  static Http2Peer application(Script script, Http2Settings settings) throws InterruptedException {
    Http2Peer peer = new Http2Peer(script);
    peer.channel =
        new ServerBootstrap()
            .group(peer.group)
            .channel(NioServerSocketChannel.class)
            .childHandler(peer.initializer(true, settings))
            .bind(InetAddress.getLoopbackAddress(), 0)
            .sync()
            .channel();
    return peer;
  }

  /** Answers every request with 200 and its path. */
  static Http2Peer echoingPaths() throws InterruptedException {
    return application(
        (stream, application) ->
            stream
                .respond("200", "x-path", stream.head().path().toString())
                .send(String.valueOf(stream.head().path()), true));
  }

  int port() {
    Channel listener = channel;
    if (listener == null) {
      throw new IllegalStateException("not open");
    }
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  Connection connection() {
    return connections.getFirst();
  }

  /** The next stream that a client opened. */
  Stream accepted() throws InterruptedException {
    Stream stream = accepted.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (stream == null) {
      throw new AssertionError("no stream was opened");
    }
    return stream;
  }

  /** Opens a stream on the client's connection. */
  Stream open(String method, String path, boolean end, String... headers) {
    Http2Headers head =
        new DefaultHttp2Headers(false).method(method).scheme("http").authority("web").path(path);
    for (int i = 0; i < headers.length; i += 2) {
      head.add(headers[i], headers[i + 1]);
    }
    return open(head, end);
  }

  Stream open(Http2Headers head, boolean end) {
    return connection().open(head, end);
  }

  /** Opens a stream that has a body and trailers, all at once, whatever the proxy allows. */
  Stream openWhole(Http2Headers head) {
    Connection connection = connection();
    Stream stream = new Stream(connection);
    connection.run(
        () -> {
          connection.codec.connection().local().maxActiveStreams(Integer.MAX_VALUE);
          connection.open(stream, head, false);
          ChannelHandlerContext ctx = connection.context();
          for (int i = 0; i < 3; i++) {
            connection
                .codec
                .encoder()
                .writeData(
                    ctx,
                    stream.id,
                    Unpooled.wrappedBuffer(new byte[1000]),
                    0,
                    false,
                    ctx.newPromise());
          }
          Http2Headers trailers = new DefaultHttp2Headers(false).add("x-sum", "1");
          connection
              .codec
              .encoder()
              .writeHeaders(ctx, stream.id, trailers, 0, true, ctx.newPromise());
        });
    return stream;
  }

  Stream get(String path, String... headers) {
    return open("GET", path, true, headers);
  }

  private ChannelInitializer<Channel> initializer(boolean server, Http2Settings settings) {
    return new ChannelInitializer<>() {
      @Override
      protected void initChannel(Channel opened) {
        connections.add(new Connection(opened, server, settings));
      }
    };
  }

  @Override
  public void close() {
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  /** One connection. */
  final class Connection extends Http2FrameAdapter {
    private final Channel socket;
    private final Http2ConnectionHandler codec;
    private final Map<Integer, Stream> streams = new ConcurrentHashMap<>();

    /** GOAWAYs in order: last stream id and error code. */
    final BlockingQueue<List<Long>> goAways = new LinkedBlockingQueue<>();

    /** PINGs that have come and were answered. */
    final BlockingQueue<Long> pinged = new LinkedBlockingQueue<>();

    private final BlockingQueue<Long> pings = new LinkedBlockingQueue<>();

    private Connection(Channel socket, boolean server, Http2Settings settings) {
      this.socket = socket;
      codec =
          new Http2ConnectionHandlerBuilder()
              .server(server)
              .initialSettings(settings)
              .validateHeaders(false)
              .encoderIgnoreMaxHeaderListSize(true)
              .gracefulShutdownTimeoutMillis(0)
              .frameListener(this)
              .build();
      socket.pipeline().addLast(codec);
      socket
          .closeFuture()
          .addListener(
              closed -> streams.values().forEach(stream -> stream.events.add(new Event.Closed())));
    }

    private Stream stream(int id) {
      Stream known = streams.get(id);
      if (known == null) {
        throw new IllegalStateException("frame on stream " + id + " without a head");
      }
      return known;
    }

    private ChannelHandlerContext context() {
      return socket.pipeline().context(codec);
    }

    private void run(Runnable task) {
      socket
          .eventLoop()
          .execute(
              () -> {
                if (context() != null) {
                  task.run();
                  socket.flush();
                }
              });
    }

    private Stream open(Http2Headers head, boolean end) {
      Stream stream = new Stream(this);
      run(() -> open(stream, head, end));
      return stream;
    }

    private void open(Stream stream, Http2Headers head, boolean end) {
      stream.id = codec.connection().local().incrementAndGetNextStreamId();
      streams.put(stream.id, stream);
      ChannelHandlerContext ctx = context();
      codec.encoder().writeHeaders(ctx, stream.id, head, 0, end, ctx.newPromise());
    }

    /** Says that streams beyond {@code lastStreamId} will not be served. */
    void goAway(int lastStreamId) {
      run(
          () -> {
            ChannelHandlerContext ctx = context();
            codec.goAway(
                ctx,
                lastStreamId,
                Http2Error.NO_ERROR.code(),
                Unpooled.EMPTY_BUFFER,
                ctx.newPromise());
          });
    }

    /** A frame of any kind. */
    void writeFrame(byte type, int streamId, short flags, byte[] payload) {
      run(() -> write(type, streamId, flags, payload));
    }

    private void write(byte type, int streamId, short flags, byte[] payload) {
      ByteBuf frame = Unpooled.buffer(9 + payload.length);
      frame.writeMedium(payload.length).writeByte(type).writeByte(flags).writeInt(streamId);
      context().write(frame.writeBytes(payload));
    }

    void writeRaw(ByteBuf frames) {
      run(() -> context().write(frames));
    }

    /** Opens a stream that has no body and sends a frame on it. */
    void openAndWrite(byte type, int flags, byte[] payload) {
      Http2Headers head =
          new DefaultHttp2Headers(false).method("GET").scheme("http").authority("web").path("/");
      Stream stream = new Stream(this);
      run(
          () -> {
            open(stream, head, true);
            write(type, stream.id, (short) flags, payload);
          });
    }

    /** Streams that were opened on the connection. */
    int opened() {
      return streams.size();
    }

    /** Reads nothing from here on. */
    void stopReading() {
      socket
          .pipeline()
          .addFirst(
              new io.netty.channel.ChannelOutboundHandlerAdapter() {
                @Override
                public void read(ChannelHandlerContext ctx) {}
              });
      socket.config().setAutoRead(false);
    }

    /** Waits until everything before has been handled by the other side; false: it hangs up. */
    boolean ping() throws InterruptedException {
      long data = System.nanoTime();
      run(() -> codec.encoder().writePing(context(), false, data, context().newPromise()));
      while (socket.isActive() && goAways.isEmpty()) {
        Long ack = pings.poll(10, TimeUnit.MILLISECONDS);
        if (ack != null && ack == data) {
          return true;
        }
      }
      return false;
    }

    @Override
    public void onPingRead(ChannelHandlerContext ctx, long data) {
      pinged.add(data);
    }

    @Override
    public void onPingAckRead(ChannelHandlerContext ctx, long data) {
      pings.add(data);
    }

    List<Long> awaitGoAway() throws InterruptedException {
      List<Long> goAway = goAways.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (goAway == null) {
        throw new AssertionError("no GOAWAY came");
      }
      return goAway;
    }

    boolean awaitClose() throws InterruptedException {
      // What the peer has sent before may be megabytes that a busy proxy has yet to read.
      return socket.closeFuture().await(3 * PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** Hangs up without a word. */
    void close() {
      run(() -> context().close());
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx,
        int streamId,
        Http2Headers headers,
        int dependency,
        short weight,
        boolean exclusive,
        int padding,
        boolean end) {
      onHeadersRead(ctx, streamId, headers, padding, end);
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx, int streamId, Http2Headers headers, int padding, boolean end) {
      Stream known = streams.get(streamId);
      if (known != null) {
        known.events.add(new Event.Head(headers, end));
        return;
      }
      Stream begun = new Stream(this);
      begun.id = streamId;
      begun.head = headers;
      begun.headEnds = end;
      streams.put(streamId, begun);
      accepted.add(begun);
      Thread.ofVirtual().start(() -> serve(begun));
    }

    @Override
    public int onDataRead(
        ChannelHandlerContext ctx, int streamId, ByteBuf data, int padding, boolean end) {
      int window = data.readableBytes() + padding;
      byte[] bytes = new byte[data.readableBytes()];
      data.readBytes(bytes);
      stream(streamId).events.add(new Event.Data(bytes, window, end));
      return 0;
    }

    @Override
    public void onRstStreamRead(ChannelHandlerContext ctx, int streamId, long errorCode) {
      stream(streamId).events.add(new Event.Reset(errorCode));
    }

    @Override
    public void onGoAwayRead(
        ChannelHandlerContext ctx, int lastStreamId, long errorCode, ByteBuf debugData) {
      goAways.add(List.of((long) lastStreamId, errorCode));
    }

    private void serve(Stream stream) {
      try {
        if (script != null) {
          script.serve(stream, Http2Peer.this);
        }
      } catch (Exception e) {
        throw new IllegalStateException("application script failed", e);
      }
    }
  }

  /** One stream of a connection. */
  static final class Stream {
    private final Connection connection;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private volatile int id;
    private @Nullable Http2Headers head;
    private boolean headEnds;

    private Stream(Connection connection) {
      this.connection = connection;
    }

    int id() {
      return id;
    }

    Connection connection() {
      return connection;
    }

    /** The head of the request, on the side of the application. */
    Http2Headers head() {
      Http2Headers received = head;
      if (received == null) {
        throw new IllegalStateException("this side opened the stream");
      }
      return received;
    }

    boolean headEnds() {
      return headEnds;
    }

    Stream respond(String status, String... headers) {
      return respond(false, status, headers);
    }

    Stream respond(boolean end, String status, String... headers) {
      Http2Headers response = new DefaultHttp2Headers(false).status(status);
      for (int i = 0; i < headers.length; i += 2) {
        response.add(headers[i], headers[i + 1]);
      }
      return headers(response, end);
    }

    private Stream headers(Http2Headers block, boolean end) {
      connection.run(
          () -> {
            ChannelHandlerContext ctx = connection.context();
            connection.codec.encoder().writeHeaders(ctx, id, block, 0, end, ctx.newPromise());
          });
      return this;
    }

    Stream send(String text, boolean end) {
      return send(text.getBytes(UTF_8), end);
    }

    Stream send(byte[] bytes, boolean end) {
      write(bytes, end);
      return this;
    }

    private CompletableFuture<Void> write(byte[] bytes, boolean end) {
      CompletableFuture<Void> left = new CompletableFuture<>();
      connection.run(
          () -> {
            ChannelHandlerContext ctx = connection.context();
            ChannelFuture written =
                connection
                    .codec
                    .encoder()
                    .writeData(ctx, id, Unpooled.wrappedBuffer(bytes), 0, end, ctx.newPromise());
            written.addListener(done -> left.complete(null));
          });
      return left;
    }

    /** Sends and waits until the bytes have left: for senders that must feel back-pressure. */
    void sendAndAwait(byte[] bytes, boolean end) throws Exception {
      write(bytes, end).get(60, TimeUnit.SECONDS);
    }

    Stream trailers(String... headers) {
      Http2Headers trailers = new DefaultHttp2Headers(false);
      for (int i = 0; i < headers.length; i += 2) {
        trailers.add(headers[i], headers[i + 1]);
      }
      return headers(trailers, true);
    }

    void reset(Http2Error error) {
      connection.run(
          () -> {
            ChannelHandlerContext ctx = connection.context();
            connection.codec.encoder().writeRstStream(ctx, id, error.code(), ctx.newPromise());
          });
    }

    /** The next event; data stays in the window until {@link #consumed}. */
    Event next() throws InterruptedException {
      Event event = events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (event == null) {
        throw new AssertionError("nothing came on the stream");
      }
      return event;
    }

    /** Whether nothing has come. */
    boolean quiet() {
      return events.isEmpty();
    }

    void consumed(Event.Data data) {
      connection.run(
          () -> {
            Http2Stream stream = connection.codec.connection().stream(id);
            if (stream != null && data.window() > 0) {
              try {
                connection.codec.decoder().flowController().consumeBytes(stream, data.window());
              } catch (Http2Exception e) {
                throw new IllegalStateException(e);
              }
            }
          });
    }

    /** The next event, which must be a head. */
    Http2Headers nextHead() throws InterruptedException {
      Event event = next();
      if (event instanceof Event.Head received) {
        return received.headers();
      }
      throw new AssertionError("expected a head: " + event);
    }

    /** The next event, which must be data. */
    String nextData() throws InterruptedException {
      Event event = next();
      if (event instanceof Event.Data data) {
        consumed(data);
        return new String(data.bytes(), UTF_8);
      }
      throw new AssertionError("expected data: " + event);
    }

    /** The code of the reset that must come next, data apart. */
    long nextReset() throws InterruptedException {
      while (true) {
        Event event = next();
        if (event instanceof Event.Reset reset) {
          return reset.code();
        }
        if (!(event instanceof Event.Data data)) {
          throw new AssertionError("expected a reset: " + event);
        }
        consumed(data);
      }
    }

    /** Everything up to the end of the stream. */
    Message rest() throws InterruptedException {
      Http2Headers received = head == null ? nextHeadOrEnd() : head;
      java.io.ByteArrayOutputStream body = new java.io.ByteArrayOutputStream();
      if (headEnds) {
        return new Message(received, "", null);
      }
      while (true) {
        switch (next()) {
          case Event.Data data -> {
            consumed(data);
            body.writeBytes(data.bytes());
            if (data.end()) {
              return new Message(received, body.toString(UTF_8), null);
            }
          }
          case Event.Head trailers -> {
            return new Message(received, body.toString(UTF_8), trailers.headers());
          }
          case Event.Reset reset -> throw new AssertionError("reset with " + reset.code());
          case Event.Closed closed -> throw new AssertionError("connection closed");
        }
      }
    }

    private Http2Headers nextHeadOrEnd() throws InterruptedException {
      Event event = next();
      if (event instanceof Event.Head received) {
        headEnds = received.end();
        return received.headers();
      }
      throw new AssertionError("expected a head: " + event);
    }
  }

  /**
   * A whole message.
   *
   * @param trailers null when there were none
   */
  record Message(Http2Headers head, String body, @Nullable Http2Headers trailers) {
    int status() {
      return Integer.parseInt(head.status().toString());
    }

    @Nullable String header(String name) {
      CharSequence value = head.get(name);
      return value == null ? null : value.toString();
    }

    @Nullable String trailer(String name) {
      Http2Headers received = trailers;
      CharSequence value = received == null ? null : received.get(name);
      return value == null ? null : value.toString();
    }
  }
}
