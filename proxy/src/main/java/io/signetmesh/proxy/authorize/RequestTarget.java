package io.signetmesh.proxy.authorize;

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
      return isAuthority(target) ? new RequestTarget(target, "/") : null;
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

  /**
   * Whether a text is host and optional port, without user information (RFC 9110 4.2.3). Stricter
   * than RFC 3986 3.2 in what readers differ about: nothing is escaped, and the port is a number.
   */
  public static boolean isAuthority(CharSequence text) {
    int length = text.length();
    int colon = -1;
    int bracket = -1;
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c <= ' ' || c >= 0x7f || c == '/' || c == '?' || c == '#' || c == '@' || c == '\\'
          || c == ',' || c == '%') {
        return false;
      }
      if (c == ':') {
        colon = colon < 0 ? i : length;
      } else if (c == ']') {
        bracket = i;
        colon = -1;
      }
    }
    if (length == 0 || colon == 0 || colon == length) {
      return false;
    }
    int host = colon < 0 ? length : colon;
    for (int i = 0; i < host; i++) {
      // Empty labels: some readers leave them out.
      if (text.charAt(i) == '.' && (i == 0 || text.charAt(i - 1) == '.')) {
        return false;
      }
    }
    if (bracket >= 0
        && (text.charAt(0) != '[' || (bracket != length - 1 && colon != bracket + 1))) {
      return false;
    }
    for (int i = colon < 0 ? length : colon + 1; i < length; i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }
}
