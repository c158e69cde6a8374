package io.signetmesh.crds.network;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Parses literal IP addresses (RFC 4291, section 2.2, and dotted quads without leading zeros). It
 * never looks up names.
 */
public final class IpLiteral {
  private IpLiteral() {}

  /** Whether the text is a literal IPv4 or IPv6 address. */
  public static boolean isValid(String text) {
    return parse(text) != null;
  }

  /** The 4 or 16 bytes of the address; null when the text is not a literal address. */
  public static byte @Nullable [] parse(String text) {
    return text.indexOf(':') < 0 ? parseV4(text, 0) : parseV6(text);
  }

  /** The IPv4 form of an IPv4-mapped IPv6 address; any other address as it is. */
  static byte[] unmap(byte[] address) {
    if (address.length != 16) {
      return address;
    }
    for (int i = 0; i < 10; i++) {
      if (address[i] != 0) {
        return address;
      }
    }
    return address[10] == -1 && address[11] == -1 ? Arrays.copyOfRange(address, 12, 16) : address;
  }

  private static byte @Nullable [] parseV4(String text, int from) {
    byte[] bytes = new byte[4];
    int at = from;
    for (int part = 0; part < 4; part++) {
      if (part > 0 && (at >= text.length() || text.charAt(at++) != '.')) {
        return null;
      }
      int start = at;
      int value = 0;
      while (at < text.length() && at - start < 3 && isDigit(text.charAt(at))) {
        value = value * 10 + text.charAt(at++) - '0';
      }
      if (at == start || value > 255 || (at - start > 1 && text.charAt(start) == '0')) {
        return null;
      }
      bytes[part] = (byte) value;
    }
    return at == text.length() ? bytes : null;
  }

  private static byte @Nullable [] parseV6(String text) {
    if (text.length() < 2 || text.length() > 45) {
      return null;
    }
    byte[] bytes = new byte[16];
    int filled = 0;
    int gap = -1;
    int at = 0;
    if (text.startsWith("::")) {
      gap = 0;
      at = 2;
    } else if (text.charAt(0) == ':') {
      return null;
    }
    while (at < text.length()) {
      if (filled == 16) {
        return null;
      }
      int end = at;
      int value = 0;
      while (end < text.length()
          && Character.digit(text.charAt(end), 16) >= 0
          && text.charAt(end) < 128) {
        value = value << 4 | Character.digit(text.charAt(end++), 16);
        if (end - at > 4) {
          return null;
        }
      }
      if (end < text.length() && text.charAt(end) == '.') {
        byte[] v4 = filled <= 12 ? parseV4(text, at) : null;
        if (v4 == null) {
          return null;
        }
        System.arraycopy(v4, 0, bytes, filled, 4);
        filled += 4;
        at = text.length();
        break;
      }
      if (end == at) {
        return null;
      }
      bytes[filled++] = (byte) (value >> 8);
      bytes[filled++] = (byte) value;
      at = end;
      if (at == text.length()) {
        break;
      }
      if (text.charAt(at++) != ':' || at == text.length()) {
        return null;
      }
      if (text.charAt(at) == ':') {
        if (gap >= 0) {
          return null;
        }
        gap = filled;
        at++;
      }
    }
    if (gap < 0) {
      return filled == 16 ? bytes : null;
    }
    if (filled > 14) {
      return null;
    }
    byte[] whole = new byte[16];
    System.arraycopy(bytes, 0, whole, 0, gap);
    System.arraycopy(bytes, gap, whole, 16 - (filled - gap), filled - gap);
    return whole;
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }
}
