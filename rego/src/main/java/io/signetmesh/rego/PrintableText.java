package io.signetmesh.rego;

/** Texts of strangers for records and people. */
final class PrintableText {
  private PrintableText() {}

  /**
   * Cuts a text to a number of characters, never in a surrogate pair, and replaces by {@code '?'}
   * what terminals and logs act on: control characters, line and paragraph separators, characters
   * that change the direction of text, and halves of surrogate pairs.
   */
  static String of(String text, int length) {
    int end = Math.min(text.length(), length);
    if (end < text.length() && end > 0 && Character.isHighSurrogate(text.charAt(end - 1))) {
      end--;
    }
    StringBuilder out = new StringBuilder(end);
    for (int i = 0; i < end; ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      out.appendCodePoint(unsafe(c) ? '?' : c);
    }
    return out.toString();
  }

  private static boolean unsafe(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          true;
      default -> false;
    };
  }
}
