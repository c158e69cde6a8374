package io.signetmesh.proxy.http.h1;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.DuplexChannel;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** How long the end of a connection may take, in time that the test moves. */
class LingeringCloseTimeTest {
  private static final int PENDING = 5_000;

  /** What waits takes 10 s at the least rate. */
  private static final long MOST =
      LingeringClose.MAX_DELIVERY_MILLIS + PENDING * 1000L / LingeringClose.LEAST_RATE + 1_000;

  private final Client channel = new Client();

  /** A client that takes bytes or does not. */
  private static final class Client extends EmbeddedChannel implements DuplexChannel {
    private boolean taking;
    private boolean ended;

    @Override
    protected void doWrite(ChannelOutboundBuffer in) throws Exception {
      if (taking) {
        super.doWrite(in);
      }
    }

    @Override
    public boolean isInputShutdown() {
      return false;
    }

    @Override
    public ChannelFuture shutdownInput() {
      return newSucceededFuture();
    }

    @Override
    public ChannelFuture shutdownInput(ChannelPromise promise) {
      return promise.setSuccess();
    }

    @Override
    public boolean isOutputShutdown() {
      return ended;
    }

    @Override
    public ChannelFuture shutdownOutput() {
      ended = true;
      return newSucceededFuture();
    }

    @Override
    public ChannelFuture shutdownOutput(ChannelPromise promise) {
      ended = true;
      return promise.setSuccess();
    }

    @Override
    public boolean isShutdown() {
      return false;
    }

    @Override
    public ChannelFuture shutdown() {
      return newSucceededFuture();
    }

    @Override
    public ChannelFuture shutdown(ChannelPromise promise) {
      return promise.setSuccess();
    }
  }

  static java.util.stream.Stream<Consumer<io.netty.channel.Channel>> ends() {
    return java.util.stream.Stream.of(LingeringClose::begin, LingeringClose::closeOnceWritten);
  }

  private void pass(long millis) {
    channel.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
    channel.runPendingTasks();
    channel.runScheduledPendingTasks();
  }

  @ParameterizedTest
  @MethodSource("ends")
  void clientThatDoesNotReadItsLastAnswerIsWaitedForNoLongerThanTheLeastRateAllows(
      Consumer<io.netty.channel.Channel> end) {
    channel.freezeTime();
    channel.write(Unpooled.wrappedBuffer(new byte[PENDING]));
    end.accept(channel);
    pass(LingeringClose.MAX_DELIVERY_MILLIS);
    assertThat(channel.isOpen()).isTrue();
    pass(MOST - LingeringClose.MAX_DELIVERY_MILLIS);
    assertThat(channel.isOpen()).isFalse();
  }

  @Test
  void clientThatReadsIsEndedAsSoonAsItIsQuiet() {
    channel.freezeTime();
    channel.taking = true;
    channel.write(Unpooled.wrappedBuffer(new byte[PENDING]));
    LingeringClose.begin(channel);
    channel.runPendingTasks();
    assertThat(channel.ended).isTrue();
    pass(LingeringClose.QUIET_MILLIS + 1);
    assertThat(channel.isOpen()).isFalse();
    assertThat(channel.hasPendingTasks()).isFalse();
    channel.releaseOutbound();
  }
}
