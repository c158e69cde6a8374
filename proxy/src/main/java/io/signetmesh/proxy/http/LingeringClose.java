package io.signetmesh.proxy.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.connect.Endings;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Closes a connection whose client may still be sending (RFC 9112 9.6). A close would answer its
 * bytes with a reset, which may destroy the response before the client has read it; so only the
 * proxy's own direction is ended, and what comes is thrown away until the client ends its direction
 * too, as it is: of TLS nothing is decrypted any more. Confined to the channel's loop.
 *
 * <p>From the moment that it begins the client is read, so that one which takes its response only
 * after it has sent everything gets that far. Time is counted from the end of the response.
 */
final class LingeringClose extends ChannelInboundHandlerAdapter {
  /** Longest time after the end of the response. */
  static final long MOST_MILLIS = 30_000;

  /** Longest time without a byte of the client. */
  static final long QUIET_MILLIS = 5_000;

  /** As much as is thrown away for one client. */
  static final long MOST_BYTES = 64L * 1024 * 1024;

  private final DuplexChannel channel;
  private @Nullable ScheduledFuture<?> timer;
  private long left = MOST_BYTES;
  private long seen;
  private long endNanos;

  private LingeringClose(DuplexChannel channel) {
    this.channel = channel;
  }

  /** Begins to close once everything has been written. */
  static void begin(Channel channel) {
    if (!(channel instanceof DuplexChannel duplex)) {
      channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> channel.close());
      return;
    }
    LingeringClose close = new LingeringClose(duplex);
    channel.pipeline().addFirst("linger", close);
    channel
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(
            written -> {
              if (written.isSuccess() && !duplex.isInputShutdown()) {
                close.endOutput();
              } else {
                channel.close();
              }
            });
    channel.config().setAutoRead(true);
  }

  private void endOutput() {
    endNanos = now() + TimeUnit.MILLISECONDS.toNanos(MOST_MILLIS);
    watch();
    // The client tells a response that has ended from one that was cut (RFC 8446 6.1).
    Endings.endOutput(channel);
  }

  private void watch() {
    long before = seen;
    timer =
        channel
            .eventLoop()
            .schedule(
                () -> {
                  if (seen == before || now() - endNanos >= 0) {
                    channel.close();
                  } else {
                    watch();
                  }
                },
                QUIET_MILLIS,
                TimeUnit.MILLISECONDS);
  }

  private long now() {
    return channel.eventLoop().ticker().nanoTime();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (message instanceof ByteBuf bytes) {
      int count = bytes.readableBytes();
      seen += count;
      left -= count;
    }
    ReferenceCountUtil.release(message);
    if (left < 0) {
      channel.close();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {}

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event == ChannelInputShutdownEvent.INSTANCE) {
      // With bytes of the response still to be written, their end closes the connection.
      if (timer != null) {
        channel.close();
      }
    } else {
      ctx.fireUserEventTriggered(event);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    ScheduledFuture<?> pending = timer;
    if (pending != null) {
      pending.cancel(false);
    }
    ctx.fireChannelInactive();
  }
}
