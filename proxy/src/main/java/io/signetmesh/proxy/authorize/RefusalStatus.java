package io.signetmesh.proxy.authorize;

/**
 * The status with which the proxy refuses a request itself: an HTTP status, or for gRPC a gRPC
 * status with HTTP status 200.
 */
public enum RefusalStatus {
  /** The request or its path is malformed or ambiguous. */
  BAD_REQUEST(400, 3),
  /** No authorization matches, or a denial does. */
  UNAUTHORIZED(403, 7),
  /** A token is required, and there is none that is valid (RFC 6750 section 3.1). */
  UNAUTHENTICATED(401, 16),
  /** No route matches. */
  NO_ROUTE(404, 5),
  /** A rate limit is exhausted. */
  RATE_LIMITED(429, 8),
  /** A filter of its route cannot be applied. */
  FILTER_FAILED(500, 13),
  /** The proxy has as many requests under way as it takes, or cannot put them on record. */
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
   * @throws IllegalArgumentException for a reason that allows
   */
  public static RefusalStatus of(Reason reason) {
    return switch (reason) {
      case UNSAFE_PATH, PROTOCOL_ERROR -> BAD_REQUEST;
      case NO_ROUTE -> NO_ROUTE;
      case RATE_LIMITED -> RATE_LIMITED;
      case OVERLOAD, AUDIT_UNAVAILABLE -> OVERLOADED;
      case TOKEN_REQUIRED, TOKEN_INVALID -> UNAUTHENTICATED;
      case DENIED_BY_POLICY,
          CLAIM_MISMATCH,
          REGO_DENIED,
          REGO_FAILED,
          IDENTITY_MISMATCH,
          NETWORK_MISMATCH,
          TLS_REQUIRED,
          IDENTITY_REQUIRED,
          NO_AUTHORIZATION,
          NO_POLICY,
          INVALID_POLICY,
          FOREIGN_ADDRESS,
          TUNNEL_REFUSED,
          TLS_HANDSHAKE,
          PEER_REVOKED,
          PEER_UNTRUSTED,
          PEER_EXPIRED ->
          UNAUTHORIZED;
      case AUTHORIZED, AUDITED, LOOPBACK, TUNNEL ->
          throw new IllegalArgumentException(reason.code() + " refuses nothing");
    };
  }
}
