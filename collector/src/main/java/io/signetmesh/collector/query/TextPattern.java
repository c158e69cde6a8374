package io.signetmesh.collector.query;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A text in which {@code *} stands for any characters. Takes time in proportion to the text.
 *
 * @param text of the pattern
 */
public record TextPattern(String text) {
  /** Whether a whole text matches; null does not. */
  public boolean matches(@Nullable String value) {
    if (value == null) {
      return false;
    }
    if (text.indexOf('*') < 0) {
      return text.equals(value);
    }
    List<String> parts = List.of(text.split("\\*", -1));
    String first = parts.getFirst();
    String last = parts.getLast();
    if (value.length() < first.length() + last.length()
        || !value.startsWith(first)
        || !value.endsWith(last)) {
      return false;
    }
    int at = first.length();
    int end = value.length() - last.length();
    for (String part : parts.subList(1, parts.size() - 1)) {
      int found = value.indexOf(part, at);
      if (found < 0 || found + part.length() > end) {
        return false;
      }
      at = found + part.length();
    }
    return true;
  }

  /** Whether a name such as {@code group/kind/name} matches, as a whole or its last part. */
  public boolean matchesName(@Nullable String value) {
    return value != null
        && (matches(value) || matches(value.substring(value.lastIndexOf('/') + 1)));
  }

  /** What each text that matches begins with. */
  public String prefix() {
    int star = text.indexOf('*');
    return star < 0 ? text : text.substring(0, star);
  }

  /** Whether only one text matches. */
  public boolean isLiteral() {
    return text.indexOf('*') < 0;
  }

  /**
   * Whether a text that goes on with digits may match. True for some that do not.
   *
   * @param begin of the text
   */
  boolean mayMatchWithDigits(String begin) {
    String prefix = prefix();
    boolean begins =
        prefix.length() <= begin.length()
            ? begin.startsWith(prefix)
            : prefix.startsWith(begin) && areDigits(prefix, begin.length());
    if (!begins) {
      return false;
    }
    for (String part : text.split("\\*", -1)) {
      if (!mayContain(begin, part)) {
        return false;
      }
    }
    return true;
  }

  /** Whether a text, or it and digits behind it, may have a part. */
  private static boolean mayContain(String begin, String part) {
    if (begin.contains(part)) {
      return true;
    }
    for (int inside = 0; inside <= part.length(); inside++) {
      if (areDigits(part, inside) && begin.endsWith(part.substring(0, inside))) {
        return true;
      }
    }
    return false;
  }

  private static boolean areDigits(String text, int from) {
    for (int i = from; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }
}
