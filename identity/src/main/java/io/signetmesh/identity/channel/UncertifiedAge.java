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
 *     GOAWAY) and a connection without calls is closed; one that had a call and has none is closed
 *     long before that ({@link CallGuard})
 * @param grace time for the calls open then; after it the connection is cut with them
 */
record UncertifiedAge(Duration limit, Duration grace) {
  /** A proxy's calls end after 10 s. */
  static final UncertifiedAge DEFAULT =
      new UncertifiedAge(Duration.ofSeconds(60), Duration.ofSeconds(15));

  /** Starts to count. Nothing is left behind of a connection that ends earlier. */
  void limit(Channel channel) {
    after(channel, limit, () -> channel.pipeline().close());
    // Below HTTP/2, which would wait for its streams.
    after(
        channel,
        limit.plus(grace),
        () -> {
          ChannelHandlerContext lowest = channel.pipeline().firstContext();
          if (lowest != null) {
            lowest.close();
          }
        });
  }

  /**
   * Runs a task on the channel's event loop after a delay, unless the channel is closed by then.
   */
  static void after(Channel channel, Duration delay, Runnable task) {
    Future<?> scheduled = channel.eventLoop().schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
    channel.closeFuture().addListener(closed -> scheduled.cancel(false));
  }
}
