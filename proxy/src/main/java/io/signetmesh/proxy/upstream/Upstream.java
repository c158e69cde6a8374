package io.signetmesh.proxy.upstream;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** A destination with its live endpoints. Safe from any thread; nothing here blocks. */
public interface Upstream {
  /** How the client's bytes are to be read. */
  Protocol protocol();

  /**
   * Whether all endpoints that are known now are hinted to take bytes only: then the client's bytes
   * are not read as HTTP, whatever they look like.
   */
  default boolean takesBytesOnly() {
    return false;
  }

  /**
   * Whether an endpoint that was picked, and then waited for, is still one that the destination
   * leads to, as it is known now: with that identity, hint and port.
   */
  default boolean leadsTo(Endpoint endpoint) {
    return true;
  }

  /** Authority of the destination, {@code name:port}, for logs, metrics and tracing. */
  String authority();

  /**
   * Picks an endpoint by power of two choices over peak-EWMA load. Null when no endpoint is ready
   * now; {@link #awaitPick} then waits.
   */
  @Nullable Lease pick();

  /**
   * As {@link #pick}, waiting on {@code executor} for an endpoint up to the fail-fast limit (3 s);
   * fails with {@link java.util.concurrent.TimeoutException}: answer 504.
   */
  Future<Lease> awaitPick(EventExecutor executor);

  /** Protocol of a destination. */
  enum Protocol {
    /** Find out from the first bytes. */
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

  /** One request or connection that counts as load of an endpoint until it is released. */
  interface Lease {
    /** The endpoint picked. */
    Endpoint endpoint();

    /** The response to a request has begun. */
    void responded(long latencyNanos);

    /**
     * A connection that carries bytes only is established, maybe with the endpoint's proxy alone.
     */
    default void connected(long latencyNanos) {
      responded(latencyNanos);
    }

    /** The first bytes have come over a connection that carries bytes only. */
    default void answered() {}

    /**
     * The endpoint answered with a failure of its own (5xx), or the connection failed before it
     * answered: counts as slow, however fast it was, so that failing earns no load. After several
     * in a row others are preferred for a while.
     */
    default void answeredBadly(long latencyNanos) {
      responded(latencyNanos);
    }

    /**
     * The endpoint's proxy could not connect to its application: as several failures in a row, see
     * {@link #answeredBadly}.
     */
    default void refused(long latencyNanos) {
      answeredBadly(latencyNanos);
    }

    /** No connection to the endpoint could be made: it rests for a while. */
    void failed();

    /** Ends the lease, once. */
    void release();
  }
}
