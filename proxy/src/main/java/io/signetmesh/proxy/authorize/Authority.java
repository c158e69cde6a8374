package io.signetmesh.proxy.authorize;

/**
 * Host and optional port (RFC 9110 7.2, RFC 3986 3.2.2), without user information. Stricter than
 * the RFC in what readers differ about: nothing is escaped, there is no comma, no label is empty,
 * and the port is a number from 0 to 65535, or empty.
 */
final class Authority {
  private static final int MAX_PORT_DIGITS = 5;
  private static final int MAX_PORT = 65_535;
  private static final int GROUPS = 8;

  /** Marks of a name (unreserved and sub-delims of RFC 3986 2.2), without the comma. */
  private static final String NAME_MARKS = "-._~!$&'()*+;=";

  private Authority() {}

  static boolean isValid(CharSequence text) {
    int host = hostEnd(text);
    return host > 0 && port(text, host) != Port.INVALID;
  }

  /** Whether a text is host and port, as the target of CONNECT has to be (RFC 9112 3.2.3). */
  static boolean isWithPort(CharSequence text) {
    int host = hostEnd(text);
    return host > 0 && port(text, host) == Port.NUMBER;
  }

  private enum Port {
    NONE,
    /** One that somebody may listen on. */
    NUMBER,
    INVALID
  }

  private static Port port(CharSequence text, int host) {
    int length = text.length();
    if (host == length || (text.charAt(host) == ':' && host + 1 == length)) {
      return Port.NONE;
    }
    if (text.charAt(host) != ':' || length - host - 1 > MAX_PORT_DIGITS) {
      return Port.INVALID;
    }
    int number = 0;
    for (int i = host + 1; i < length; i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '9') {
        return Port.INVALID;
      }
      number = number * 10 + (c - '0');
    }
    return number > MAX_PORT ? Port.INVALID : number == 0 ? Port.NONE : Port.NUMBER;
  }

  /** Where the host ends; 0 where there is none. */
  private static int hostEnd(CharSequence text) {
    int length = text.length();
    if (length > 0 && text.charAt(0) == '[') {
      int end = 1;
      while (end < length && text.charAt(end) != ']') {
        end++;
      }
      return end < length && isIpv6(text, 1, end) ? end + 1 : 0;
    }
    char before = '.';
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c == ':') {
        return i;
      }
      // Empty labels: some readers leave them out.
      if (!isOfName(c) || (c == '.' && before == '.')) {
        return 0;
      }
      before = c;
    }
    return length;
  }

  private static boolean isOfName(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || NAME_MARKS.indexOf(c) >= 0;
  }

  /** An IPv6 address without zone (RFC 3986 3.2.2). */
  private static boolean isIpv6(CharSequence text, int from, int to) {
    int groups = 0;
    boolean shortened = false;
    int at = from;
    while (at < to) {
      if (text.charAt(at) == ':') {
        // Only as the double colon, once; a single one stands between groups, see below.
        if (shortened || at + 1 >= to || text.charAt(at + 1) != ':') {
          return false;
        }
        shortened = true;
        at += 2;
        continue;
      }
      int end = at;
      while (end < to && isHex(text.charAt(end))) {
        end++;
      }
      if (end < to && text.charAt(end) == '.') {
        groups += 2;
        return isIpv4(text, at, to) && isComplete(groups, shortened);
      }
      if (end == at || end - at > 4) {
        return false;
      }
      groups++;
      if (end == to) {
        break;
      }
      if (text.charAt(end) != ':' || end + 1 == to) {
        return false;
      }
      at = text.charAt(end + 1) == ':' ? end : end + 1;
    }
    return isComplete(groups, shortened);
  }

  private static boolean isComplete(int groups, boolean shortened) {
    return shortened ? groups < GROUPS : groups == GROUPS;
  }

  private static boolean isIpv4(CharSequence text, int from, int to) {
    int octets = 0;
    int value = -1;
    for (int i = from; i <= to; i++) {
      char c = i < to ? text.charAt(i) : '.';
      if (c >= '0' && c <= '9' && value != 0) {
        value = (value < 0 ? 0 : value) * 10 + (c - '0');
        if (value > 255) {
          return false;
        }
      } else if (c == '.' && value >= 0) {
        octets++;
        value = -1;
      } else {
        return false;
      }
    }
    return octets == 4;
  }

  private static boolean isHex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  }
}
