package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MemoryExhaustionTest {
  private final List<Throwable> ends = new ArrayList<>();
  private final List<Throwable> passed = new ArrayList<>();
  private final EmbeddedChannel channel =
      new EmbeddedChannel(
          new MemoryExhaustion(ends::add),
          new ChannelInboundHandlerAdapter() {
            @Override
            public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
              passed.add(cause);
            }
          });

  @Test
  void processEndsWhenAConnectionFindsNoMemory() {
    OutOfMemoryError error = new OutOfMemoryError("Cannot reserve direct buffer memory");
    channel.pipeline().fireExceptionCaught(error);
    channel.pipeline().fireExceptionCaught(new IOException("wrapped", error));
    assertThat(ends).containsExactly(error, error);
    assertThat(passed).isEmpty();
  }

  @Test
  void otherErrorsAreTheConnections() {
    IOException reset = new IOException("Connection reset by peer");
    channel.pipeline().fireExceptionCaught(reset);
    assertThat(ends).isEmpty();
    assertThat(passed).containsExactly(reset);
  }
}
