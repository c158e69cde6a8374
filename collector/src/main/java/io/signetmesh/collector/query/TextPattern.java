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
}
