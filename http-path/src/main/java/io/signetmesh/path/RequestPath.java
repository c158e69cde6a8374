package io.signetmesh.path;

import org.jspecify.annotations.Nullable;

/**
 * Normalizes the path of a request. Routes are matched against the normal form, and the application
 * receives it, so that both see the same resource.
 *
 * <p>Normalization follows RFC 3986, section 6.2.2. In this order: escapes of unreserved characters
 * are decoded; other escapes get upper-case digits, and octets above 0x7f are escaped; dot segments
 * are removed (section 5.2.4); runs of slashes are merged. The query is kept byte for byte.
 * Normalization is idempotent.
 *
 * <p>A path that readers interpret differently has no normal form. It contains an escaped slash or
 * backslash, a backslash, a control character, a space, a fragment, a malformed escape, octets that
 * are not UTF-8 (RFC 3629: overlong forms, surrogates), {@code ..} above the root, or a dot segment
 * with parameters.
 */
public final class RequestPath {
  private static final String HEX = "0123456789ABCDEF";

  /** What a path is refused for, in words for people. */
  private enum Refusal {
    RELATIVE("does not begin with a slash"),
    CONTROL("a control character"),
    BLANK("a space"),
    BACKSLASH("a backslash"),
    FRAGMENT("a fragment"),
    ESCAPED_SEPARATOR("an escaped slash or backslash"),
    MALFORMED_ESCAPE("a malformed escape"),
    NOT_UTF8("octets that are not UTF-8"),
    ABOVE_ROOT("a dot segment above the root"),
    DOTS_WITH_PARAMETERS("a dot segment with parameters");

    private final String text;

    Refusal(String text) {
      this.text = text;
    }
  }

  private RequestPath() {}

  /**
   * Normalizes a request target in origin form (RFC 9112, section 3.2.1). The target {@code *} is
   * unchanged.
   *
   * @param target path with or without query, as in {@code :path}; one octet per character
   * @return {@code target} itself when it is normal, which takes one look at each character and
   *     allocates nothing; null when it has no normal form
   */
  public static @Nullable CharSequence normalize(CharSequence target) {
    return isNormal(target) ? target : new Reading(target).normalized();
  }

  /**
   * Explains why a request target has no normal form.
   *
   * @param target path with or without query; one octet per character
   * @return what was found and where; null when the target has a normal form
   */
  public static @Nullable String refusal(CharSequence target) {
    if (isNormal(target)) {
      return null;
    }
    Reading reading = new Reading(target);
    return reading.normalized() == null ? reading.refusalText() : null;
  }

  /**
   * Whether the text can be a request target of any form: one octet per character, and no control
   * characters, spaces or fragment (RFC 9112, section 3.2). Anything else is refused.
   */
  public static boolean isTarget(CharSequence target) {
    for (int i = 0; i < target.length(); i++) {
      char c = target.charAt(i);
      if (c <= ' ' || c == 0x7f || c == '#' || c > 0xff) {
        return false;
      }
    }
    return true;
  }

  /** Whether a target is surely normal; one with escapes has to be read to find out. */
  private static boolean isNormal(CharSequence target) {
    int length = target.length();
    if (length == 0 || target.charAt(0) != '/') {
      return length == 1 && target.charAt(0) == '*';
    }
    char before = '/';
    for (int i = 1; i < length; i++) {
      char c = target.charAt(i);
      if (c == '?') {
        return true;
      }
      if (c <= ' ' || c >= 0x7f || c == '%' || c == '\\' || c == '#') {
        return false;
      }
      if (before == '/' && (c == '/' || (c == '.' && isDotSegment(target, i, length)))) {
        return false;
      }
      before = c;
    }
    return true;
  }

  /** Whether one or two dots are all of a segment, or all but its parameters. */
  private static boolean isDotSegment(CharSequence target, int start, int length) {
    int end = start + 1;
    if (end < length && target.charAt(end) == '.') {
      end++;
    }
    if (end == length) {
      return true;
    }
    char after = target.charAt(end);
    return after == '/' || after == '?' || after == ';';
  }

  /** One pass over a target that is not known to be normal. */
  private static final class Reading {
    private final CharSequence target;
    private final int end;
    private final StringBuilder out;
    private int at;
    private int outstanding;
    private int lowest = 0x80;
    private int highest = 0xbf;
    private @Nullable Refusal refusal;
    private int refusedAt;

    Reading(CharSequence target) {
      this.target = target;
      int stop = 0;
      while (stop < target.length() && target.charAt(stop) != '?') {
        stop++;
      }
      this.end = stop;
      this.out = new StringBuilder(target.length() + 16);
    }

    String refusalText() {
      Refusal found = refusal;
      return found == null ? "" : found.text + " at character " + refusedAt;
    }

