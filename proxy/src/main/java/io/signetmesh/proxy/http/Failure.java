package io.signetmesh.proxy.http;

import io.netty.util.AsciiString;

/**
 * Why a request was answered by the proxy itself: HTTP and gRPC status (mesh-proxy reference 3.9).
 */
enum Failure {
  NO_ROUTE(404, 5, false, "no route"),
  UNAUTHORIZED(403, 7, false, "unauthorized"),
  RATE_LIMITED(429, 8, false, "rate limited"),
  BAD_REQUEST(400, 3, true, "malformed request"),
  OVERLOADED(503, 14, true, "too many requests in flight"),
  NO_ENDPOINT(504, 4, true, "no endpoint is ready"),
  UNAVAILABLE(502, 14, true, "upstream connection failed"),
  CONNECT_TIMEOUT(504, 4, true, "upstream connect timed out"),
  INVALID_POLICY(500, 13, true, "invalid policy"),
  UNEXPECTED(500, 13, true, "unexpected error");

  private final AsciiString status;
  private final AsciiString grpcStatus;
  private final boolean close;
  private final AsciiString message;

  Failure(int status, int grpcStatus, boolean close, String message) {
    this.status = AsciiString.cached(Integer.toString(status));
    this.grpcStatus = AsciiString.cached(Integer.toString(grpcStatus));
    this.close = close;
    this.message = AsciiString.cached(message);
  }

  AsciiString status() {
    return status;
  }

  AsciiString grpcStatus() {
    return grpcStatus;
  }

  /** Whether the client's connection is closed after the answer. */
  boolean close() {
    return close;
  }

  AsciiString message() {
    return message;
  }
}
