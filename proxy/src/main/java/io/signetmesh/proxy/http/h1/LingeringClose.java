package io.signetmesh.proxy.http.h1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.memory.Pace;
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
  static final long MAX_MILLIS = 30_000;

  /** Longest time without a byte of the client. */
  static final long QUIET_MILLIS = 5_000;

  /** Longest time that all of the end takes for a client that reads at the least rate. */
  static final long MAX_DELIVERY_MILLIS = 60_000;

  /** Least rate at which what waits for the client has to be read, bytes per second. */
  static final int LEAST_RATE = Pace.DEFAULT.bytesPerSecond();

  /** As much as is thrown away for one client. */
  static final long MAX_BYTES = 64L * 1024 * 1024;

  private final DuplexChannel channel;
  private @Nullable ScheduledFuture<?> timer;
  private long left = MAX_BYTES;
  private long seen;
  private long endNanos;

  private LingeringClose(DuplexChannel channel) {
    this.channel = channel;
  }

  /** Begins to close once everything has been written. */
  static void begin(Channel channel) {
    if (!(channel instanceof DuplexChannel duplex)) {
      closeOnceWritten(channel);
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
    limit(channel);
    channel.config().setAutoRead(true);
  }

  /** Closes once everything has been written, without reading what the client still sends. */
  static void closeOnceWritten(Channel channel) {
    channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> channel.close());
    limit(channel);
  }

  /**
   * Cuts the connection at the latest when a client that reads at the least rate would have got all
   * that waits now. Whoever acknowledges without reading, a few bytes at a time or none, would else
   * be waited for without end.
   */
  private static void limit(Channel channel) {
    ChannelOutboundBuffer queued = channel.unsafe().outboundBuffer();
    if (!channel.isOpen() || queued == null) {
      return;
    }
    long millis = MAX_DELIVERY_MILLIS + queued.totalPendingWriteBytes() * 1000 / LEAST_RATE;
    ScheduledFuture<?> limit =
        channel.eventLoop().schedule(() -> Endings.reset(channel), millis, TimeUnit.MILLISECONDS);
    channel.closeFuture().addListener(closed -> limit.cancel(false));
  }

  private void endOutput() {
    endNanos = now() + TimeUnit.MILLISECONDS.toNanos(MAX_MILLIS);
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
