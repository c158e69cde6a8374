package io.signetmesh.proxy.authorize;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The policy of one workload port: immutable, indexed, swapped as a whole. Nothing in it allocates,
 * locks or blocks when it decides.
 */
public interface ServerPolicy {
  /** The Server resource, or {@code default/<policy name>}. */
  ResourceRef server();

  /** Generation that the controller stamped on the message; 0 when it is not Signet's. */
  long generation();

  /** How the port's connections are to be read. */
  Protocol protocol();

  /**
   * Longest wait for the bytes that protocol detection needs; only used by {@link Protocol#DETECT}.
   */
  Duration detectTimeout();

  /** Why the controller's message was not valid, so that everything is refused; null: it was. */
  default @Nullable String invalidity() {
    return null;
  }

  /** Decides on a connection that is not read as HTTP. */
  Decision decideConnection(Client client);

  /** The route that a request takes; null when none matches (404). */
  @Nullable Route route(RequestFacts request);

  /** Decides on a request that takes {@code route}, which came from this policy. */
  Decision decideRequest(Client client, Route route);

  /** Protocol of a port, as mesh-proxy inbound policy states it. */
  enum Protocol {
    /** Find out from the first bytes. */
    DETECT,
    /** HTTP/1. */
    HTTP1,
    /** HTTP/2 by prior knowledge. */
    HTTP2,
    /** gRPC over HTTP/2. */
    GRPC,
    /** Bytes; TLS is not looked for either. */
    OPAQUE,
    /** The application's own TLS, passed through. */
    TLS
  }
}
