package io.signetmesh.proxy.http.exchange;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which fields may stand in trailers. A sender may put there only what the definition of the field
 * permits (RFC 9110 6.5.1). A recipient may merge trailers into the header (RFC 9110 6.5.2), so
 * what is decided on when the header comes must not change after the decision.
 *
 * <p>Fields that frame or route the message, authenticate, modify the request, control the response
 * or describe the content are removed, as are cookies, what browsers enforce, what proxies say of
 * each other, and the headers of the mesh. Names are compared as servers fold them, see {@link
 * HeaderNames#fold}. All other fields pass: those made for trailers (gRPC, RFC 9530 digests,
 * server-timing, etag) and those that HTTP does not define.
 */
public final class Trailers {
  private static final AsciiString GRPC_PREFIX = AsciiString.cached("grpc-");

  private static final Set<String> FORBIDDEN =
      Set.of(
          // Framing and the connection.
          "content-length",
          "transfer-encoding",
          "trailer",
          "connection",
          "keep-alive",
          "upgrade",
          "http2-settings",
          "te",
          // Routing.
          "host",
          "forwarded",
          "via",
          "max-forwards",
          "alt-used",
          "x-real-ip",
          "x-client-ip",
          "x-cluster-client-ip",
          "x-host",
          "x-original-host",
          "x-original-url",
          "x-rewrite-url",
          "x-http-method",
          "x-http-method-override",
          "x-method-override",
          // Modifiers of requests.
          "cache-control",
          "pragma",
          "expect",
          "range",
          "early-data",
          "prefer",
          "priority",
          "depth",
          "destination",
          "overwrite",
          "grpc-timeout",
          "grpc-encoding",
          "grpc-accept-encoding",
          // Who asks, and from where.
          "authorization",
          "www-authenticate",
          "authentication-info",
          "cookie",
          "cookie2",
          "set-cookie",
          "set-cookie2",
          "origin",
          "referer",
          "from",
          "user-agent",
          "client-cert",
          "client-cert-chain",
          // Control of responses.
          "age",
          "allow",
          "date",
          "expires",
          "location",
          "retry-after",
          "vary",
          "warning",
          "refresh",
          "last-modified",
          "clear-site-data",
          "alt-svc",
          "strict-transport-security",
          "public-key-pins",
          "referrer-policy",
          "permissions-policy",
          "feature-policy",
          "x-frame-options",
          "x-xss-protection",
          "x-content-type-options",
          "service-worker-allowed");

  private static final List<String> FORBIDDEN_PREFIXES =
      List.of(
          "accept",
          "access-control-",
          "content-",
          "cross-origin-",
          "if-",
          "proxy-",
          "sec-",
          "x-forwarded");

  private static final Set<String> CONTENT_ALLOWED = Set.of("content-digest");

  private Trailers() {}

  /** Removes the fields that are not allowed in trailers. */
  static void filter(Http2Headers trailers) {
    @Nullable List<CharSequence> removed = null;
    for (CharSequence name : trailers.names()) {
      if (!isAllowed(name)) {
        if (removed == null) {
          removed = new ArrayList<>(2);
        }
        removed.add(name);
      }
    }
    if (removed != null) {
      removed.forEach(trailers::remove);
    }
  }

  /** Whether a field may stand in trailers, by its lower-case name. */
  static boolean isAllowed(CharSequence name) {
    if (HeaderNames.GRPC_STATUS.contentEquals(name)
        || HeaderNames.GRPC_MESSAGE.contentEquals(name)) {
      return true;
    }
    if (name.length() == 0 || name.charAt(0) == ':' || HeaderNames.isOfTheMesh(name)) {
      return false;
    }
    String folded = HeaderNames.fold(name);
    if (FORBIDDEN.contains(folded)) {
      return false;
    }
    if (AsciiString.regionMatches(name, false, 0, GRPC_PREFIX, 0, GRPC_PREFIX.length())
        || CONTENT_ALLOWED.contains(folded)) {
      return true;
    }
    for (String prefix : FORBIDDEN_PREFIXES) {
      if (folded.startsWith(prefix)) {
        return false;
      }
    }
    return true;
  }
}
