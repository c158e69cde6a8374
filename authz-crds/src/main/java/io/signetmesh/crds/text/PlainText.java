package io.signetmesh.crds.text;

/**
 * Text that others wrote, as logs, records and terminals may show it: on one line, and without
 * characters that a terminal obeys or that hide or turn around what is shown (control characters C0
 * and C1, format characters as bidirectional overrides, line and paragraph separators, lone
 * surrogates). Each of them is shown as its escape, {@code \u001b}.
 */
public final class PlainText {
  private PlainText() {}

  /** The text on one line; itself when it is plain already. */
  public static String of(String text) {
    return escape(text, false);
  }

  /** The text with its line feeds and tabs; itself when it is plain already. */
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
