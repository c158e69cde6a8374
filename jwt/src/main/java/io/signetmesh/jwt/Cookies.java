package io.signetmesh.jwt;

import org.jspecify.annotations.Nullable;

/**
 * Cookies of a request (RFC 6265 section 4.2): pairs with a semicolon between them. White space
 * around a name or value is no part of it, and neither are quotation marks around a value.
 */
public final class Cookies {
  private Cookies() {}

  /** Finds a token in a {@code Cookie} field, as {@link TokenFinder#find}. */
  static int find(CharSequence field, String name, byte[] into, int before) {
    int found = before;
    int length = field.length();
    for (int from = 0; from <= length; ) {
      int end = end(field, from);
      int value = value(field, from, end, name);
      if (value >= 0) {
        int begin = value;
        int stop = end;
        while (begin < stop && TokenFinder.isBlank(field.charAt(begin))) {
          begin++;
        }
        while (stop > begin && TokenFinder.isBlank(field.charAt(stop - 1))) {
          stop--;
        }
        if (stop - begin > 1 && field.charAt(begin) == '"' && field.charAt(stop - 1) == '"') {
          begin++;
          stop--;
        }
        found = TokenFinder.one(field, begin, stop, into, found);
      }
      from = end + 1;
    }
    return found;
  }

  /**
   * Removes the cookies of a name. What is left is byte for byte as it was.
   *
   * @param field value of a {@code Cookie} field
   * @return the rest; the same text when there was none of them; null when nothing is left
   */
  public static @Nullable String without(CharSequence field, String name) {
    StringBuilder rest = new StringBuilder(field.length());
    int length = field.length();
    boolean removed = false;
    for (int from = 0; from <= length; ) {
      int end = end(field, from);
      if (value(field, from, end, name) >= 0) {
        removed = true;
      } else {
        if (!rest.isEmpty()) {
          rest.append(';');
        }
        int begin = from;
        // The space after the semicolon of what was removed first.
        while (rest.isEmpty() && removed && begin < end && field.charAt(begin) == ' ') {
          begin++;
        }
        rest.append(field, begin, end);
      }
      from = end + 1;
    }
    if (!removed) {
      return field.toString();
    }
    return rest.toString().isBlank() ? null : rest.toString();
  }

  private static int end(CharSequence field, int from) {
    int end = from;
    while (end < field.length() && field.charAt(end) != ';') {
      end++;
    }
    return end;
  }

  /** Where the value of a pair begins; -1 when the pair has another name. */
  private static int value(CharSequence field, int from, int end, String name) {
    int begin = from;
    while (begin < end && TokenFinder.isBlank(field.charAt(begin))) {
      begin++;
    }
    int at = begin;
    for (int i = 0; i < name.length(); i++, at++) {
      if (at >= end || field.charAt(at) != name.charAt(i)) {
        return -1;
      }
    }
    while (at < end && TokenFinder.isBlank(field.charAt(at))) {
      at++;
    }
    return at < end && field.charAt(at) == '=' ? at + 1 : -1;
  }
}
