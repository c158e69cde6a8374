package io.signetmesh.proxy.authorize;

import io.signetmesh.path.RequestPath;
import java.util.List;

/** What the parts of a request head have to look like, before policy is asked about it. */
public final class RequestSyntax {
  /** What a request is refused for whose Max-Forwards is none, in words for people. */
  public static final String NO_FORWARDS = "Max-Forwards is not one number";

  private static final String TOKEN_MARKS = "!#$%&'*+-.^_`|~";

  private RequestSyntax() {}

  /** Whether a text is a token, as methods and header names are (RFC 9110 5.6.2). */
  public static boolean isToken(CharSequence text) {
    for (int i = 0; i < text.length(); i++) {
      if (!isTokenCharacter(text.charAt(i))) {
        return false;
      }
    }
    return !text.isEmpty();
  }

  /** Whether a character may stand in a token. */
  public static boolean isTokenCharacter(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || TOKEN_MARKS.indexOf(c) >= 0;
  }

  /**
   * Whether a value holds nothing that ends a line elsewhere, and neither begins nor ends with a
   * blank (RFC 9110 5.5, RFC 9113 8.2.1). Readers of HTTP/1 leave those out, so that they would see
   * another value than policy; ours does so before (RFC 9112 5.1).
   */
  public static boolean isFieldValue(CharSequence value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      boolean blank = c == ' ' || c == '\t';
      if (c == 0x7f || (c < ' ' && c != '\t') || (blank && (i == 0 || i == value.length() - 1))) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether the values of Max-Forwards count what they are there for: one number without sign, with
   * TRACE and OPTIONS (RFC 9110 7.6.2). With other methods they say nothing.
   */
  public static boolean isForwardCount(
      CharSequence method, List<? extends CharSequence> maxForwards) {
    if (maxForwards.isEmpty()
        || !("TRACE".contentEquals(method) || "OPTIONS".contentEquals(method))) {
      return true;
    }
    CharSequence number = maxForwards.getFirst();
    for (int i = 0; i < number.length(); i++) {
      if (number.charAt(i) < '0' || number.charAt(i) > '9') {
        return false;
      }
    }
    return maxForwards.size() == 1 && !number.isEmpty();
  }

  /**
   * Whether the path of an HTTP/2 request has a form of its own (RFC 9113 8.3.1); what it holds is
   * not looked at, see {@link RequestPath}. CONNECT has none, and is not forwarded.
   */
  public static boolean isPath(CharSequence path, CharSequence method) {
    if (path.isEmpty() || "CONNECT".contentEquals(method)) {
      return false;
    }
    return path.charAt(0) == '/' || ("*".contentEquals(path) && "OPTIONS".contentEquals(method));
  }
}
