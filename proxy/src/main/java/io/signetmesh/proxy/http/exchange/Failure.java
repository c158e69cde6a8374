package io.signetmesh.proxy.http.exchange;

import io.netty.util.AsciiString;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RefusalStatus;
import io.signetmesh.proxy.metrics.ProxyError;
import org.jspecify.annotations.Nullable;

/** Why the proxy answers a request itself, with the HTTP and the gRPC status. */
public enum Failure {
  NO_ROUTE(RefusalStatus.NO_ROUTE, false, "no route", null),
  /** Of a gRPC call, whose client follows no redirect. */
  REDIRECTED(RefusalStatus.NO_ROUTE, false, "redirected", null),
  UNAUTHORIZED(RefusalStatus.UNAUTHORIZED, false, "unauthorized", null),
  /** A token is required, and the request has none that is valid. */
  UNAUTHENTICATED(RefusalStatus.UNAUTHENTICATED, false, "unauthenticated", null),
  RATE_LIMITED(RefusalStatus.RATE_LIMITED, false, "rate limited", null),
  UNSAFE_PATH(RefusalStatus.BAD_REQUEST, false, "unsafe path", null),
  BAD_REQUEST(RefusalStatus.BAD_REQUEST, true, "malformed request", null),
  /** The client has stopped sending the body that it announced (RFC 9110 15.5.9). */
  REQUEST_TIMEOUT(408, 4, true, "request body comes too slowly", null),
  /** The upstream says that it takes no head, or trailers, of this size. */
  HEAD_TOO_LARGE(431, 8, false, "request head is too large", null),
  /** The upstream's head, or its trailers, are beyond what we or the client take. */
  RESPONSE_TOO_LARGE(502, 8, false, "response head is too large", ProxyError.IO),
  OVERLOADED(RefusalStatus.OVERLOADED, true, "too many requests in flight", ProxyError.LOADSHED),
  UNRECORDED(RefusalStatus.OVERLOADED, false, "audit log unavailable", ProxyError.UNRECORDED),
  NO_ENDPOINT(504, 4, true, "no endpoint is ready", ProxyError.FAILFAST),
  UNAVAILABLE(502, 14, true, "upstream connection failed", ProxyError.IO),
  CONNECT_TIMEOUT(504, 4, true, "upstream connect timed out", ProxyError.IO),
  FILTER_FAILED(RefusalStatus.FILTER_FAILED, true, "invalid policy", ProxyError.UNEXPECTED),
  UNEXPECTED(500, 13, true, "unexpected error", ProxyError.UNEXPECTED);

  private final AsciiString status;
  private final AsciiString grpcStatus;
  private final boolean close;
  private final AsciiString message;
  private final @Nullable ProxyError error;

  Failure(RefusalStatus answer, boolean close, String message, @Nullable ProxyError error) {
    this(answer.http(), answer.grpc(), close, message, error);
  }

  Failure(int status, int grpcStatus, boolean close, String message, @Nullable ProxyError error) {
    this.status = AsciiString.cached(Integer.toString(status));
    this.grpcStatus = AsciiString.cached(Integer.toString(grpcStatus));
    this.close = close;
    this.message = AsciiString.cached(message);
    this.error = error;
  }

  /** The answer to a request that policy refuses. */
  public static Failure of(Reason reason) {
    return switch (reason) {
      case RATE_LIMITED -> RATE_LIMITED;
      case TOKEN_REQUIRED, TOKEN_INVALID -> UNAUTHENTICATED;
      default -> UNAUTHORIZED;
    };
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

  /** Whether the request was work without use, for which its client is to blame. */
  boolean isRefusal() {
    return error == null && this != REDIRECTED;
  }

  /** Value of the {@code error} label in metrics; null when the request itself is at fault. */
  public @Nullable ProxyError error() {
    return error;
  }
}
