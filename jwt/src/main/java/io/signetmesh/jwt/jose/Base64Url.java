package io.signetmesh.jwt.jose;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * Base64url without padding (RFC 7515 section 2), where one value has one text: other characters,
 * padding and bits that do not count are refused (RFC 4648 sections 3.2, 3.3 and 3.5).
 */
public final class Base64Url {
  private static final byte[] VALUES = new byte[256];
  private static final Base64.Encoder ENCODER = Base64.getUrlEncoder().withoutPadding();

  static {
    Arrays.fill(VALUES, (byte) -1);
    String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int i = 0; i < alphabet.length(); i++) {
      VALUES[alphabet.charAt(i)] = (byte) i;
    }
  }

  private Base64Url() {}

  /** Encodes without padding. */
  public static String encode(byte[] bytes) {
    return ENCODER.encodeToString(bytes);
  }

  /** Decodes a text; null when it is not the text of any bytes. */
  public static byte @Nullable [] decode(String text) {
    byte[] octets = text.getBytes(StandardCharsets.UTF_8);
    return decode(octets, 0, octets.length);
  }

  /**
   * Decodes a text in which the bits that do not count may be anything, as in the example of RFC
   * 8705 section 3.1: for values that are compared by their bytes. Null when it is not the text of
   * any bytes.
   */
  public static byte @Nullable [] decodeAnyEnd(String text) {
    byte[] octets = text.getBytes(StandardCharsets.UTF_8);
    return decode(octets, 0, octets.length, true);
  }

  /** Decodes a part of an array; null when it is not the text of any bytes. */
  public static byte @Nullable [] decode(byte[] text, int from, int to) {
    return decode(text, from, to, false);
  }

  private static byte @Nullable [] decode(byte[] text, int from, int to, boolean anyEnd) {
    int length = to - from;
    int rest = length & 3;
    if (rest == 1) {
      return null;
    }
    byte[] bytes = new byte[(length >> 2) * 3 + (rest == 0 ? 0 : rest - 1)];
    int out = 0;
    int in = from;
    for (int end = to - rest; in < end; in += 4) {
      int bits =
          value(text[in]) << 18
              | value(text[in + 1]) << 12
              | value(text[in + 2]) << 6
              | value(text[in + 3]);
      if (bits < 0) {
        return null;
      }
      bytes[out++] = (byte) (bits >> 16);
      bytes[out++] = (byte) (bits >> 8);
      bytes[out++] = (byte) bits;
    }
    if (rest == 2) {
      int bits = value(text[in]) << 6 | value(text[in + 1]);
      if (bits < 0 || (bits & 0xf) != 0 && !anyEnd) {
        return null;
      }
      bytes[out] = (byte) (bits >> 4);
    } else if (rest == 3) {
      int bits = value(text[in]) << 12 | value(text[in + 1]) << 6 | value(text[in + 2]);
      if (bits < 0 || (bits & 0x3) != 0 && !anyEnd) {
        return null;
      }
      bytes[out++] = (byte) (bits >> 10);
      bytes[out] = (byte) (bits >> 2);
    }
    return bytes;
  }

  /** 0 to 63; -1, which keeps its sign when shifted, for what is no character of base64url. */
  private static int value(byte octet) {
    return VALUES[octet & 0xff];
  }
}
