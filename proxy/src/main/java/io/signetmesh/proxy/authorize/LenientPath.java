package io.signetmesh.proxy.authorize;

/**
 * A path as lenient applications and frameworks read it: percent-encoded characters that need no
 * encoding decoded (RFC 3986 6.2.2.2), encoded slashes and backslashes taken for slashes, path
 * parameters ({@code ;...}) left out, empty and dot segments resolved (RFC 3986 6.2.2.3).
 */
final class LenientPath {
  private LenientPath() {}

  /** Whether a path holds anything that lenient readers change; most hold nothing. */
  static boolean mayDiffer(CharSequence path, int end) {
    boolean slash = false;
    for (int i = 0; i < end; i++) {
      char c = path.charAt(i);
      if (c == '%' || c == ';' || c == '\\' || (slash && (c == '/' || c == '.'))) {
        return true;
      }
      slash = c == '/';
    }
    return false;
  }

  /** The path as read; a trailing slash stays. */
  static String of(CharSequence path, int end) {
    String decoded = decoded(path, end);
    StringBuilder out = new StringBuilder(decoded.length());
    int start = 0;
    boolean open = true;
    while (start < decoded.length()) {
      int slash = decoded.indexOf('/', start);
      int stop = slash < 0 ? decoded.length() : slash;
      int parameters = decoded.indexOf(';', start);
      int length = (parameters >= 0 && parameters < stop ? parameters : stop) - start;
      open = slash >= 0;
      if (length == 2 && decoded.startsWith("..", start)) {
        out.setLength(Math.max(0, out.lastIndexOf("/")));
        open = true;
      } else if (length == 1 && decoded.charAt(start) == '.') {
        open = true;
      } else if (length > 0) {
        out.append('/').append(decoded, start, start + length);
      }
      start = stop + 1;
    }
    if (open || out.isEmpty()) {
      out.append('/');
    }
    return out.toString();
  }

  private static String decoded(CharSequence path, int end) {
    StringBuilder out = new StringBuilder(end);
    for (int i = 0; i < end; i++) {
      char c = path.charAt(i);
      int value = c == '%' && i + 2 < end ? hex(path.charAt(i + 1), path.charAt(i + 2)) : -1;
      if (value == '/' || value == '\\' || c == '\\') {
        out.append('/');
      } else if (value >= 0 && isUnreserved((char) value)) {
        out.append((char) value);
      } else {
        out.append(c);
        continue;
      }
      i += value >= 0 ? 2 : 0;
    }
    return out.toString();
  }

  private static int hex(char high, char low) {
    int h = Character.digit(high, 16);
    int l = Character.digit(low, 16);
    return h < 0 || l < 0 ? -1 : h << 4 | l;
  }

  private static boolean isUnreserved(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '-'
        || c == '.'
        || c == '_'
        || c == '~'
        || c == ';';
  }
}
