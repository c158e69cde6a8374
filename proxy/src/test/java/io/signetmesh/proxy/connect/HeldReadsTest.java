package io.signetmesh.proxy.connect;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is held is given back, or handed on, however the connection ends. */
class HeldReadsTest {
  private final HeldReads held = new HeldReads();
  private final EmbeddedChannel channel = new EmbeddedChannel(held);
  private final List<String> found = new ArrayList<>();

  /** Reads a header of four bytes. */
  private static String header(ByteBuf bytes) {
    return bytes.readCharSequence(4, StandardCharsets.US_ASCII).toString();
  }

  @ParameterizedTest
  @CsvSource({"head, true", "head, false", "headmore, true", "headmore, false"})
  void bytesOfAConnectionThatIsCutBehindItsHeaderAreGivenBack(String text, boolean taken) {
    held.inspect(Duration.ofSeconds(1), HeldReadsTest::header, found::add, () -> {});
    ByteBuf bytes = PooledByteBufAllocator.DEFAULT.directBuffer(16);
    bytes.writeCharSequence(text, StandardCharsets.US_ASCII);
    channel.writeInbound(bytes);
    assertThat(found).containsExactly("head");
    channel.close();
    channel.runPendingTasks();
    assertThat(bytes.refCnt()).isZero();
    if (taken) {
      channel.pipeline().addLast(new ChannelInboundHandlerAdapter());
      held.release();
      ByteBuf rest = channel.readInbound();
      if (text.length() == 4) {
        assertThat(rest).isNull();
      } else {
        assertThat(rest.toString(StandardCharsets.US_ASCII)).isEqualTo("more");
        rest.release();
      }
    }
  }
}
