package io.signetmesh.proxy.http.exchange;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Header names and values of the data plane, and how they are treated. */
public final class HeaderNames {
  private static final int FIELD_OVERHEAD = 32;
  public static final AsciiString HOST = AsciiString.cached("host");
  public static final AsciiString CONNECTION = AsciiString.cached("connection");
  public static final AsciiString CONTENT_LENGTH = AsciiString.cached("content-length");
  static final AsciiString CONTENT_TYPE = AsciiString.cached("content-type");
  public static final AsciiString TRANSFER_ENCODING = AsciiString.cached("transfer-encoding");
  public static final AsciiString UPGRADE = AsciiString.cached("upgrade");
  public static final AsciiString COOKIE = AsciiString.cached("cookie");
  public static final AsciiString TE = AsciiString.cached("te");
  public static final AsciiString TRAILERS = AsciiString.cached("trailers");

  /** {@code www-authenticate} (RFC 9110 11.6.1). */
  public static final AsciiString WWW_AUTHENTICATE = AsciiString.cached("www-authenticate");

  public static final AsciiString LOCATION = AsciiString.cached("location");
  public static final AsciiString GRPC_STATUS = AsciiString.cached("grpc-status");
  static final AsciiString GRPC_MESSAGE = AsciiString.cached("grpc-message");
  public static final AsciiString L5D_CLIENT_ID = AsciiString.cached("l5d-client-id");
  public static final AsciiString L5D_ORIG_PROTO = AsciiString.cached("l5d-orig-proto");
  static final AsciiString L5D_PROXY_ERROR = AsciiString.cached("l5d-proxy-error");
  public static final AsciiString L5D_PROXY_CONNECTION = AsciiString.cached("l5d-proxy-connection");

  /**
   * In a response that a proxy makes itself: no byte of the request was sent to the application.
   */
  public static final AsciiString L5D_PROXY_UNSENT = AsciiString.cached("l5d-proxy-unsent");

  public static final AsciiString L5D_REQUIRE_ID = AsciiString.cached("l5d-require-id");
  public static final AsciiString ORIG_HTTP_11 = AsciiString.cached("HTTP/1.1");
  static final AsciiString ORIG_HTTP_10 = AsciiString.cached("HTTP/1.0");
  static final AsciiString ABSOLUTE_FORM = AsciiString.cached("; absolute-form");
  public static final AsciiString CLOSE = AsciiString.cached("close");
  static final AsciiString KEEP_ALIVE_VALUE = AsciiString.cached("keep-alive");
  static final AsciiString TRUE = AsciiString.cached("true");
  public static final AsciiString ZERO = AsciiString.cached("0");
  public static final AsciiString HTTP = AsciiString.cached("http");
  static final AsciiString GRPC = AsciiString.cached("application/grpc");
  private static final AsciiString KEEP_ALIVE = AsciiString.cached("keep-alive");
  private static final AsciiString PROXY_CONNECTION = AsciiString.cached("proxy-connection");
  private static final AsciiString HTTP2_SETTINGS = AsciiString.cached("http2-settings");

  /** As many as a long surely holds. */
  private static final int MAX_LENGTH_DIGITS = 18;

  /** Result of {@link #parseLength} for an invalid value. */
  public static final long MALFORMED_LENGTH = -2;

  private HeaderNames() {}

  /**
   * The value of a Content-Length (RFC 9110 8.6: digits only), in bytes, or {@link
   * #MALFORMED_LENGTH}.
   */
  public static long parseLength(CharSequence value) {
    int length = value.length();
    if (length == 0 || length > MAX_LENGTH_DIGITS) {
      return MALFORMED_LENGTH;
    }
    long parsed = 0;
    for (int i = 0; i < length; i++) {
      char c = value.charAt(i);
      if (c < '0' || c > '9') {
        return MALFORMED_LENGTH;
      }
      parsed = parsed * 10 + (c - '0');
    }
    return parsed;
  }

  /** Whether a header concerns one hop only (RFC 9110 7.6.1) and is never forwarded. */
  public static boolean isHopByHop(CharSequence lowerCaseName) {
    return switch (lowerCaseName.length()) {
      case 7 -> UPGRADE.contentEquals(lowerCaseName);
      case 10 -> CONNECTION.contentEquals(lowerCaseName) || KEEP_ALIVE.contentEquals(lowerCaseName);
      case 14 -> HTTP2_SETTINGS.contentEquals(lowerCaseName);
      case 16 -> PROXY_CONNECTION.contentEquals(lowerCaseName);
      case 17 -> TRANSFER_ENCODING.contentEquals(lowerCaseName);
      default -> false;
    };
  }

  /**
   * Whether only the proxy may write a header: those that frame the message, concern one hop or
   * state what the proxy has verified. Policy that changes one is invalid.
   */
  public static boolean isOfTheProxy(CharSequence lowerCaseName) {
    return isHopByHop(lowerCaseName)
        || CONTENT_LENGTH.contentEquals(lowerCaseName)
        || TE.contentEquals(lowerCaseName)
        || (lowerCaseName.length() > 0 && lowerCaseName.charAt(0) == ':')
        || isOfTheMesh(lowerCaseName)
        || foldsTo(lowerCaseName, CONTENT_LENGTH)
        || foldsTo(lowerCaseName, TRANSFER_ENCODING);
  }

  /** Whether the content type of a request or response is gRPC. */
  public static boolean isGrpc(Http2Headers headers) {
    CharSequence type = headers.get(CONTENT_TYPE);
    return type != null && AsciiString.regionMatches(type, true, 0, GRPC, 0, GRPC.length());
  }

