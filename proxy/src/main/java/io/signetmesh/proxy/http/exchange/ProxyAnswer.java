package io.signetmesh.proxy.http.exchange;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.signetmesh.proxy.authorize.Route;
import java.nio.charset.StandardCharsets;

/** Responses that the proxy sends in place of the upstream. */
public final class ProxyAnswer {
  private static final AsciiString OK = AsciiString.cached("200");
  private static final AsciiString MESSAGE_HTTP = AsciiString.cached("message/http");

  private ProxyAnswer() {}

  /** A response that states a failure: a head without body. */
  public static Http2Headers to(Failure failure, boolean grpc) {
    Http2Headers head = new DefaultHttp2Headers(false, 8);
    if (grpc) {
      head.status(OK);
      head.set(HeaderNames.CONTENT_TYPE, HeaderNames.GRPC);
      head.set(HeaderNames.GRPC_STATUS, failure.grpcStatus());
    } else {
      head.status(failure.status());
      head.set(HeaderNames.CONTENT_LENGTH, HeaderNames.ZERO);
    }
    return head;
  }

  /**
   * The same, which says in headers what went wrong.
   *
   * @param unsent whether nothing of the request was sent, so that the client's proxy may send it
   *     to another endpoint
   */
  static Http2Headers informational(Failure failure, boolean grpc, boolean unsent) {
    Http2Headers head = to(failure, grpc);
    if (grpc) {
      head.set(HeaderNames.GRPC_MESSAGE, failure.message());
    }
    head.set(HeaderNames.L5D_PROXY_ERROR, failure.message());
    if (unsent) {
      head.set(HeaderNames.L5D_PROXY_UNSENT, HeaderNames.TRUE);
    }
    if (failure.close()) {
      head.set(HeaderNames.L5D_PROXY_CONNECTION, HeaderNames.CLOSE);
    }
    return head;
  }

  /** A redirect, as a filter of a route asks for it. */
  public static Http2Headers redirect(Http2Headers request, Route.Filter.Redirect redirect) {
    CharSequence path = request.path();
    CharSequence authority = request.authority();
    Http2Headers answer = new DefaultHttp2Headers(false, 4);
    answer.status(Integer.toString(redirect.status()));
    answer.set(
        HeaderNames.LOCATION,
        redirect.location(
            path == null ? "/" : path.toString(), authority == null ? "" : authority.toString()));
    answer.set(HeaderNames.CONTENT_LENGTH, HeaderNames.ZERO);
    return answer;
  }

  /** Trailers that state a failure to a gRPC client in the middle of a response. */
  static Http2Headers trailers(Failure failure) {
    Http2Headers trailers = new DefaultHttp2Headers(false, 2);
    trailers.set(HeaderNames.GRPC_STATUS, failure.grpcStatus());
    trailers.set(HeaderNames.GRPC_MESSAGE, failure.message());
    return trailers;
  }

  /** Head of the answer to OPTIONS by its final recipient (RFC 9110 9.3.7). */
  static Http2Headers empty() {
    Http2Headers head = new DefaultHttp2Headers(false, 4);
    head.status(OK);
    head.set(HeaderNames.CONTENT_LENGTH, HeaderNames.ZERO);
    return head;
  }

  /** Head of the answer to TRACE by its final recipient. */
  static Http2Headers traceHead(ByteBuf message) {
    Http2Headers head = new DefaultHttp2Headers(false, 4);
    head.status(OK);
    head.set(HeaderNames.CONTENT_TYPE, MESSAGE_HTTP);
    head.set(HeaderNames.CONTENT_LENGTH, Integer.toString(message.readableBytes()));
    return head;
  }

  /**
   * The body of the response to TRACE: the request, without fields that may be secret (RFC 9110
   * 9.3.8).
   */
  static ByteBuf trace(Http2Headers request) {
    CharSequence authority = request.authority();
    String message =
        "TRACE "
            + request.path()
            + " HTTP/1.1\r\n"
            + (authority == null ? "" : "host: " + authority + "\r\n")
            + "max-forwards: 0\r\n\r\n";
    return Unpooled.copiedBuffer(message, StandardCharsets.ISO_8859_1);
  }
}
