package io.signetmesh.identity.channel;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * How old a connection may become whose client showed no certificate. Such a client asks for a
 * certificate, which is one call of seconds, and has no reason to stay.
 *
 * @param limit age, from the end of the handshake on, at which the client is told to go (HTTP/2
 *     GOAWAY) and a connection without calls is closed; above what a {@link ControlChannel} stays
 *     open after a call
 * @param grace time for the calls open then; after it the connection is cut with them
 */
record UncertifiedAge(Duration limit, Duration grace) {
  /** A proxy's channel closes 30 s after its last call, and its calls end after 10 s. */
  static final UncertifiedAge DEFAULT =
      new UncertifiedAge(Duration.ofSeconds(60), Duration.ofSeconds(15));

  /** Starts to count. Nothing is left behind of a connection that ends earlier. */
  void limit(Channel channel) {
    Future<?> end = after(channel, limit, () -> channel.pipeline().close());
    // Below HTTP/2, which would wait for its streams.
    Future<?> cut =
        after(
            channel,
            limit.plus(grace),
            () -> {
              ChannelHandlerContext lowest = channel.pipeline().firstContext();
              if (lowest != null) {
                lowest.close();
              }
            });
    channel
        .closeFuture()
        .addListener(
            closed -> {
              end.cancel(false);
              cut.cancel(false);
            });
  }

  private static Future<?> after(Channel channel, Duration delay, Runnable task) {
    return channel.eventLoop().schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
  }
}
