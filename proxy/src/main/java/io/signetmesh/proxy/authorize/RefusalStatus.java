package io.signetmesh.proxy.authorize;

/**
 * What a client gets where the proxy refuses a request itself: an HTTP status, or, with HTTP status
 * 200, a gRPC status.
 */
public enum RefusalStatus {
  /** The request, or its path, is none that can be decided about. */
  BAD_REQUEST(400, 3),
  /** Nothing grants it, or something denies it. */
  UNAUTHORIZED(403, 7),
  /** No route takes it. */
  NO_ROUTE(404, 5),
  /** A rate limit is exhausted. */
  RATE_LIMITED(429, 8),
  /** A filter of its route cannot be applied. */
  INVALID_POLICY(500, 13),
  /** The proxy has as many requests under way as it takes. */
  OVERLOADED(503, 14);

  private final int http;
  private final int grpc;

  RefusalStatus(int http, int grpc) {
    this.http = http;
    this.grpc = grpc;
  }

  /** HTTP status. */
  public int http() {
    return http;
  }

  /** Status of a gRPC call. */
  public int grpc() {
    return grpc;
  }

  /**
   * The answer to a request that is refused for a reason.
   *
   * @throws IllegalArgumentException for a reason to let it through
   */
  public static RefusalStatus of(Reason reason) {
    return switch (reason) {
      case UNSAFE_PATH, PROTOCOL_ERROR -> BAD_REQUEST;
      case NO_ROUTE -> NO_ROUTE;
      case RATE_LIMITED -> RATE_LIMITED;
      case OVERLOAD -> OVERLOADED;
      case DENIED_BY_POLICY,
          IDENTITY_MISMATCH,
          NETWORK_MISMATCH,
          TLS_REQUIRED,
          IDENTITY_REQUIRED,
          NO_AUTHORIZATION,
          NO_POLICY,
          INVALID_POLICY,
          FOREIGN_ADDRESS,
          TUNNEL_REFUSED,
          TLS_HANDSHAKE ->
          UNAUTHORIZED;
      case AUTHORIZED, AUDITED, LOOPBACK, TUNNEL ->
          throw new IllegalArgumentException(reason.code() + " refuses nothing");
    };
  }
}
