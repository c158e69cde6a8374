package io.signetmesh.collector.export;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Makes text that clients chose harmless. Characters that control a terminal, hide text or reorder
 * it become escapes such as {@code \u001b}: control characters, format characters, line and
 * paragraph separators, and lone surrogates.
 */
public final class SafeText {
  private SafeText() {}

  /** The text on one line; the same instance if nothing is to be escaped. */
  public static String of(String text) {
    int unsafe = firstUnsafe(text);
    if (unsafe == text.length()) {
      return text;
    }
    StringBuilder safe = new StringBuilder(text.length() + 16).append(text, 0, unsafe);
    int at = unsafe;
    while (at < text.length()) {
      int point = text.codePointAt(at);
      int next = at + Character.charCount(point);
      if (isSafe(point)) {
        safe.appendCodePoint(point);
      } else {
        for (int i = at; i < next; i++) {
          safe.append("\\u%04x".formatted((int) text.charAt(i)));
        }
      }
      at = next;
    }
    return safe.toString();
  }

  /** Whether bytes are UTF-8 without such characters. */
  static boolean isSafe(byte[] utf8) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
      return firstUnsafe(text) == text.length();
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  private static int firstUnsafe(String text) {
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c >= ' ' && c < 0x7f) {
        at++;
        continue;
      }
      int point = text.codePointAt(at);
      if (!isSafe(point)) {
        return at;
      }
      at += Character.charCount(point);
    }
    return at;
  }

  private static boolean isSafe(int point) {
    return switch (Character.getType(point)) {
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
