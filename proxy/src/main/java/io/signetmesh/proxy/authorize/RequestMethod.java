package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.Nullable;

/** Checks of request methods for route matching. */
public final class RequestMethod {
  /** Why a misspelt method is refused, for people. */
  public static final String MISSPELT = "a registered method in another case";

  private static final String[] REGISTERED = {
    "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"
  };

  private RequestMethod() {}

  /**
   * Whether a method is CONNECT, which asks for a tunnel (RFC 9110 9.3.6). The bytes of a tunnel
   * are not authorized, so only a route that names the method matches. Allocates nothing.
   */
  public static boolean isConnect(@Nullable CharSequence method) {
    return method != null && method.length() == 7 && "CONNECT".contentEquals(method);
  }

  /**
   * Whether a method differs from a registered one in case only. Methods are case-sensitive (RFC
   * 9110 9.1), but some applications ignore case. So such a request is refused where routes match
   * on methods. Allocates nothing.
   */
  public static boolean isMisspelt(@Nullable CharSequence method) {
    if (method == null) {
      return false;
    }
    for (String registered : REGISTERED) {
      if (registered.length() == method.length()) {
        boolean exact = true;
        boolean same = true;
        for (int i = 0; i < registered.length() && same; i++) {
          char c = method.charAt(i);
          exact &= c == registered.charAt(i);
          same = (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) == registered.charAt(i);
        }
        if (same) {
          return !exact;
        }
      }
    }
    return false;
  }
}
