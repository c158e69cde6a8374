package io.signetmesh.proxy.authorize;

import io.signetmesh.path.RequestPath;
import org.jspecify.annotations.Nullable;

/**
 * What the target of an HTTP/1 request says (RFC 9112 3.2).
 *
 * @param authority authority that it states in absolute or authority form, in the place of Host;
 *     null when it states none
 * @param path path with query, or {@code *}; {@code /} for CONNECT
 */
public record RequestTarget(@Nullable String authority, String path) {
  private static final String HTTP_SCHEME = "http://";

  /**
   * Reads a target; null when it has no known form. Whether the path is one is not looked at, see
   * {@link RequestPath}.
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

  /** Whether a text is host and optional port, without user information (RFC 9110 7.2). */
  public static boolean isAuthority(CharSequence text) {
    return Authority.isValid(text);
  }

  /**
   * Whether a text can be the value of Host: an authority, or nothing where the target has none
   * (RFC 9112 3.2). A request with an empty Host names no host, as one of HTTP/1.0 without the
   * field.
   */
  public static boolean isHost(CharSequence text) {
    return text.isEmpty() || isAuthority(text);
  }
}
