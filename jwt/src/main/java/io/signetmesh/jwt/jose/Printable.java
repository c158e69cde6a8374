package io.signetmesh.jwt.jose;

/** Texts of strangers for records and people. */
public final class Printable {
  private Printable() {}

  /**
   * Cuts a text to a number of characters, never in a surrogate pair, and replaces by {@code '?'}
   * what terminals and logs act on: control characters, line and paragraph separators, and
   * characters that change the direction of text.
   */
  public static String cut(String text, int length) {
    int end = text.length();
    if (end > length) {
      end = length > 0 && Character.isHighSurrogate(text.charAt(length - 1)) ? length - 1 : length;
    }
    StringBuilder out = null;
    for (int i = 0; i < end; i++) {
      char c = text.charAt(i);
      if (c >= ' ' && c <= '~') {
        continue;
      }
      if (unsafe(c)) {
        if (out == null) {
          out = new StringBuilder(text).delete(end, text.length());
        }
        out.setCharAt(i, '?');
      }
    }
    return out != null ? out.toString() : text.substring(0, end);
  }

  /** Cuts as {@link #cut}, and replaces everything beyond ASCII: a character is a byte. */
  public static String ascii(String text, int length) {
    StringBuilder out =
        new StringBuilder(text).delete(Math.min(length, text.length()), text.length());
    for (int i = 0; i < out.length(); i++) {
      char c = out.charAt(i);
      if (c < ' ' || c > '~') {
        out.setCharAt(i, '?');
      }
    }
    return out.toString();
  }

  private static boolean unsafe(char c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          true;
      default -> false;
    };
  }
}
