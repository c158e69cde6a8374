package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The time is the embedded channel's, and stands still but for what a test adds. */
class UncertifiedAgeTest {
  /** HTTP/2 with streams open: told to close, it waits. */
  private static final class Waiting extends ChannelOutboundHandlerAdapter {
    private int told;

    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
      told++;
    }
  }

  private static EmbeddedChannel channel(ChannelHandler... handlers) {
    EmbeddedChannel channel = new EmbeddedChannel(handlers);
    channel.freezeTime();
    UncertifiedAge.DEFAULT.limit(channel);
    return channel;
  }

  private static void pass(EmbeddedChannel channel, long seconds) {
    channel.advanceTimeBy(seconds, TimeUnit.SECONDS);
    channel.runPendingTasks();
  }

  @Test
  void connectionWithoutCallsEndsAtTheLimit() {
    EmbeddedChannel channel = channel();
    pass(channel, 59);
    assertThat(channel.isOpen()).isTrue();
    pass(channel, 1);
    assertThat(channel.isOpen()).isFalse();
  }

  @Test
  void connectionWithCallsIsToldAndCutAfterTheGrace() {
    Waiting http2 = new Waiting();
    EmbeddedChannel channel = channel(new ChannelInboundHandlerAdapter(), http2);
    pass(channel, 60);
    assertThat(http2.told).isEqualTo(1);
    pass(channel, 14);
    assertThat(channel.isOpen()).isTrue();
    pass(channel, 1);
    assertThat(channel.isOpen()).isFalse();
    assertThat(http2.told).isEqualTo(1);
  }

  @Test
  void endedConnectionLeavesNothingScheduled() {
    EmbeddedChannel channel = channel();
    assertThat(channel.runScheduledPendingTasks()).isPositive();
    // Not EmbeddedChannel.close, which cancels what is scheduled by itself.
    channel.pipeline().close();
    channel.runPendingTasks();
    assertThat(channel.runScheduledPendingTasks()).isEqualTo(-1);
  }

  @Test
  void clientThatAsksForACertificateIsGoneBeforeTheLimit() {
    // What ControlChannel and IdentityClient keep: a call of at most 10 s, idle for at most 30 s.
    assertThat(UncertifiedAge.DEFAULT.limit()).hasSeconds(60);
    assertThat(UncertifiedAge.DEFAULT.grace()).hasSeconds(15);
  }
}
