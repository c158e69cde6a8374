package io.signetmesh.proxy.loop;

import java.time.Duration;

/**
 * How an HTTP/2 connection notices that its peer is gone: a PING after a time of silence, which has
 * to be answered in time (RFC 9113 6.7).
 *
 * @param interval silence after which a PING is sent; zero: none is
 * @param timeout time for the answer, more than zero
 * @param whileIdle whether PINGs are sent while no stream is open
 */
public record Http2KeepAlive(Duration interval, Duration timeout, boolean whileIdle) {
  /** 10 s and 3 s, without streams too. */
  public static final Http2KeepAlive DEFAULT =
      new Http2KeepAlive(Duration.ofSeconds(10), Duration.ofSeconds(3), true);

  /** No PINGs. */
  public static final Http2KeepAlive OFF =
      new Http2KeepAlive(Duration.ZERO, Duration.ofSeconds(3), true);

  /** Checks the times. */
  public Http2KeepAlive {
    if (interval.isNegative() || timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException(
          "HTTP/2 keep-alive of "
              + interval
              + ", "
              + timeout
              + ": expected 0 or more, and more than 0");
    }
  }

  /** Whether PINGs are sent. */
  public boolean isOn() {
    return !interval.isZero();
  }
}
