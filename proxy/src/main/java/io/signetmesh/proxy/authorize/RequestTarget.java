package io.signetmesh.proxy.authorize;

import io.signetmesh.path.RequestPath;
import org.jspecify.annotations.Nullable;

/**
 * The target of an HTTP/1 request (RFC 9112 3.2).
 *
 * @param authority authority of an absolute or authority form, which replaces Host; null in other
 *     forms
 * @param path path with query, or {@code *}; {@code /} for CONNECT
 */
public record RequestTarget(@Nullable String authority, String path) {
  private static final String HTTP_SCHEME = "http://";

  /**
   * Parses a target. Returns null when it has none of the four forms. {@link RequestPath} checks
   * the path.
   *
   * @param method method token
   * @param target as sent
   */
  public static @Nullable RequestTarget of(String method, String target) {
    if (method.equals("CONNECT")) {
      return Authority.isWithPort(target) ? new RequestTarget(target, "/") : null;
    }
    if (target.startsWith("/") || (target.equals("*") && method.equals("OPTIONS"))) {
      return new RequestTarget(null, target);
    }
    if (!target.regionMatches(true, 0, HTTP_SCHEME, 0, HTTP_SCHEME.length())) {
      return null;
    }
    int start = HTTP_SCHEME.length();
    int end = start;
    while (end < target.length() && "/?#".indexOf(target.charAt(end)) < 0) {
      end++;
    }
    String authority = target.substring(start, end);
    String rest = target.substring(end);
    return isAuthority(authority)
        ? new RequestTarget(authority, rest.startsWith("/") ? rest : "/" + rest)
        : null;
  }

  /** Whether a text is a host with an optional port, without user information (RFC 9110 7.2). */
  public static boolean isAuthority(CharSequence text) {
    return Authority.isValid(text);
  }

  /**
   * Whether a text is a valid value of Host: an authority, or empty if the target has none (RFC
   * 9112 3.2). A request with an empty Host names no host, like an HTTP/1.0 request without the
   * field.
   */
  public static boolean isHost(CharSequence text) {
    return text.isEmpty() || isAuthority(text);
  }
}
