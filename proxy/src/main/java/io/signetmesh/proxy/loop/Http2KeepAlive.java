package io.signetmesh.proxy.loop;

import java.time.Duration;

/**
 * How an HTTP/2 connection detects a dead peer: it sends a PING after a time of silence, and closes
 * if no response comes in time (RFC 9113 6.7).
 *
 * @param interval silence after which a PING is sent; zero: no PINGs
 * @param timeout time for the response, more than zero
 * @param whileIdle whether PINGs are sent while no stream is open
 */
public record Http2KeepAlive(Duration interval, Duration timeout, boolean whileIdle) {
  /** A PING after 10 s, 3 s for the response, also without open streams. */
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
