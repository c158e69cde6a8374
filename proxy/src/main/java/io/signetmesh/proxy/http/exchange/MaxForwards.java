package io.signetmesh.proxy.http.exchange;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.signetmesh.proxy.authorize.RequestSyntax;
import org.jspecify.annotations.Nullable;

/** Handles Max-Forwards of TRACE and OPTIONS as an intermediary (RFC 9110 7.6.2). */
public final class MaxForwards {
  public static final AsciiString NAME = AsciiString.cached("max-forwards");
  private static final AsciiString TRACE = AsciiString.cached("TRACE");
  private static final AsciiString OPTIONS = AsciiString.cached("OPTIONS");
  private static final int MAX_DIGITS = 9;
  private static final long MOST = 999_999_999;

  private MaxForwards() {}

  static boolean isTrace(@Nullable CharSequence method) {
    return method != null && TRACE.contentEquals(method);
  }

  private static boolean counts(Http2Headers request) {
    CharSequence method = request.method();
    return method != null && (OPTIONS.contentEquals(method) || TRACE.contentEquals(method));
  }

  /** Whether a request has an invalid Max-Forwards, or several. */
  public static boolean isMalformed(Http2Headers request) {
    return counts(request) && !RequestSyntax.isForwardCount(request.method(), request.getAll(NAME));
  }

  /**
   * Decrements the number of forwards.
   *
   * @param request not malformed, see {@link #isMalformed}
   * @return false when the number was 0: the proxy must answer the request itself
   */
  public static boolean count(Http2Headers request) {
    CharSequence value = counts(request) ? request.get(NAME) : null;
    if (value == null) {
      return true;
    }
    int first = 0;
    while (first < value.length() - 1 && value.charAt(first) == '0') {
      first++;
    }
    long left =
        value.length() - first > MAX_DIGITS
            ? MOST
            : Long.parseLong(value, first, value.length(), 10);
    if (left == 0) {
      return false;
    }
    request.set(NAME, Long.toString(left - 1));
    return true;
  }
}
