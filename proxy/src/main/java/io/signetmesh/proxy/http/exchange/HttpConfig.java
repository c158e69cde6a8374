package io.signetmesh.proxy.http.exchange;

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
 * @param streamWindow initial HTTP/2 receive window of a stream, bytes
 * @param maxStreamWindow largest receive window of a stream whose bytes are forwarded at once,
 *     bytes
 * @param connectionWindow HTTP/2 receive window of a connection, and most growth of the windows of
 *     its streams together, bytes
 * @param maxInFlight requests of a loop that wait for a response head; more get 503
 * @param progressTimeout HTTP/2 streams and connections whose peer reads none of the pending bytes
 *     are ended after this time, and after half of it at the earliest
 * @param clientKeepAlive PINGs to HTTP/2 clients
 * @param peerKeepAlive PINGs to proxies of peers; null: as discovery states for each
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

  /** The defaults, see {@link Builder}. */
  public static HttpConfig defaults() {
    return builder().build();
  }

  /** A builder that begins with the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Builds a configuration. Each method sets the component of the same name. Defaults: heads of 64
   * KiB within 10 s, 1,024 streams, stream windows of 64 KiB that grow to 1 MiB, connection windows
   * of 16 MiB, 2 minutes without progress, PINGs after 10 s of silence.
   */
  public static final class Builder {
    private int maxHeadBytes = 64 * 1024;
    private Duration headTimeout = Duration.ofSeconds(10);
    private Duration idleTimeout = Duration.ofMinutes(10);
    private Duration poolIdleTimeout = Duration.ofSeconds(3);
    private int maxConcurrentStreams = 1024;
    private int maxInFlight = 100_000;
    private Duration progressTimeout = Duration.ofMinutes(2);
    private Http2KeepAlive clientKeepAlive = Http2KeepAlive.DEFAULT;
    private @Nullable Http2KeepAlive peerKeepAlive;

    private Builder() {}

    public Builder maxHeadBytes(int bytes) {
      maxHeadBytes = bytes;
      return this;
    }

    public Builder headTimeout(Duration timeout) {
      headTimeout = timeout;
      return this;
    }

    public Builder idleTimeout(Duration timeout) {
      idleTimeout = timeout;
      return this;
    }

    public Builder poolIdleTimeout(Duration timeout) {
      poolIdleTimeout = timeout;
      return this;
    }

    public Builder maxConcurrentStreams(int streams) {
      maxConcurrentStreams = streams;
      return this;
    }

    public Builder maxInFlight(int requests) {
      maxInFlight = requests;
      return this;
    }

    public Builder progressTimeout(Duration timeout) {
      progressTimeout = timeout;
      return this;
    }

    public Builder keepAlive(Http2KeepAlive ofClients, @Nullable Http2KeepAlive ofPeers) {
      clientKeepAlive = ofClients;
      peerKeepAlive = ofPeers;
      return this;
    }

    /** The configuration as set so far. */
    public HttpConfig build() {
      return new HttpConfig(
          maxHeadBytes,
          headTimeout,
          idleTimeout,
          poolIdleTimeout,
          maxConcurrentStreams,
          64 * 1024,
          1024 * 1024,
          16 * 1024 * 1024,
          maxInFlight,
          progressTimeout,
          clientKeepAlive,
          peerKeepAlive);
    }
  }
}
