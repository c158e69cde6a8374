package io.signetmesh.proxy.http.h2;

import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Asks a silent peer of an HTTP/2 connection for a sign of life, and says when there is none. Every
 * byte that comes is one; a PING makes the peer send some (RFC 9113 6.7). Confined to the loop of
 * the connection.
 *
 * <p>Where it is this side that does not listen, a missing answer says nothing: reading is held,
 * the PING waits behind bytes that the peer goes on taking, or the loop itself was late.
 */
final class PingWatch {
  /** A loop that runs a timer later than this may not have read yet what has come, ns. */
  private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final long intervalNanos;
  private final long timeoutNanos;
  private final boolean whileIdle;
  private final EventLoop loop;
  private final Peer peer;
  private @Nullable ScheduledFuture<?> timer;
  private @Nullable ChannelFuture asked;
  private boolean heard;
  private long heardAt;
  private long due;

  /** The connection. */
  interface Peer {
    /** Whether a stream is open. */
    boolean hasStreams();

    /** Whether what the peer sends is read now. */
    boolean isRead();

    /** Sends a PING; the future succeeds when it has left. */
    ChannelFuture ping();

    /** Whether the peer has acknowledged bytes since this was asked last, and has not got all. */
    boolean isTaking();

    /**
     * The peer does not answer.
     *
     * @param silence for how long nothing has come
     */
    void silent(Duration silence);
  }

  PingWatch(Http2KeepAlive keepAlive, EventLoop loop, Peer peer) {
    this.intervalNanos = keepAlive.interval().toNanos();
    this.timeoutNanos = keepAlive.timeout().toNanos();
    this.whileIdle = keepAlive.whileIdle();
    this.loop = loop;
    this.peer = peer;
  }

  void start() {
    if (intervalNanos > 0) {
      heardAt = now();
      lookIn(intervalNanos);
    }
  }

  void stop() {
    ScheduledFuture<?> scheduled = timer;
    timer = null;
    if (scheduled != null) {
      scheduled.cancel(false);
    }
  }

  /** Bytes have come. */
  void heard() {
    if (intervalNanos > 0) {
      heard = true;
      heardAt = now();
    }
  }

  private void look() {
    ChannelFuture ping = asked;
    if (ping == null) {
      ask();
    } else if (heard) {
      asked = null;
      ask();
    } else if (now() - due > LATE_NANOS || !peer.isRead() || !ping.isDone() || peer.isTaking()) {
      lookIn(timeoutNanos);
    } else {
      stop();
      peer.silent(Duration.ofNanos(now() - heardAt));
    }
  }

  /** Sends a PING, if it is time to. */
  private void ask() {
    long left = intervalNanos - (now() - heardAt);
    if (left > 0) {
      lookIn(left);
    } else if (!whileIdle && !peer.hasStreams()) {
      lookIn(intervalNanos);
    } else {
      heard = false;
      // What is acknowledged counts from here on.
      peer.isTaking();
      asked = peer.ping();
      lookIn(timeoutNanos);
    }
  }

  private void lookIn(long nanos) {
    due = now() + nanos;
    timer = loop.schedule(this::look, nanos, TimeUnit.NANOSECONDS);
  }

  private long now() {
    return loop.ticker().nanoTime();
  }
}
