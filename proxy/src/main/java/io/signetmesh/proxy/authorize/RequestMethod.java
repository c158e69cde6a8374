package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.Nullable;

/** Methods of requests, as routes are matched against them. */
public final class RequestMethod {
  /** What a misspelt method is refused for, in words for people. */
  public static final String MISSPELT = "a registered method in another case";

  private static final String[] REGISTERED = {
    "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"
  };

  private RequestMethod() {}

  /**
   * Whether a method asks for a tunnel (RFC 9110 9.3.6), whose bytes nobody decides about. Only a
   * route that names it takes such a request. Allocates nothing.
   */
  public static boolean isConnect(@Nullable CharSequence method) {
    return method != null && method.length() == 7 && "CONNECT".contentEquals(method);
  }

  /**
   * Whether a method is a registered one but for its case. Methods are case-sensitive (RFC 9110
   * 9.1), yet some applications take both for the same; so where routes match methods such a
   * request is refused. Allocates nothing.
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