  /** Whether a comma-separated header value contains {@code token}, ignoring case. */
  public static boolean hasToken(@Nullable CharSequence list, AsciiString token) {
    if (list == null) {
      return false;
    }
    int length = list.length();
    int start = 0;
    while (start <= length) {
      int end = start;
      while (end < length && list.charAt(end) != ',') {
        end++;
      }
      int from = start;
      int to = end;
      while (from < to && isBlank(list.charAt(from))) {
        from++;
      }
      while (to > from && isBlank(list.charAt(to - 1))) {
        to--;
      }
      if (to - from == token.length()
          && AsciiString.regionMatches(list, true, from, token, 0, token.length())) {
        return true;
      }
      start = end + 1;
    }
    return false;
  }

  /**
   * Whether a header is of the mesh: its name begins with {@code l5d} and a separator. Every mark
   * counts as a separator, because servers that hand headers on as variables (CGI, WSGI, PHP) fold
   * them: {@code l5d.client.id} and {@code l5d_client_id} are {@code l5d-client-id} to their
   * applications.
   */
  static boolean isOfTheMesh(CharSequence name) {
    return name.length() > 3
        && (name.charAt(0) | 0x20) == 'l'
        && name.charAt(1) == '5'
        && (name.charAt(2) | 0x20) == 'd'
        && !isAlphanumeric(name.charAt(3));
  }

  /** A name as servers fold it: in lower case, with a hyphen for every mark. */
  static String fold(CharSequence name) {
    StringBuilder folded = new StringBuilder(name.length());
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      folded.append(isAlphanumeric(c) ? lower(c) : '-');
    }
    return folded.toString();
  }

  /**
   * Removes the headers of the mesh from a request. The proxy has read those that are meant for it,
   * and sets those that the peer or the application may trust. Also removes names that servers fold
   * to a header that frames the message.
   */
  public static void removeInternal(Http2Headers headers) {
    @Nullable List<CharSequence> found = null;
    for (Map.Entry<CharSequence, CharSequence> entry : headers) {
      CharSequence name = entry.getKey();
      if (isOfTheMesh(name) || foldsTo(name, CONTENT_LENGTH) || foldsTo(name, TRANSFER_ENCODING)) {
        if (found == null) {
          found = new ArrayList<>(2);
        }
        found.add(name);
      }
    }
    if (found != null) {
      found.forEach(headers::remove);
    }
  }

  /**
   * Removes fields by name, and those whose names servers fold to one of them.
   *
   * @param names in lower case
   */
  public static void removeFolded(Http2Headers headers, Set<String> names) {
    @Nullable List<CharSequence> found = null;
    for (Map.Entry<CharSequence, CharSequence> entry : headers) {
      for (String name : names) {
        if (foldsAlike(entry.getKey(), name)) {
          if (found == null) {
            found = new ArrayList<>(2);
          }
          found.add(entry.getKey());
        }
      }
    }
    if (found != null) {
      found.forEach(headers::remove);
    }
  }

  /**
   * The values of all fields whose names servers fold to a name, in their order.
   *
   * @param name in lower case
   */
  public static List<CharSequence> folded(Http2Headers headers, String name) {
    List<CharSequence> values = new ArrayList<>(1);
    for (Map.Entry<CharSequence, CharSequence> entry : headers) {
      if (foldsAlike(entry.getKey(), name)) {
        values.add(entry.getValue());
      }
    }
    return values;
  }

  private static boolean foldsAlike(CharSequence one, CharSequence other) {
    int length = one.length();
    if (length != other.length()) {
      return false;
    }
    for (int i = 0; i < length; i++) {
      char a = one.charAt(i);
      char b = other.charAt(i);
      if ((isAlphanumeric(a) || isAlphanumeric(b)) && lower(a) != lower(b)) {
        return false;
      }
    }
    return true;
  }

  /** Removes the headers of the mesh from a response. */
  public static void removeOfTheMesh(Http2Headers headers) {
    @Nullable List<CharSequence> found = null;
    for (Map.Entry<CharSequence, CharSequence> entry : headers) {
      if (isOfTheMesh(entry.getKey())) {
        if (found == null) {
          found = new ArrayList<>(2);
        }
        found.add(entry.getKey());
      }
    }
    if (found != null) {
      found.forEach(headers::remove);
    }
  }

  /** Whether a name is another one than {@code header}, yet the same when servers fold it. */
  private static boolean foldsTo(CharSequence name, AsciiString header) {
    int length = header.length();
    if (name.length() != length || (name.charAt(0) | 0x20) != header.charAt(0)) {
      return false;
    }
    boolean same = true;
    for (int i = 0; i < length; i++) {
      char c = name.charAt(i);
      char expected = header.charAt(i);
      same &= c == expected;
      if (expected == '-' ? isAlphanumeric(c) : lower(c) != expected) {
        return false;
      }
    }
    return !same;
  }

  private static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
  }

  private static boolean isAlphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }

  /**
   * Size of a list of fields in bytes, as SETTINGS_MAX_HEADER_LIST_SIZE measures it (RFC 9113
   * 6.5.2).
   */
  public static long listSize(Http2Headers fields) {
    long size = 0;
    for (Map.Entry<CharSequence, CharSequence> field : fields) {
      size += field.getKey().length() + field.getValue().length() + FIELD_OVERHEAD;
    }
    return size;
  }
}
