package io.signetmesh.identity.channel;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.EmptyHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.ssl.SslContext;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A client that writes HTTP/2 frames as a test wants them, over TLS. */
final class RawHttp2 implements AutoCloseable {
  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int RST_STREAM = 3;
  static final int SETTINGS = 4;
  static final int PING = 6;
  static final int GOAWAY = 7;

  /** What the end of the connection looks like in the queue. */
  static final int CLOSED = -1;

  private static final long PATIENCE_SECONDS = 20;

  private final Channel channel;
  private final LinkedBlockingQueue<Frame> frames = new LinkedBlockingQueue<>();
  private final DefaultHttp2HeadersDecoder hpack = new DefaultHttp2HeadersDecoder();
  private final ByteBuf received = Unpooled.buffer();

  private static final Http2Headers NO_HEADERS = EmptyHttp2Headers.INSTANCE;

  /** A frame of the server. */
  record Frame(int type, int flags, int stream, byte[] payload, Http2Headers headers) {
    long code() {
      return Unpooled.wrappedBuffer(payload).getUnsignedInt(type == GOAWAY ? 4 : 0);
    }

    int grpcStatus() {
      return Integer.parseInt(String.valueOf(headers.get("grpc-status")));
    }
  }

  private RawHttp2(Channel channel) {
    this.channel = channel;
  }

  static RawHttp2 connect(InetSocketAddress server, String from, SslContext tls, ControlLoops loops)
      throws Exception {
    RawHttp2[] client = new RawHttp2[1];
    Bootstrap bootstrap =
        new Bootstrap()
            .group(loops.group())
            .channel(NioSocketChannel.class)
            .handler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel created) {
                    client[0] = new RawHttp2(created);
                    created.pipeline().addLast(tls.newHandler(created.alloc()));
                    created.pipeline().addLast(client[0].new Reader());
                  }
                });
    bootstrap.connect(server, new InetSocketAddress(from, 0)).sync();
    return client[0];
  }

  private final class Reader extends SimpleChannelInboundHandler<ByteBuf> {
    /** Before anything that the server says is answered. */
    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      write(Unpooled.copiedBuffer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", StandardCharsets.US_ASCII));
      frame(SETTINGS, 0, 0, new byte[0]);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, ByteBuf bytes) throws Exception {
      received.writeBytes(bytes);
      while (received.readableBytes() >= 9
          && received.readableBytes() >= 9 + received.getUnsignedMedium(received.readerIndex())) {
        byte[] payload = new byte[received.readUnsignedMedium()];
        int type = received.readUnsignedByte();
        int flags = received.readUnsignedByte();
        int stream = received.readInt();
        received.readBytes(payload);
        Http2Headers headers =
            type == HEADERS
                ? hpack.decodeHeaders(stream, Unpooled.wrappedBuffer(payload))
                : NO_HEADERS;
        if (type == SETTINGS && (flags & 1) == 0) {
          frame(SETTINGS, 1, 0, new byte[0]);
        } else if (type == PING && (flags & 1) == 0) {
          frame(PING, 1, 0, payload);
        }
        frames.add(new Frame(type, flags, stream, payload, headers));
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      frames.add(new Frame(CLOSED, 0, 0, new byte[0], NO_HEADERS));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      ctx.close();
    }
  }

  void frame(int type, int flags, int stream, byte[] payload) {
    write(
        Unpooled.buffer()
            .writeMedium(payload.length)
            .writeByte(type)
            .writeByte(flags)
            .writeInt(stream)
            .writeBytes(payload));
  }

  private void write(ByteBuf bytes) {
    channel.writeAndFlush(bytes);
  }

  /** Opens a call. */
  void headers(int stream, String method) {
    ByteBuf block = Unpooled.buffer();
    literal(block, ":method", "POST");
    literal(block, ":scheme", "http");
    literal(block, ":path", "/" + method);
    literal(block, ":authority", "x");
    literal(block, "content-type", "application/grpc");
    literal(block, "te", "trailers");
    byte[] bytes = new byte[block.readableBytes()];
    block.readBytes(bytes);
    frame(HEADERS, 4, stream, bytes);
  }

  /** A literal without indexing, RFC 7541 section 6.2.2. */
  private static void literal(ByteBuf block, String name, String value) {
    block.writeByte(0);
    text(block, name);
    text(block, value);
  }

  private static void text(ByteBuf block, String text) {
    if (text.length() < 127) {
      block.writeByte(text.length());
    } else {
      block.writeByte(127).writeByte(text.length() - 127);
    }
    block.writeCharSequence(text, StandardCharsets.US_ASCII);
  }

  /**
   * Sends a part of a message.
   *
   * @param announced length that the message has by its prefix
   * @param sent bytes of it that come, in frames of at most 16 KiB
   */
  void message(int stream, int announced, int sent) {
    byte[] prefix = Unpooled.buffer(5).writeByte(0).writeInt(announced).array();
    frame(DATA, 0, stream, prefix);
    for (int left = sent; left > 0; left -= 16_384) {
      frame(DATA, 0, stream, new byte[Math.min(left, 16_384)]);
    }
  }

  void end(int stream) {
    frame(DATA, 1, stream, new byte[0]);
  }

  /** The next frame that a test waits for; null when it does not come. */
  Frame next(Predicate<Frame> wanted) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (true) {
      Frame frame = frames.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (frame == null || wanted.test(frame)) {
        return frame;
      }
    }
  }

  /** The next frame of a stream that says how it ended. */
  Frame endOf(int stream) throws InterruptedException {
    return next(
        frame ->
            frame.type() == CLOSED
                || frame.stream() == stream
                    && (frame.type() == RST_STREAM
                        || (frame.type() == HEADERS && frame.headers().contains("grpc-status"))));
  }

  @Override
  public void close() {
    channel.close().awaitUninterruptibly();
  }
}
