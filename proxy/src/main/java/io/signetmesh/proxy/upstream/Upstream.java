package io.signetmesh.proxy.upstream;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** A destination with its live endpoints. Safe from any thread. No method blocks. */
public interface Upstream {
  /** How the bytes of the application are read. */
  Protocol protocol();

  /**
   * Whether discovery marks all endpoints known now as opaque. Then the bytes of the application
   * are not read as HTTP, whatever they look like.
   */
  default boolean takesBytesOnly() {
    return false;
  }

  /**
   * Whether the destination still has this endpoint, with the same identity, hint and port. Asked
   * after a wait between {@link #pick} and use.
   */
  default boolean leadsTo(Endpoint endpoint) {
    return true;
  }

  /** Authority of the destination, {@code name:port}, for logs, metrics and tracing. */
  String authority();

  /**
   * Picks an endpoint by power of two choices over peak-EWMA load. Returns null when no endpoint is
   * ready; {@link #awaitPick} waits for one.
   */
  @Nullable Lease pick();

  /**
   * As {@link #pick}, but waits up to the fail-fast limit (3 s) for a ready endpoint. Completes on
   * {@code executor}. Fails with {@link java.util.concurrent.TimeoutException}, which is a 504 for
   * the client.
   */
  Future<Lease> awaitPick(EventExecutor executor);

  /** Protocol of a destination. */
  enum Protocol {
    /** Detected from the first bytes. */
    DETECT,
    /** HTTP/1. */
    HTTP1,
    /** HTTP/2, gRPC included. */
    HTTP2,
    /** Bytes. */
    OPAQUE,
    /** Refused by policy: close at once. */
    FORBIDDEN
  }

  /** One request or connection. It counts as load of its endpoint until it is released. */
  interface Lease {
    /** The endpoint picked. */
    Endpoint endpoint();

    /** The response to a request has begun. */
    void responded(long latencyNanos);

    /** An opaque connection is established, maybe with the endpoint's proxy alone. */
    default void connected(long latencyNanos) {
      responded(latencyNanos);
    }

    /** The first bytes have arrived on an opaque connection. */
    default void answered() {}

    /**
     * The endpoint answered with 5xx, or the connection failed before it answered. This counts as a
     * slow response, so that an endpoint gets no load for failing fast. After several in a row,
     * other endpoints are preferred for a while.
     */
    default void answeredBadly(long latencyNanos) {
      responded(latencyNanos);
    }

    /**
     * The endpoint's proxy could not connect to its application. This counts as several failures in
     * a row, see {@link #answeredBadly}.
     */
    default void refused(long latencyNanos) {
      answeredBadly(latencyNanos);
    }

    /**
     * The connection to the endpoint could not be opened. The endpoint is not picked for a while
     * (backoff).
     */
    void failed();

    /** Ends the lease. Call exactly once. */
    void release();
  }
}
