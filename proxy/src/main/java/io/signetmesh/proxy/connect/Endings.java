package io.signetmesh.proxy.connect;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.DuplexChannel;
import io.signetmesh.identity.pki.DuplexTls;
import java.util.concurrent.TimeUnit;

/**
 * How connections end, so that the peer can tell an end from a cut:
 *
 * <ul>
 *   <li>an end is a FIN, and a close_notify before it where TLS is spoken;
 *   <li>a cut is a RST without close_notify.
 * </ul>
 *
 * <p>Call all methods on the channel's loop.
 */
public final class Endings {
  /** Longest time in which a peer acknowledges nothing of what was sent before a cut. */
  private static final long STALL_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** Longest time that a cut waits for the bytes before it. */
  private static final long DELIVERY_NANOS = TimeUnit.SECONDS.toNanos(60);

  /** How long a transport gets that cannot tell what has been acknowledged. */
  private static final long BLIND_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private static final long FIRST_LOOK_MILLIS = 2;
  private static final long LOOK_MILLIS = 50;

  private Endings() {}

  /** Ends the output after all pending writes; reading goes on. */
  public static void endOutput(Channel channel) {
    DuplexTls tls = DuplexTls.of(channel);
    if (tls != null) {
      tls.endOutput();
      return;
    }
    channel
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(
            written -> {
              if (channel instanceof DuplexChannel duplex && duplex.isActive()) {
                duplex.shutdownOutput();
              }
            });
  }

  /** Closes the connection after all pending writes: an end in both directions. */
  public static void end(Channel channel) {
    if (channel.isActive()) {
      channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> channel.close());
    } else {
      channel.close();
    }
  }

  /** Cuts the connection at once. Bytes that were written but not delivered are lost. */
  public static void reset(Channel channel) {
    if (!channel.isOpen()) {
      return;
    }
    try {
      channel.config().setOption(ChannelOption.SO_LINGER, 0);
    } catch (ChannelException e) {
      // The socket is gone already.
    }
    DuplexTls tls = DuplexTls.of(channel);
    ChannelHandlerContext first = channel.pipeline().firstContext();
    if (tls != null) {
      tls.abort();
    } else if (first != null) {
      // Past the handlers that would say goodbye.
      first.close();
    } else {
      channel.close();
    }
  }

  /**
   * Cuts the connection once the peer has acknowledged all written bytes, because a RST makes the
   * kernel discard undelivered ones. Checks every {@value #LOOK_MILLIS} ms. Gives up waiting when
   * the peer acknowledges nothing for 10 s, and after a minute at most. Stops reading.
   */
  public static void cut(Channel channel) {
    if (!channel.isActive()) {
      channel.close();
      return;
    }
    channel.config().setAutoRead(false);
    Delivery delivery = new Delivery(channel);
    channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> delivery.flushed());
    if (channel.isOpen()) {
      delivery.look(FIRST_LOOK_MILLIS);
    }
  }

  /** Looks at what a connection has still to deliver, and resets it when that is nothing. */
  private static final class Delivery {
    private final Channel channel;
    private final long begun = System.nanoTime();
    private long progress = begun;
    private long flushedAt = begun;
    private long left = Long.MAX_VALUE;
    private boolean flushed;

    Delivery(Channel channel) {
      this.channel = channel;
    }

    void flushed() {
      flushed = true;
      flushedAt = System.nanoTime();
      if (SendQueue.known(channel) && SendQueue.bytes(channel) == 0) {
        reset(channel);
      }
    }

    void look(long afterMillis) {
      channel
          .eventLoop()
          .schedule(() -> look(System.nanoTime(), afterMillis), afterMillis, TimeUnit.MILLISECONDS);
    }

    private void look(long now, long waited) {
      if (!channel.isOpen()) {
        return;
      }
      boolean blind = !SendQueue.known(channel);
      long queued = blind ? 0 : SendQueue.bytes(channel);
      ChannelOutboundBuffer unwritten = channel.unsafe().outboundBuffer();
      long waiting = queued + (unwritten == null ? 0 : unwritten.totalPendingWriteBytes());
      if (waiting < left) {
        left = waiting;
        progress = now;
      }
      boolean delivered = flushed && (blind ? now - flushedAt >= BLIND_NANOS : queued == 0);
      if (delivered || now - progress >= STALL_NANOS || now - begun >= DELIVERY_NANOS) {
        reset(channel);
      } else {
        look(Math.min(waited * 2, LOOK_MILLIS));
      }
    }
  }
}
