package io.signetmesh.proxy.http.exchange;

import io.netty.util.AsciiString;
import org.jspecify.annotations.Nullable;

/**
 * The original HTTP/1 form of a request. The HTTP/1 connection passes it to the exchange in private
 * pseudo-headers, whose names both codecs refuse from peers. Proxies pass it to each other in
 * {@code l5d-orig-proto}.
 */
public final class OriginalForm {
  public static final AsciiString NAME = AsciiString.cached(":signet-form");
  public static final AsciiString ABSOLUTE = AsciiString.cached("absolute");
  public static final AsciiString VERSION = AsciiString.cached(":signet-version");
  public static final AsciiString HTTP_10 = AsciiString.cached("1.0");
  private static final AsciiString V11_ABSOLUTE = AsciiString.cached("HTTP/1.1; absolute-form");
  private static final AsciiString V10_ABSOLUTE = AsciiString.cached("HTTP/1.0; absolute-form");

  private OriginalForm() {}

  /** The value for {@code l5d-orig-proto}. */
  public static AsciiString toOrigProto(boolean absolute, boolean http10) {
    if (absolute) {
      return http10 ? V10_ABSOLUTE : V11_ABSOLUTE;
    }
    return http10 ? HeaderNames.ORIG_HTTP_10 : HeaderNames.ORIG_HTTP_11;
  }

  /** Whether an {@code l5d-orig-proto} value states absolute-form (RFC 9112 3.2.2). */
  public static boolean isAbsolute(@Nullable CharSequence origProto) {
    return origProto != null
        && origProto.length() > HeaderNames.ABSOLUTE_FORM.length()
        && AsciiString.regionMatches(
            origProto,
            true,
            origProto.length() - HeaderNames.ABSOLUTE_FORM.length(),
            HeaderNames.ABSOLUTE_FORM,
            0,
            HeaderNames.ABSOLUTE_FORM.length());
  }
}
