package io.signetmesh.jwt;

import java.util.Arrays;
import java.util.List;

/** Finds the token of an authentication in a request head. */
public final class TokenFinder {
  /** Longest token, in bytes. */
  public static final int MAX_TOKEN = 16 * 1024;

  /** The request has no token. */
  public static final int NONE = -1;

  /** The request has more than one. */
  public static final int MANY = -2;

  /** The request has one that is longer than {@link #MAX_TOKEN}. */
  public static final int TOO_LARGE = -3;

  private TokenFinder() {}

  /**
   * Finds the token at the authentication's locations. Any two are one too many; so is a field that
   * the request repeats, of which the application might read the other.
   */
  public static FoundToken find(TokenAuthentication authentication, HeadFields head) {
    byte[] token = new byte[MAX_TOKEN];
    int length = find(authentication, head, token);
    return switch (length) {
      case NONE -> FoundToken.NONE;
      case MANY -> FoundToken.MANY;
      case TOO_LARGE -> FoundToken.TOO_LARGE;
      default -> new FoundToken.One(Arrays.copyOf(token, length));
    };
  }

  /**
   * Finds the token without a new array.
   *
   * @param into gets the token's bytes; at least {@link #MAX_TOKEN} long
   * @return length of the token, or {@link #NONE}, {@link #MANY} or {@link #TOO_LARGE}
   */
  public static int find(TokenAuthentication authentication, HeadFields head, byte[] into) {
    int found = NONE;
    List<TokenLocation> locations = authentication.locations();
    for (int i = 0; i < locations.size(); i++) {
      found =
          switch (locations.get(i)) {
            case TokenLocation.Header header -> inHeader(header, head, into, found);
            case TokenLocation.Cookie cookie -> inCookies(cookie.name(), head, into, found);
            case TokenLocation.QueryParameter parameter ->
                QueryParameters.find(head.path(), parameter.name(), into, found);
          };
      if (found == MANY) {
        return MANY;
      }
    }
    return found;
  }

  private static int inHeader(
      TokenLocation.Header header, HeadFields head, byte[] into, int before) {
    int found = before;
    int fields = 0;
    boolean here = false;
    for (CharSequence value : head.values(header.name())) {
      fields++;
      if (startsWith(value, header.prefix())) {
        here = true;
        found = one(value, trimmed(value, header.prefix().length()), value.length(), into, found);
      }
    }
    return here && fields > 1 ? MANY : found;
  }

  private static int inCookies(String name, HeadFields head, byte[] into, int before) {
    int found = before;
    for (CharSequence field : head.values("cookie")) {
      found = Cookies.find(field, name, into, found);
    }
    return found;
  }

  /** Takes a token, unless there was one before. */
  static int one(CharSequence text, int from, int to, byte[] into, int before) {
    if (before != NONE) {
      return MANY;
    }
    int end = to;
    while (end > from && isBlank(text.charAt(end - 1))) {
      end--;
    }
    int length = end - from;
    if (length > MAX_TOKEN) {
      return TOO_LARGE;
    }
    for (int i = 0; i < length; i++) {
      char c = text.charAt(from + i);
      // No token has this byte: it stays wrong.
      into[i] = c > 0xff ? 0 : (byte) c;
    }
    return length;
  }

  private static int trimmed(CharSequence text, int from) {
    int begin = from;
    while (begin < text.length() && isBlank(text.charAt(begin))) {
      begin++;
    }
    return begin;
  }

  static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }

  /** Whether a text begins with another; ASCII letters match in either case. */
  private static boolean startsWith(CharSequence text, String prefix) {
    if (text.length() < prefix.length()) {
      return false;
    }
    for (int i = 0; i < prefix.length(); i++) {
      if (lower(text.charAt(i)) != lower(prefix.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  private static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char) (c + 'a' - 'A') : c;
  }
}
