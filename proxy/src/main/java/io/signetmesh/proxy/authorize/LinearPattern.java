package io.signetmesh.proxy.authorize;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A regular expression that must match a whole text. Matching takes time linear in the length of
 * the text times the size of the expression, and both are bounded. Literal text at both ends is
 * compared first. An expression that is only literal text, or literal text followed by {@code .*},
 * needs no automaton.
 */
public final class LinearPattern {
  /** Longest expression, in characters; the Gateway API allows 4096 for a header. */
  static final int LONGEST = 4096;

  /** Largest program, in instructions. */
  static final int MAX_INSTRUCTIONS = 2_000;

  /**
   * Budget for all expressions of one request, in steps (instructions times characters). It is
   * about 2 ms on a small machine, and enough for 100 expressions of 200 instructions on a header
   * of 100 characters.
   */
  public static final long MAX_STEPS = 2_000_000;

  /** Longest text that is matched, in characters. */
  static final int LONGEST_TEXT = 8 * 1024;

  /** Deepest nesting of groups. */
  static final int DEEPEST = 100;

  private final String text;
  private final String prefix;
  private final String suffix;
  private final Kind kind;
  private final @Nullable Pattern pattern;

  private enum Kind {
    /** The prefix is the whole. */
    LITERAL,
    /** The prefix, and then whatever is not a line end. */
    LITERAL_THEN_ANY,
    /** To be asked of the engine. */
    EXPRESSION
  }

  private LinearPattern(
      String text, String prefix, String suffix, Kind kind, @Nullable Pattern pattern) {
    this.text = text;
    this.prefix = prefix;
    this.suffix = suffix;
    this.kind = kind;
    this.pattern = pattern;
  }

