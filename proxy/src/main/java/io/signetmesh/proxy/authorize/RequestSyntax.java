package io.signetmesh.proxy.authorize;

import io.signetmesh.path.RequestPath;
import java.util.List;

/** Syntax of the parts of a request head, checked before policy decides. */
public final class RequestSyntax {
  /** Why a request with an invalid Max-Forwards is refused, for people. */
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
   * Whether a text is a valid field value: no character that another reader takes for a line end,
   * and no blank at its beginning or end (RFC 9110 5.5, RFC 9113 8.2.1). HTTP/1 readers strip such
   * blanks and would see another value than policy. This proxy's own reader strips them first (RFC
   * 9112 5.1).
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
   * Whether Max-Forwards is valid: with TRACE and OPTIONS one number without sign (RFC 9110 7.6.2).
   * With other methods the field has no meaning and any value is valid.
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
   * Whether the {@code :path} of an HTTP/2 request has a valid form (RFC 9113 8.3.1). {@link
   * RequestPath} checks its content. CONNECT has no {@code :path} and is not forwarded.
   */
  public static boolean isPath(CharSequence path, CharSequence method) {
    if (path.isEmpty() || "CONNECT".contentEquals(method)) {
      return false;
    }
    return path.charAt(0) == '/' || ("*".contentEquals(path) && "OPTIONS".contentEquals(method));
  }
}
