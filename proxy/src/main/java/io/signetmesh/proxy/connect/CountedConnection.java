package io.signetmesh.proxy.connect;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.TcpConnectionMetrics;
import org.jspecify.annotations.Nullable;

/**
 * Counts the bytes of a connection (plaintext, without TLS) and its end. Its place in the pipeline
 * is between the transport handlers and those that serve or relay.
 */
public final class CountedConnection extends ChannelDuplexHandler {
  private final TcpConnectionMetrics metrics;
  private @Nullable Throwable cause;
  private @Nullable ConnectionMemory memory;

  public CountedConnection(TcpConnectionMetrics metrics) {
    this.metrics = metrics;
  }

  /** Begins to count a connection. Its transport handlers must be in the pipeline already. */
  public static void add(Channel channel, TcpConnectionMetrics metrics) {
    channel.pipeline().addLast("count", new CountedConnection(metrics));
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    memory = ConnectionMemory.of(ctx.channel());
    if (!ctx.channel().isActive()) {
      metrics.closed(null);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (message instanceof ByteBuf bytes) {
      metrics.read(bytes.readableBytes());
    }
    ctx.fireChannelRead(message);
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    if (message instanceof ByteBuf bytes) {
      int count = bytes.readableBytes();
      metrics.written(count);
      ConnectionMemory account = memory;
      if (account != null) {
        account.written(count);
      }
    }
    ctx.write(message, promise);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable thrown) {
    cause = thrown;
    ctx.fireExceptionCaught(thrown);
  }

  /**
   * States why a connection is about to be closed. Does nothing if the connection is not counted.
   */
  public static void closing(Channel channel, Throwable cause) {
    CountedConnection counted = channel.pipeline().get(CountedConnection.class);
    if (counted != null) {
      counted.cause = cause;
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    metrics.closed(cause);
    ctx.fireChannelInactive();
  }
}
