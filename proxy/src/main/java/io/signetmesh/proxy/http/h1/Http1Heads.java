package io.signetmesh.proxy.http.h1;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.RequestTarget;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.Trailers;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns decoded HTTP/1 heads into HTTP/2 style heads without hop-by-hop headers. */
final class Http1Heads {
  static final int FIELD_OVERHEAD = 32;

  private Http1Heads() {}

  /**
   * A request head; null when the request is one that a proxy must refuse (RFC 9112 3.2: no Host,
   * several, or a target of no known form). Whether the path is one is for the exchange to find,
   * see {@link RequestPath#isTarget}.
   */
  static @Nullable Http2Headers request(HttpRequest message) {
    HttpHeaders from = message.headers();
    String uri = message.uri();
    String method = message.method().name();
    List<String> hosts = from.getAll(HeaderNames.HOST);
    if (hosts.size() > 1) {
      return null;
    }
    String host = hosts.isEmpty() ? null : hosts.getFirst();
    if (host == null
        ? message.protocolVersion().equals(HttpVersion.HTTP_1_1)
        : !RequestTarget.isHost(host)) {
      return null;
    }
    // An empty Host names none.
    String authority = host == null || host.isEmpty() ? null : host;
    String path = uri;
    if (uri.isEmpty() || uri.charAt(0) != '/' || method.equals("CONNECT")) {
      RequestTarget target = RequestTarget.of(method, uri);
      if (target == null) {
        return null;
      }
      // RFC 9112 3.2.2: the target's authority replaces Host.
      authority = target.authority() == null ? authority : target.authority();
      path = target.path();
    }
    Http2Headers head = new DefaultHttp2Headers(false, 16);
    head.method(message.method().asciiName());
    head.scheme(HeaderNames.HTTP);
    head.path(path);
    if (authority != null) {
      head.authority(authority);
    }
    copy(from, head, true);
    writeLengthAnew(head);
    return head;
  }

  /**
   * Size of a head in the measure of SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 6.5.2), in bytes: the
   * same on every hop, whichever version it speaks.
   */
  static long listSize(HttpHeaders fields) {
    long size = 0;
    Iterator<Map.Entry<CharSequence, CharSequence>> entries = fields.iteratorCharSequence();
    while (entries.hasNext()) {
      Map.Entry<CharSequence, CharSequence> field = entries.next();
      size += field.getKey().length() + field.getValue().length() + FIELD_OVERHEAD;
    }
    return size;
  }

  /** A response head. */
  static Http2Headers response(HttpResponse message) {
    Http2Headers head = new DefaultHttp2Headers(false, 16);
    head.status(message.status().codeAsText());
    copy(message.headers(), head, false);
    writeLengthAnew(head);
    return head;
  }

  /**
   * Writes a Content-Length that the decoder has accepted in the shortest form: readers differ
   * about {@code 05}.
   */
  private static void writeLengthAnew(Http2Headers head) {
    CharSequence length = head.get(HeaderNames.CONTENT_LENGTH);
    if (length != null && length.length() > 1 && length.charAt(0) == '0') {
      int digits = 0;
      while (digits < length.length() - 1 && length.charAt(digits) == '0') {
        digits++;
      }
      head.set(HeaderNames.CONTENT_LENGTH, length.subSequence(digits, length.length()));
    }
  }

  /** Trailers; what may not stand in them is left to {@link Trailers}. */
  static Http2Headers trailers(HttpHeaders from) {
    Http2Headers trailers = new DefaultHttp2Headers(false, 4);
    copy(from, trailers, false);
    return trailers;
  }

  private static void copy(HttpHeaders from, Http2Headers to, boolean skipHost) {
    @Nullable List<String> connection =
        from.contains(HeaderNames.CONNECTION) ? from.getAll(HeaderNames.CONNECTION) : null;
    Iterator<Map.Entry<CharSequence, CharSequence>> entries = from.iteratorCharSequence();
    while (entries.hasNext()) {
      Map.Entry<CharSequence, CharSequence> entry = entries.next();
      AsciiString name = AsciiString.of(entry.getKey()).toLowerCase();
      if (HeaderNames.isHopByHop(name)
          || (skipHost && name.contentEquals(HeaderNames.HOST))
          || (connection != null && isListed(connection, name))) {
        continue;
      }
      if (name.contentEquals(HeaderNames.TE)) {
        // All that HTTP/2 knows of it (RFC 9113 8.2.2), and all that this proxy can keep.
        if (HeaderNames.hasToken(entry.getValue(), HeaderNames.TRAILERS)) {
          to.set(HeaderNames.TE, HeaderNames.TRAILERS);
        }
        continue;
      }
      to.add(name, entry.getValue());
    }
  }

  private static boolean isListed(List<String> connection, AsciiString name) {
    for (int i = 0; i < connection.size(); i++) {
      if (HeaderNames.hasToken(connection.get(i), name)) {
        return true;
      }
    }
    return false;
  }
}
