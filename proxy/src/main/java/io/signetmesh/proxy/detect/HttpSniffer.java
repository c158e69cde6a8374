package io.signetmesh.proxy.detect;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.signetmesh.proxy.metrics.HttpDetection;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Detects from the first bytes whether a connection is HTTP/1, HTTP/2 or neither. It waits for as
 * many bytes as the decision needs, not for one read only. Does not consume the bytes.
 */
public final class HttpSniffer {
  private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] HTTP_1 = "HTTP/1.".getBytes(StandardCharsets.US_ASCII);

  /** Longest method token that is looked at; longer ones are not HTTP. */
  private static final int MAX_METHOD = 24;

  private static final int MAX_LINE = 8192;

  private HttpSniffer() {}

  /**
   * Detects the protocol of the readable bytes.
   *
   * @return HTTP1, HTTP2 or NOT_HTTP; null when more bytes are needed
   */
  public static @Nullable HttpDetection inspect(ByteBuf in) {
    int start = in.readerIndex();
    int count = in.readableBytes();
    if (startsWith(in, start, count, PREFACE)) {
      return count >= PREFACE.length ? HttpDetection.HTTP2 : null;
    }
    Boolean http1 = looksLikeHttp1(in, start, count);
    if (http1 == null) {
      return null;
    }
    return http1 ? HttpDetection.HTTP1 : HttpDetection.NOT_HTTP;
  }

  /** Whether a connection that begins with this method and target is detected as HTTP/1. */
  public static boolean isHttp1(String method, String target) {
    ByteBuf line =
        Unpooled.copiedBuffer(method + ' ' + target + " HTTP/1.1\r\n", StandardCharsets.UTF_8);
    return inspect(line) == HttpDetection.HTTP1;
  }

  /** True or false once it is certain; null while it depends on bytes to come. */
  private static @Nullable Boolean looksLikeHttp1(ByteBuf in, int start, int count) {
    int i = 0;
    while (i < count && isTokenCharacter(in.getByte(start + i))) {
      if (++i > MAX_METHOD) {
        return false;
      }
    }
    if (i == count) {
      return null;
    }
    if (i == 0 || in.getByte(start + i) != ' ') {
      return false;
    }
    // METHOD SP target SP HTTP/1.x: the line must end with the version.
    int lastSpace = i;
    for (int j = i + 1; j < count; j++) {
      byte b = in.getByte(start + j);
      if (b == '\r' || b == '\n') {
        int length = j - lastSpace - 1;
        return lastSpace > i
            && length == HTTP_1.length + 1
            && startsWith(in, start + lastSpace + 1, length, HTTP_1);
      }
      if (b == ' ') {
        lastSpace = j;
      } else if (b < ' ' && b >= 0) {
        return false;
      }
    }
    // A long target: HTTP in all likelihood, and the decoder has limits of its own.
    return count > MAX_LINE ? Boolean.TRUE : null;
  }

  private static boolean startsWith(ByteBuf in, int start, int count, byte[] expected) {
    int compare = Math.min(count, expected.length);
    for (int i = 0; i < compare; i++) {
      if (in.getByte(start + i) != expected[i]) {
        return false;
      }
    }
    return true;
  }

  private static boolean isTokenCharacter(byte b) {
    return (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || b == '-' || b == '_';
  }
}
