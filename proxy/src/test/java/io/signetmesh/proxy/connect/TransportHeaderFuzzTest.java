package io.signetmesh.proxy.connect;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.linkerd.transport.Header;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TransportHeaderFuzzTest {
  static Stream<Arguments> headers() {
    return Stream.of(Connector.Session.values())
        .map(session -> TransportHeader.encode(ByteBufAllocator.DEFAULT, 8080, session))
        .map(
            buffer -> {
              byte[] bytes = ByteBufUtil.getBytes(buffer);
              buffer.release();
              return Arguments.of((Object) bytes);
            });
  }

  /** A header is read whole or not at all, and what follows it is left alone. */
  @MethodSource("headers")
  @FuzzTest(maxDuration = "10m")
  void bytesOfADirectConnection(byte[] bytes) {
    ByteBuf in = Unpooled.wrappedBuffer(bytes);
    try {
      Header header = TransportHeader.decode(in);
      if (header == null && in.readerIndex() != 0) {
        throw new AssertionError("bytes of an unfinished header were consumed");
      }
      if (header != null && (header.getPort() < 1 || header.getPort() > 65_535)) {
        throw new AssertionError("port " + header.getPort());
      }
    } catch (TransportHeader.InvalidHeaderException e) {
      // Refused, as it should be.
    }
  }
}
