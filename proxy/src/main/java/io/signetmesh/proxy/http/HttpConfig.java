package io.signetmesh.proxy.http;

import java.time.Duration;

/**
 * Limits of the HTTP path.
 *
 * @param maxHeadBytes longest request or response head, bytes
 * @param headTimeout longest time from the first byte of a head to its end
 * @param idleTimeout idle client connections are closed after this
 * @param poolIdleTimeout idle upstream HTTP/1 connections are closed after this
 * @param maxConcurrentStreams HTTP/2 streams that a peer may have open on one connection
 * @param streamWindow HTTP/2 receive window of a stream, bytes
 * @param connectionWindow HTTP/2 receive window of a connection, bytes
 * @param maxInFlight requests awaiting a response head, per loop; beyond it 503
 */
public record HttpConfig(
    int maxHeadBytes,
    Duration headTimeout,
    Duration idleTimeout,
    Duration poolIdleTimeout,
    int maxConcurrentStreams,
    int streamWindow,
    int connectionWindow,
    int maxInFlight) {

  /** The defaults: 64 KiB heads in 10 s, 1,024 streams, windows of 256 KiB and 16 MiB. */
  public static HttpConfig defaults() {
    return new HttpConfig(
        64 * 1024,
        Duration.ofSeconds(10),
        Duration.ofMinutes(10),
        Duration.ofSeconds(3),
        1024,
        256 * 1024,
        // As many stream windows as there may be slow readers before one holds up the others.
        16 * 1024 * 1024,
        100_000);
  }

  /** The same with another bound of requests in flight. */
  HttpConfig withMaxInFlight(int requests) {
    return new HttpConfig(
        maxHeadBytes,
        headTimeout,
        idleTimeout,
        poolIdleTimeout,
        maxConcurrentStreams,
        streamWindow,
        connectionWindow,
        requests);
  }

  /** The same with another time for heads. */
  HttpConfig withHeadTimeout(Duration timeout) {
    return new HttpConfig(
        maxHeadBytes,
        timeout,
        idleTimeout,
        poolIdleTimeout,
        maxConcurrentStreams,
        streamWindow,
        connectionWindow,
        maxInFlight);
  }

  /** The same with another idle time of connections to upstreams. */
  public HttpConfig withPoolIdleTimeout(Duration timeout) {
    return new HttpConfig(
        maxHeadBytes,
        headTimeout,
        idleTimeout,
        timeout,
        maxConcurrentStreams,
        streamWindow,
        connectionWindow,
        maxInFlight);
  }
}