    @Nullable CharSequence normalized() {
      if (end == 0 || target.charAt(0) != '/') {
        refuse(Refusal.RELATIVE, 0);
        return null;
      }
      while (at < end) {
        int start = out.length();
        out.append('/');
        at++;
        segment();
        if (refusal != null || !resolveDots(start)) {
          return null;
        }
      }
      mergeSlashes();
      out.append(target, end, target.length());
      return CharSequence.compare(out, target) == 0 ? target : out.toString();
    }

    private void segment() {
      while (at < end && refusal == null) {
        char c = target.charAt(at);
        if (c == '/') {
          break;
        }
        if (c == '%') {
          escape();
        } else {
          literal(c);
        }
      }
      if (outstanding > 0 && refusal == null) {
        refuse(Refusal.NOT_UTF8, at);
      }
    }

    private void literal(char c) {
      if (c < ' ' || c == 0x7f) {
        refuse(Refusal.CONTROL, at);
      } else if (c == ' ') {
        refuse(Refusal.BLANK, at);
      } else if (c == '\\') {
        refuse(Refusal.BACKSLASH, at);
      } else if (c == '#') {
        refuse(Refusal.FRAGMENT, at);
      } else if (c > 0xff) {
        refuse(Refusal.NOT_UTF8, at);
      } else {
        octet(c, true);
        at++;
      }
    }

    private void escape() {
      int high = at + 2 < end ? hex(target.charAt(at + 1)) : -1;
      int low = at + 2 < end ? hex(target.charAt(at + 2)) : -1;
      if (high < 0 || low < 0) {
        refuse(Refusal.MALFORMED_ESCAPE, at);
        return;
      }
      int value = high << 4 | low;
      if (value < ' ' || value == 0x7f) {
        refuse(Refusal.CONTROL, at);
      } else if (value == '/' || value == '\\') {
        refuse(Refusal.ESCAPED_SEPARATOR, at);
      } else {
        octet(value, isUnreserved(value));
        at += 3;
      }
    }

    /** Takes the next octet of the text, which has to be UTF-8 (RFC 3629 4). */
    private void octet(int value, boolean literal) {
      if (outstanding > 0 ? value < lowest || value > highest : !isBeginning(value)) {
        refuse(Refusal.NOT_UTF8, at);
        return;
      }
      if (outstanding > 0) {
        outstanding--;
        lowest = 0x80;
        highest = 0xbf;
      } else {
        begin(value);
      }
      if (literal && value < 0x80) {
        out.append((char) value);
      } else {
        out.append('%').append(HEX.charAt(value >> 4)).append(HEX.charAt(value & 0xf));
      }
    }

    private static boolean isBeginning(int value) {
      return value < 0x80 || (value >= 0xc2 && value <= 0xf4);
    }

    /** How many octets follow the first, and from which range the next one is. */
    private void begin(int first) {
      if (first < 0x80) {
        return;
      }
      outstanding = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
      switch (first) {
        case 0xc2 -> lowest = 0xa0; // below are the control characters of ISO 8859
        case 0xe0 -> lowest = 0xa0;
        case 0xed -> highest = 0x9f;
        case 0xf0 -> lowest = 0x90;
        case 0xf4 -> highest = 0x8f;
        default -> {}
      }
    }

    /** RFC 3986 5.2.4, for the segment whose slash is at {@code start}. */
    private boolean resolveDots(int start) {
      int length = out.length() - start - 1;
      int dots = 0;
      while (dots < length && dots < 3 && out.charAt(start + 1 + dots) == '.') {
        dots++;
      }
      if (dots == 0 || dots > 2) {
        return true;
      }
      if (dots < length) {
        if (isParameterMark(start + 1 + dots)) {
          refuse(Refusal.DOTS_WITH_PARAMETERS, at);
          return false;
        }
        return true;
      }
      out.setLength(start);
      if (dots == 2) {
        if (start == 0) {
          refuse(Refusal.ABOVE_ROOT, at);
          return false;
        }
        out.setLength(out.lastIndexOf("/"));
      }
      if (at == end) {
        out.append('/');
      }
      return true;
    }

    private boolean isParameterMark(int index) {
      return out.charAt(index) == ';'
          || (out.charAt(index) == '%'
              && out.charAt(index + 1) == '3'
              && out.charAt(index + 2) == 'B');
    }

    private void mergeSlashes() {
      int write = 0;
      for (int read = 0; read < out.length(); read++) {
        char c = out.charAt(read);
        if (c != '/' || write == 0 || out.charAt(write - 1) != '/') {
          out.setCharAt(write++, c);
        }
      }
      out.setLength(write);
    }

    private void refuse(Refusal found, int place) {
      refusal = found;
      refusedAt = place;
    }

    private static int hex(char c) {
      if (c >= '0' && c <= '9') {
        return c - '0';
      }
      if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
      }
      return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    }

    private static boolean isUnreserved(int c) {
      return (c >= 'a' && c <= 'z')
          || (c >= 'A' && c <= 'Z')
          || (c >= '0' && c <= '9')
          || c == '-'
          || c == '.'
          || c == '_'
          || c == '~';
    }
  }
}
