package io.signetmesh.e2e.decision;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.util.ReferenceCountUtil;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/**
 * An application that speaks whatever it is spoken to: HTTP/1 and HTTP/2 requests get status 200,
 * gRPC calls status 0, all other bytes come back. Requests for {@code /slow} wait for their answer.
 */
final class CaseApplication {
  /** Header of every answer to an HTTP request. */
  static final String HEADER = "x-application";

  /** Its value. */
  static final String VALUE = "as answered";

  private static final long SLOW_MILLIS = 100;

  private CaseApplication() {}

  /** Listens until the channel is closed. */
  static Channel listen(EventLoopGroup group, InetSocketAddress address)
      throws InterruptedException {
    return new ServerBootstrap()
        .group(group)
        .channel(NioServerSocketChannel.class)
        .childHandler(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel channel) {
                channel.pipeline().addLast(new FirstByte());
              }
            })
        .bind(address)
        .sync()
        .channel();
  }

  /** Tells the protocols apart: only requests begin with a capital letter. */
  private static final class FirstByte extends ChannelInboundHandlerAdapter {
    private ByteBuf first = Unpooled.EMPTY_BUFFER;

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      first = Unpooled.wrappedBuffer(first, (ByteBuf) message);
      byte letter = first.getByte(first.readerIndex());
      if (letter < 'A' || letter > 'Z') {
        ctx.pipeline().addLast(new Echo());
      } else if (first.readableBytes() < 3) {
        return;
      } else if (letter == 'P' && first.getByte(first.readerIndex() + 2) == 'I') {
        ctx.pipeline()
            .addLast(
                Http2FrameCodecBuilder.forServer().validateHeaders(false).build(),
                new Http2MultiplexHandler(
                    new ChannelInitializer<Channel>() {
                      @Override
                      protected void initChannel(Channel stream) {
                        stream.pipeline().addLast(new Stream());
                      }
                    }));
      } else {
        ctx.pipeline()
            .addLast(new HttpServerCodec(), new HttpObjectAggregator(1 << 16), new Request());
      }
      ByteBuf held = first;
      first = Unpooled.EMPTY_BUFFER;
      ctx.fireChannelRead(held);
      ctx.pipeline().remove(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
      first.release();
    }
  }

  private static final class Echo extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ctx.writeAndFlush(message);
    }
  }

  private static final class Request extends SimpleChannelInboundHandler<FullHttpRequest> {
    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
      var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
      response.headers().set(HttpHeaderNames.CONTENT_LENGTH, 0).set(HEADER, VALUE);
      if (request.uri().startsWith("/slow")) {
        ctx.executor()
            .schedule(() -> ctx.writeAndFlush(response), SLOW_MILLIS, TimeUnit.MILLISECONDS);
      } else {
        ctx.writeAndFlush(response);
      }
    }
  }

  private static final class Stream extends ChannelInboundHandlerAdapter {
    private boolean grpc;

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      boolean end = false;
      if (message instanceof Http2HeadersFrame head) {
        grpc = "application/grpc".contentEquals(head.headers().get("content-type", ""));
        end = head.isEndStream();
      } else if (message instanceof Http2DataFrame data) {
        end = data.isEndStream();
      }
      ReferenceCountUtil.release(message);
      if (end && grpc) {
        ctx.write(
            new DefaultHttp2HeadersFrame(
                new DefaultHttp2Headers()
                    .status("200")
                    .add("content-type", "application/grpc")
                    .add(HEADER, VALUE)));
        ctx.writeAndFlush(
            new DefaultHttp2HeadersFrame(new DefaultHttp2Headers().add("grpc-status", "0"), true));
      } else if (end) {
        ctx.writeAndFlush(
            new DefaultHttp2HeadersFrame(
                new DefaultHttp2Headers().status("200").add(HEADER, VALUE), true));
      }
    }
  }
}
