package io.signetmesh.path;

import java.nio.charset.StandardCharsets;

/**
 * A path as lenient applications and frameworks read it:
 *
 * <ul>
 *   <li>percent-encoded characters that a path may contain literally are decoded, and other octets
 *       are encoded in upper case (RFC 3986, section 6.2.2);
 *   <li>encoded slashes and backslashes become slashes;
 *   <li>path parameters ({@code ;...}) are removed;
 *   <li>empty segments and dot segments are resolved (section 6.2.2.3).
 * </ul>
 */
public final class LenientPath {
  private static final char[] HEX = "0123456789ABCDEF".toCharArray();

  /** What a segment may hold and no reader takes for anything else, by code point. */
  private static final long PLAIN_LOW = plain(0);

  private static final long PLAIN_HIGH = plain(0x40);

  private LenientPath() {}

  private static long plain(int from) {
    long bits = 0;
    for (int i = 0; i < 0x40; i++) {
      if (isPathCharacter((char) (from + i)) && from + i != ';') {
        bits |= 1L << i;
      }
    }
    return bits;
  }

  /**
   * Whether a lenient reader may read the path differently from how it is written. Allocates
   * nothing. Most paths give false; true is also possible for a path that is read as written.
   *
   * @param path path, one octet per character
   * @param end end of the path in {@code path}, exclusive: where the query starts
   */
  public static boolean mayDiffer(CharSequence path, int end) {
    for (int i = 0; i < end; i++) {
      char c = path.charAt(i);
      if (c < 0x80 && (((c < 0x40 ? PLAIN_LOW : PLAIN_HIGH) >>> c) & 1) != 0) {
        continue;
      }
      if (c == '/') {
        char next = i + 1 < end ? path.charAt(i + 1) : 'a';
        if (next == '/' || (next == '.' && !(i + 2 < end && isPlain(path.charAt(i + 2))))) {
          return true;
        }
      } else if (c == '%') {
        int value = i + 2 < end ? hex(path.charAt(i + 1), path.charAt(i + 2)) : -1;
        if (value < 0
            || isPathCharacter((char) value)
            || value == '/'
            || value == '\\'
            || path.charAt(i + 1) >= 'a'
            || path.charAt(i + 2) >= 'a') {
          return true;
        }
      } else {
        return true;
      }
    }
    return false;
  }

  /**
   * The path as a lenient reader reads it. A trailing slash is kept.
   *
   * @param path path, one octet per character
   * @param end end of the path in {@code path}, exclusive: where the query starts
   */
  public static String of(CharSequence path, int end) {
    String decoded = canonical(path, end, true);
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
      } else if (length == 0 || (length == 1 && decoded.charAt(start) == '.')) {
        open = true;
      } else {
        out.append('/').append(decoded, start, start + length);
      }
      start = stop + 1;
    }
    if (open || out.isEmpty()) {
      out.append('/');
    }
    return out.toString();
  }

  /**
   * A path of a policy in the form in which requests come: what is escaped without need is not, and
   * what a path cannot hold is, in upper case. Segments stay as they are.
   */
  static String ofPolicy(String path) {
    boolean ascii = path.chars().allMatch(c -> c < 0x80);
    String octets =
        ascii
            ? path
            : new String(path.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    return canonical(octets, octets.length(), false);
  }

  /**
   * Decodes and encodes.
   *
   * @param path octets, one a character
   * @param lenient whether reserved characters are decoded too, and backslashes and encoded slashes
   *     are slashes; else only what is unreserved is decoded
   */
  private static String canonical(CharSequence path, int end, boolean lenient) {
    StringBuilder out = new StringBuilder(end);
    for (int i = 0; i < end; i++) {
      char c = path.charAt(i);
      int value = c == '%' && i + 2 < end ? hex(path.charAt(i + 1), path.charAt(i + 2)) : -1;
      if (value >= 0) {
        i += 2;
      }
      char octet = value >= 0 ? (char) value : c;
      if (lenient && (octet == '\\' || octet == '/')) {
        out.append('/');
      } else if (value < 0
          ? isPathCharacter(c) || c == '/' || c == '%'
          : lenient ? isPathCharacter(octet) : isUnreserved(octet)) {
        out.append(octet);
      } else if (octet <= 0xff) {
        out.append('%').append(HEX[octet >> 4]).append(HEX[octet & 15]);
      } else {
        out.append(octet);
      }
    }
    return out.toString();
  }

  private static int hex(char high, char low) {
    int h = digit(high);
    int l = digit(low);
    return h < 0 || l < 0 ? -1 : h << 4 | l;
  }

  private static int digit(char c) {
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    char lower = (char) (c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }

  private static boolean isPlain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }

  private static boolean isUnreserved(char c) {
    return isPlain(c) || c == '-' || c == '.' || c == '_' || c == '~';
  }

  /** What a segment may hold as it is: pchar of RFC 3986 3.3, without escapes. */
  private static boolean isPathCharacter(char c) {
    return isUnreserved(c) || (c < 0x80 && "!$&'()*+,;=:@".indexOf(c) >= 0);
  }
}