  /**
   * Compiles an expression in RE2 syntax.
   *
   * @throws IllegalArgumentException when it has a syntax error or is too large
   */
  public static LinearPattern compile(String text) {
    if (text.length() > LONGEST) {
      throw new IllegalArgumentException(
          "regular expression of "
              + text.length()
              + " characters, expected at most "
              + LONGEST
              + ": "
              + text.substring(0, 40)
              + "...");
    }
    new SizeEstimate(text).check();
    Pattern pattern;
    try {
      pattern = Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "regular expression '" + text + "': " + e.getDescription(), e);
    }
    if (pattern.programSize() > MAX_INSTRUCTIONS) {
      throw tooLarge(text);
    }
    StringBuilder literal = new StringBuilder();
    int begin = text.startsWith("^") ? 1 : 0;
    int rest = literal(text, begin, literal);
    if (rest == text.length()) {
      return new LinearPattern(text, literal.toString(), "", Kind.LITERAL, null);
    }
    if (text.startsWith(".*", rest) && rest + 2 == text.length()) {
      return new LinearPattern(text, literal.toString(), "", Kind.LITERAL_THEN_ANY, null);
    }
    boolean choices = text.indexOf('|') >= 0;
    return new LinearPattern(
        text,
        choices ? "" : literal.toString(),
        choices ? "" : literalEnd(text),
        Kind.EXPRESSION,
        pattern);
  }

  private static IllegalArgumentException tooLarge(String text) {
    return new IllegalArgumentException(
        "regular expression '"
            + (text.length() > 60 ? text.substring(0, 60) + "..." : text)
            + "' is too large: expected a program of at most "
            + MAX_INSTRUCTIONS
            + " instructions and "
            + DEEPEST
            + " groups nested");
  }

  /** Literal prefix of every text that matches; may be empty. */
  public String prefix() {
    return prefix;
  }

  /** Whether only {@link #prefix()} itself matches. */
  public boolean isLiteral() {
    return kind == Kind.LITERAL;
  }

  /**
   * The most steps that asking about the text up to {@code end} takes: instructions times
   * characters; 0 where comparing is enough. More than {@link #MAX_STEPS} for a text that is too
   * long to be asked about.
   */
  public long steps(CharSequence value, int end) {
    Pattern asked = pattern;
    int length = prefix.length();
    int tail = suffix.length();
    if (asked == null
        || length + tail > end
        || !regionEquals(value, 0, prefix)
        || !regionEquals(value, end - tail, suffix)) {
      return 0;
    }
    return end > LONGEST_TEXT ? MAX_STEPS + 1 : (long) asked.programSize() * end;
  }

  /** Whether the whole of the text matches. */
  public boolean matches(CharSequence value) {
    return matches(value, value.length());
  }

  /** Whether the text up to {@code end} matches. */
  public boolean matches(CharSequence value, int end) {
    int length = prefix.length();
    if (length > end || !regionEquals(value, 0, prefix)) {
      return false;
    }
    Pattern asked = pattern;
    if (asked == null) {
      return kind == Kind.LITERAL ? length == end : noLineEnd(value, length, end);
    }
    int tail = suffix.length();
    if (tail > end - length || !regionEquals(value, end - tail, suffix)) {
      return false;
    }
    Matcher matcher = asked.matcher(end == value.length() ? value : value.subSequence(0, end));
    return matcher.matches();
  }

  /** Number of instructions of the compiled expression; 0 when the literals decide. */
  public int instructions() {
    Pattern asked = pattern;
    return asked == null ? 0 : asked.programSize();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LinearPattern that && that.text.equals(text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }

  private static boolean regionEquals(CharSequence value, int from, String part) {
    if (value instanceof String string) {
      return string.startsWith(part, from);
    }
    for (int i = 0; i < part.length(); i++) {
      if (value.charAt(from + i) != part.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private static boolean noLineEnd(CharSequence value, int from, int end) {
    for (int i = from; i < end; i++) {
      if (value.charAt(i) == '\n') {
        return false;
      }
    }
    return true;
  }

  /** Takes literal characters from {@code from} on; returns where they end. */
  private static int literal(String text, int from, StringBuilder literal) {
    int i = from;
    while (i < text.length()) {
      int next = i;
      char c = text.charAt(i);
      if (c == '\\') {
        if (i + 1 >= text.length() || !isPunctuation(text.charAt(i + 1))) {
          return i;
        }
        c = text.charAt(i + 1);
        next++;
      } else if (isMeta(c) || Character.isSurrogate(c)) {
        return i;
      }
      next++;
      if (next < text.length() && "*+?{".indexOf(text.charAt(next)) >= 0) {
        return i;
      }
      literal.append(c);
      i = next;
    }
    return i;
  }

  /** Plain characters that every match ends with. */
  private static String literalEnd(String text) {
    int begin = text.length();
    while (begin > 0) {
      char c = text.charAt(begin - 1);
      boolean plain =
          !isMeta(c)
              && c != '\\'
              && c < 0x80
              && (c == '/' || c == '-' || Character.isLetterOrDigit(c));
      if (!plain) {
        break;
      }
      begin--;
    }
    // What follows an escape or a quantifier belongs to it.
    if (begin > 0 && text.charAt(begin - 1) == '\\') {
      return "";
    }
    // Flags in groups change what letters mean, quotations what everything means.
    return text.contains("(?") || text.contains("\\Q") ? "" : text.substring(begin);
  }

  private static boolean isMeta(char c) {
    return "\\.+*?()|[]{}^$".indexOf(c) >= 0;
  }

  private static boolean isPunctuation(char c) {
    return c > ' ' && c < 0x7f && !Character.isLetterOrDigit(c);
  }

  /**
   * How large an expression's program will be, before it is made: repetitions of repetitions make
   * large ones of small texts. Guesses high where the syntax is odd.
   */
  private static final class SizeEstimate {
    private final String text;
    private int at;

    SizeEstimate(String text) {
      this.text = text;
    }

    void check() {
      long[] sums = new long[DEEPEST + 1];
      long[] lasts = new long[DEEPEST + 1];
      int depth = 0;
      while (at < text.length()) {
        char c = text.charAt(at);
        switch (c) {
          case '(' -> {
            at++;
            depth++;
            if (depth > DEEPEST) {
              throw tooLarge(text);
            }
            sums[depth] = 2;
            lasts[depth] = 0;
          }
          case ')' -> {
            at++;
            if (depth > 0) {
              long group = sums[depth];
              depth--;
              sums[depth] += group;
              lasts[depth] = group;
            }
          }
          case '[' -> {
            skipClass();
            sums[depth]++;
            lasts[depth] = 1;
          }
          case '{' -> {
            long times = repetition();
            sums[depth] += lasts[depth] * times;
            lasts[depth] *= Math.max(1, times);
          }
          case '\\' -> {
            if (text.startsWith("\\Q", at)) {
              int end = text.indexOf("\\E", at);
              int stop = end < 0 ? text.length() : end + 2;
              sums[depth] += stop - at;
              at = stop;
            } else {
              at += 2;
              sums[depth]++;
            }
            lasts[depth] = 1;
          }
          default -> {
            at++;
            sums[depth]++;
            if ("*+?".indexOf(c) < 0) {
              lasts[depth] = 1;
            }
          }
        }
        if (sums[depth] > 2L * MAX_INSTRUCTIONS) {
          throw tooLarge(text);
        }
      }
    }

    /** Skips a character class: a bracket that comes first in it does not end it. */
    private void skipClass() {
      at++;
      if (at < text.length() && text.charAt(at) == '^') {
        at++;
      }
      if (at < text.length() && text.charAt(at) == ']') {
        at++;
      }
      while (at < text.length() && text.charAt(at) != ']') {
        if (text.startsWith("[:", at)) {
          int end = text.indexOf(":]", at);
          at = end < 0 ? at + 1 : end + 2;
        } else {
          at += text.charAt(at) == '\\' ? 2 : 1;
        }
      }
      at++;
    }

    /** The most that a repetition repeats; 1 when the brace is a brace. */
    private long repetition() {
      int end = text.indexOf('}', at);
      long most = 1;
      if (end > at + 1 && end - at <= 12) {
        long number = 0;
        for (int i = at + 1; i < end; i++) {
          char c = text.charAt(i);
          if (c >= '0' && c <= '9') {
            number = number * 10 + (c - '0');
          } else if (c == ',') {
            most = Math.max(most, number);
            number = 0;
          } else {
            at++;
            return 1;
          }
        }
        most = Math.max(most, number);
        at = end + 1;
        return most;
      }
      at++;
      return 1;
    }
  }
}
