package io.signetmesh.crds.text;

/**
 * Makes untrusted text safe for logs, records and terminals. Characters that control a terminal,
 * hide text or reorder it become escapes such as {@code \u001b}: the control characters C0 and C1,
 * format characters such as bidirectional overrides, line and paragraph separators, and lone
 * surrogates.
 */
public final class PlainText {
  private PlainText() {}

  /** The text on one line. Returns the same instance if there is nothing to escape. */
  public static String of(String text) {
    return escape(text, false);
  }

  /**
   * The text with its line feeds and tabs kept. Returns the same instance if there is nothing to
   * escape.
   */
  public static String linesOf(String text) {
    return escape(text, true);
  }

  private static String escape(String text, boolean lines) {
    int length = text.length();
    int i = 0;
    while (i < length && isPlain(text, i, lines)) {
      i++;
    }
    if (i == length) {
      return text;
    }
    StringBuilder out = new StringBuilder(length + 16).append(text, 0, i);
    for (; i < length; i++) {
      char c = text.charAt(i);
      if (isPlain(text, i, lines)) {
        out.append(c);
      } else {
        out.append("\\u%04x".formatted((int) c));
      }
    }
    return out.toString();
  }

  private static boolean isPlain(String text, int index, boolean lines) {
    char c = text.charAt(index);
    if (c >= ' ' && c < 0x7f) {
      return true;
    }
    if (lines && (c == '\n' || c == '\t')) {
      return true;
    }
    if (Character.isHighSurrogate(c)) {
      return index + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(index + 1))
          && isShown(text.codePointAt(index));
    }
    if (Character.isLowSurrogate(c)) {
      return index > 0
          && Character.isHighSurrogate(text.charAt(index - 1))
          && isShown(text.codePointAt(index - 1));
    }
    return isShown(c);
  }

  private static boolean isShown(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE ->
          false;
      default -> true;
    };
  }
}
