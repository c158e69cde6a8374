package io.signetmesh.jwt;

import java.nio.charset.StandardCharsets;

/**
 * Parameters of the query of a request target, as forms write them: pairs with an ampersand between
 * them, or a semicolon, which some servers take for one. A plus is a space, and {@code %} begins an
 * octet in two hexadecimal digits. A {@code %} that begins none stands for itself.
 */
public final class QueryParameters {
  private QueryParameters() {}

  /** Finds a token in a request target, as {@link TokenFinder#find}. */
  static int find(CharSequence target, String name, byte[] into, int before) {
    int found = before;
    for (int from = begin(target); from >= 0 && from <= target.length(); ) {
      int end = end(target, from);
      int value = value(target, from, end, name);
      if (value >= 0) {
        found = one(target, value, end, into, found);
      }
      from = end + 1;
    }
    return found;
  }

  /** Takes a token in its decoded form, unless there was one before. */
  private static int one(CharSequence target, int from, int to, byte[] into, int before) {
    if (before != TokenFinder.NONE) {
      return TokenFinder.MANY;
    }
    int length = 0;
    for (int at = from; at < to; at += width(target, at, to)) {
      if (length == TokenFinder.MAX_TOKEN) {
        return TokenFinder.TOO_LARGE;
      }
      into[length++] = (byte) octet(target, at, to);
    }
    return length;
  }

  /**
   * Removes the parameters of a name. What is left is byte for byte as it was; a query of which
   * nothing is left goes with its question mark.
   *
   * @param target request target in origin form
   * @param name decoded
   * @return the rest; the same text when there was none of them
   */
  public static String without(CharSequence target, String name) {
    int begin = begin(target);
    if (begin < 0) {
      return target.toString();
    }
    StringBuilder rest = new StringBuilder(target.length()).append(target, 0, begin);
    boolean removed = false;
    boolean first = true;
    for (int from = begin; from <= target.length(); ) {
      int end = end(target, from);
      if (value(target, from, end, name) >= 0) {
        removed = true;
      } else {
        if (!first) {
          rest.append(target.charAt(from - 1));
        }
        rest.append(target, from, end);
        first = false;
      }
      from = end + 1;
    }
    if (!removed) {
      return target.toString();
    }
    if (first) {
      rest.setLength(begin - 1);
    }
    return rest.toString();
  }

  /** Where the first pair begins; -1 without a query. */
  private static int begin(CharSequence target) {
    for (int i = 0; i < target.length(); i++) {
      if (target.charAt(i) == '?') {
        return i + 1;
      }
    }
    return -1;
  }

  private static int end(CharSequence target, int from) {
    int end = from;
    while (end < target.length() && target.charAt(end) != '&' && target.charAt(end) != ';') {
      end++;
    }
    return end;
  }

  /**
   * Where the value of a pair begins, the end for a name without an equals sign; -1 when the pair
   * has another name.
   */
  private static int value(CharSequence target, int from, int end, String name) {
    int at = from;
    for (int i = 0; i < name.length(); ) {
      // Names are ASCII nearly always: then no array is made.
      int point = name.codePointAt(i);
      if (point < 0x80) {
        if (isOver(target, at, end) || octet(target, at, end) != point) {
          return -1;
        }
        at += width(target, at, end);
      } else {
        for (byte octet : Character.toString(point).getBytes(StandardCharsets.UTF_8)) {
          if (isOver(target, at, end) || octet(target, at, end) != (octet & 0xff)) {
            return -1;
          }
          at += width(target, at, end);
        }
      }
      i += Character.charCount(point);
    }
    if (at == end) {
      return end;
    }
    return target.charAt(at) == '=' ? at + 1 : -1;
  }

  /** Whether the name of a pair ends here. */
  private static boolean isOver(CharSequence target, int at, int end) {
    return at >= end || target.charAt(at) == '=';
  }

  /** The octet that is written at a place; 0, which no token has, for a character beyond octets. */
  private static int octet(CharSequence target, int at, int end) {
    char c = target.charAt(at);
    if (c == '+') {
      return ' ';
    }
    if (c == '%' && isEscape(target, at, end)) {
      return Character.digit(target.charAt(at + 1), 16) << 4
          | Character.digit(target.charAt(at + 2), 16);
    }
    return c > 0xff ? 0 : c;
  }

  private static int width(CharSequence target, int at, int end) {
    return target.charAt(at) == '%' && isEscape(target, at, end) ? 3 : 1;
  }

  private static boolean isEscape(CharSequence target, int at, int end) {
    return at + 2 < end && isHex(target.charAt(at + 1)) && isHex(target.charAt(at + 2));
  }

  private static boolean isHex(char c) {
    return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F';
  }
}
