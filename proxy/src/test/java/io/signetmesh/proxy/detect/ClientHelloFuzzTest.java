package io.signetmesh.proxy.detect;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ClientHelloFuzzTest {
  /** TLS 1.3, with the server name {@code web}. */
  private static final String HELLO =
      "160301003f0100003b0303"
          + "00".repeat(32)
          + "00"
          + "00021301"
          + "0100"
          + "0010"
          + "0000000800060000"
          + "03776562"
          + "002b0000";

  static Stream<Arguments> starts() {
    return Stream.of(
            HexFormat.of().parseHex(HELLO),
            "GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII),
            new byte[] {22, 3, 1, 0, 1, 1, 22, 3, 1, 0, 3, 0, 0, 38},
            new byte[] {22, 3, 1, 0, 4, 1, (byte) 0xff, (byte) 0xff, (byte) 0xff})
        .map(bytes -> Arguments.of((Object) bytes));
  }

  /** However the bytes are cut, the verdict is the same, and once given it stays. */
  @MethodSource("starts")
  @FuzzTest(maxDuration = "10m")
  void firstBytesOfAConnection(byte[] bytes) {
    ByteBuf whole = Unpooled.wrappedBuffer(bytes);
    ClientHello.Result found = ClientHello.inspect(whole);
    if (whole.readableBytes() != bytes.length) {
      throw new AssertionError("bytes were consumed");
    }
    if (found == null && bytes.length > ClientHello.MAX_BYTES) {
      throw new AssertionError("undecided after " + bytes.length + " bytes");
    }
    for (int length = 1; length < Math.min(bytes.length, 256); length++) {
      ClientHello.Result early = ClientHello.inspect(Unpooled.wrappedBuffer(bytes, 0, length));
      if (early != null) {
        if (!early.equals(found)) {
          throw new AssertionError(early + " after " + length + " bytes, then " + found);
        }
        return;
      }
    }
  }
}
