package io.signetmesh.proxy.detect;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Finds the server name in the first bytes of a connection: TLS record layer and ClientHello (RFC
 * 8446 4.1.2, RFC 6066 3). Does not consume the bytes.
 */
public final class ClientHello {
  /** Most bytes that are read before a connection counts as {@link Oversized}. */
  static final int MAX_BYTES = 8192;

  private static final int RECORD_HEADER = 5;
  private static final int SERVER_NAME = 0;

  /** Longest DNS name. */
  private static final int MAX_NAME = 253;

  private ClientHello() {}

  /** What the bytes are. */
  public sealed interface Result {
    /** TLS, but the ClientHello is longer than any client needs. */
    record Oversized() implements Result {}

    /** No TLS. */
    record NotTls() implements Result {}

    /**
     * A ClientHello.
     *
     * @param serverName lower-case host name; null when the client sent none, or none that is a DNS
     *     name
     */
    record Tls(@Nullable String serverName) implements Result {}
  }

  private static final Result OVERSIZED = new Result.Oversized();
  private static final Result NOT_TLS = new Result.NotTls();
  private static final Result NO_NAME = new Result.Tls(null);

  /** Inspects the readable bytes. Returns null when more bytes are needed. */
  public static @Nullable Result inspect(ByteBuf in) {
    Result found = parse(in);
    return found == null && in.readableBytes() > MAX_BYTES ? OVERSIZED : found;
  }

  private static @Nullable Result parse(ByteBuf in) {
    int start = in.readerIndex();
    int available = in.readableBytes();
    // The first three bytes tell TLS from everything else a port sees.
    if (available >= 1 && in.getUnsignedByte(start) != 22) {
      return NOT_TLS;
    }
    if (available >= 2 && in.getUnsignedByte(start + 1) != 3) {
      return NOT_TLS;
    }
    if (available >= 3 && in.getUnsignedByte(start + 2) > 4) {
      return NOT_TLS;
    }
    if (available < RECORD_HEADER + 4) {
      return null;
    }
    if (in.getUnsignedByte(start + RECORD_HEADER) != 1) {
      return NOT_TLS;
    }
    int helloLength = in.getUnsignedMedium(start + RECORD_HEADER + 1);
    if (helloLength < 38 || helloLength + 4 + RECORD_HEADER > MAX_BYTES) {
      return NO_NAME;
    }
    byte[] hello = new byte[helloLength + 4];
    int filled = 0;
    int at = start;
    int end = start + available;
    // A ClientHello may be spread over several records.
    while (filled < hello.length) {
      if (end - at < RECORD_HEADER) {
        return null;
      }
      int length = in.getUnsignedShort(at + 3);
      if (in.getUnsignedByte(at) != 22 || length == 0 || length > 16_384 + 256) {
        return NO_NAME;
      }
      at += RECORD_HEADER;
      int take = Math.min(length, hello.length - filled);
      if (end - at < take) {
        return null;
      }
      in.getBytes(at, hello, filled, take);
      filled += take;
      at += length;
    }
    return new Result.Tls(serverName(hello));
  }

  private static @Nullable String serverName(byte[] hello) {
    // Header (4), version (2), random (32).
    int at = 38;
    at = skip(hello, at, 1);
    at = skip(hello, at, 2);
    at = skip(hello, at, 1);
    if (at < 0 || at + 2 > hello.length) {
      return null;
    }
    int end = Math.min(hello.length, at + 2 + u16(hello, at));
    at += 2;
    while (at + 4 <= end) {
      int type = u16(hello, at);
      int length = u16(hello, at + 2);
      at += 4;
      if (at + length > end) {
        return null;
      }
      if (type == SERVER_NAME) {
        // List length (2), name type (1), name length (2).
        if (length < 5 || hello[at + 2] != 0) {
          return null;
        }
        int nameLength = u16(hello, at + 3);
        if (nameLength == 0 || 5 + nameLength > length) {
          return null;
        }
        String name =
            new String(hello, at + 5, nameLength, StandardCharsets.US_ASCII)
                .toLowerCase(Locale.ROOT);
        return isDnsName(name) ? name : null;
      }
      at += length;
    }
    return null;
  }

  /** The name becomes a label of metrics: it must not be any bytes of any length. */
  private static boolean isDnsName(String name) {
    if (name.length() > MAX_NAME) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.') {
        return false;
      }
    }
    return true;
  }

  /** Skips a vector whose length takes {@code width} bytes; -1 when it does not fit. */
  private static int skip(byte[] bytes, int at, int width) {
    if (at < 0 || at + width > bytes.length) {
      return -1;
    }
    int length = width == 1 ? bytes[at] & 0xff : u16(bytes, at);
    int next = at + width + length;
    return next > bytes.length ? -1 : next;
  }

  private static int u16(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 8 | (bytes[at + 1] & 0xff);
  }
}
