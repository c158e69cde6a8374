package io.signetmesh.proxy.http;

import io.signetmesh.proxy.loop.Http2KeepAlive;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Limits of the HTTP path.
 *
 * @param maxHeadBytes longest request or response head, bytes
 * @param headTimeout longest time from the first byte of a head to its end
 * @param idleTimeout idle client connections are closed after this
 * @param poolIdleTimeout idle upstream HTTP/1 connections are closed after this
 * @param maxConcurrentStreams HTTP/2 streams that a peer may have open on one connection
 * @param streamWindow HTTP/2 receive window that a stream begins with, bytes
 * @param maxStreamWindow what the window of a stream whose bytes go on at once may grow to, bytes
 * @param connectionWindow HTTP/2 receive window of a connection, and what the windows of its
 *     streams may grow by in sum, bytes
 * @param maxInFlight requests awaiting a response head, per loop; beyond it 503
 * @param progressTimeout HTTP/2 streams, and connections, whose peer takes nothing of what waits
 *     for it are ended after this, and after half of it at the earliest
 * @param clientKeepAlive when HTTP/2 clients are asked for a sign of life
 * @param peerKeepAlive the same for proxies of peers; null: as discovery says of each
 */
public record HttpConfig(
    int maxHeadBytes,
    Duration headTimeout,
    Duration idleTimeout,
    Duration poolIdleTimeout,
    int maxConcurrentStreams,
    int streamWindow,
    int maxStreamWindow,
    int connectionWindow,
    int maxInFlight,
    Duration progressTimeout,
    Http2KeepAlive clientKeepAlive,
    @Nullable Http2KeepAlive peerKeepAlive) {

  /**
   * The defaults: 64 KiB heads in 10 s, 1,024 streams, windows of 64 KiB that grow to 1 MiB, 16 MiB
   * for a connection, 2 minutes without progress, PINGs after 10 s of silence.
   */
  public static HttpConfig defaults() {
    return new HttpConfig(
        64 * 1024,
        Duration.ofSeconds(10),
        Duration.ofMinutes(10),
        Duration.ofSeconds(3),
        1024,
        64 * 1024,
        1024 * 1024,
        16 * 1024 * 1024,
        100_000,
        Duration.ofMinutes(2),
        Http2KeepAlive.DEFAULT,
        null);
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
        maxStreamWindow,
        connectionWindow,
        requests,
        progressTimeout,
        clientKeepAlive,
        peerKeepAlive);
  }

  /** The same with another number of streams. */
  HttpConfig withMaxConcurrentStreams(int streams) {
    return new HttpConfig(
        maxHeadBytes,
        headTimeout,
        idleTimeout,
        poolIdleTimeout,
        streams,
        streamWindow,
        maxStreamWindow,
        connectionWindow,
        maxInFlight,
        progressTimeout,
        clientKeepAlive,
        peerKeepAlive);
  }

  /** The same with another limit of heads. */
  public HttpConfig withMaxHeadBytes(int bytes) {
    return new HttpConfig(
        bytes,
        headTimeout,
        idleTimeout,
        poolIdleTimeout,
        maxConcurrentStreams,
        streamWindow,
        maxStreamWindow,
        connectionWindow,
        maxInFlight,
        progressTimeout,
        clientKeepAlive,
        peerKeepAlive);
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
        maxStreamWindow,
        connectionWindow,
        maxInFlight,
        progressTimeout,
        clientKeepAlive,
        peerKeepAlive);
  }

  /** The same with another idle time of connections of clients. */
  HttpConfig withIdleTimeout(Duration timeout) {
    return new HttpConfig(
        maxHeadBytes,
        headTimeout,
        timeout,
        poolIdleTimeout,
        maxConcurrentStreams,
        streamWindow,
        maxStreamWindow,
        connectionWindow,
        maxInFlight,
        progressTimeout,
        clientKeepAlive,
        peerKeepAlive);
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
        maxStreamWindow,
        connectionWindow,
        maxInFlight,
        progressTimeout,
        clientKeepAlive,
        peerKeepAlive);
  }

  /** The same with another time without progress. */
  HttpConfig withProgressTimeout(Duration timeout) {
    return new HttpConfig(
        maxHeadBytes,
        headTimeout,
        idleTimeout,
        poolIdleTimeout,
        maxConcurrentStreams,
        streamWindow,
        maxStreamWindow,
        connectionWindow,
        maxInFlight,
        timeout,
        clientKeepAlive,
        peerKeepAlive);
  }

  /** The same with other times of silence. */
  public HttpConfig withKeepAlive(Http2KeepAlive ofClients, @Nullable Http2KeepAlive ofPeers) {
    return new HttpConfig(
        maxHeadBytes,
        headTimeout,
        idleTimeout,
        poolIdleTimeout,
        maxConcurrentStreams,
        streamWindow,
        maxStreamWindow,
        connectionWindow,
        maxInFlight,
        progressTimeout,
        ofClients,
        ofPeers);
  }
}
