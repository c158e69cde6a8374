package io.signetmesh.proxy.http.h2;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PingWatchTest {
  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final FakePeer peer = new FakePeer();
  private PingWatch watch = watch(Http2KeepAlive.DEFAULT);

  @BeforeEach
  void freeze() {
    channel.freezeTime();
    watch.start();
  }

  private PingWatch watch(Http2KeepAlive keepAlive) {
    return new PingWatch(keepAlive, channel.eventLoop(), peer);
  }

  private void pass(long millis) {
    channel.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
    channel.runScheduledPendingTasks();
  }

  @Test
  void aPeerThatIsSilentForTheIntervalIsAskedAndForTheTimeoutMoreIsGone() {
    pass(9_999);
    assertThat(peer.pings).isEmpty();
    pass(1);
    assertThat(peer.pings).hasSize(1);
    pass(2_999);
    assertThat(peer.silences).isEmpty();
    pass(1);
    assertThat(peer.silences).containsExactly(Duration.ofSeconds(13));
    pass(100_000);
    assertThat(peer.pings).hasSize(1);
    assertThat(peer.silences).hasSize(1);
  }

  @Test
  void aPeerThatAnswersIsAskedAgainAfterTheInterval() {
    for (int i = 1; i <= 5; i++) {
      pass(10_000);
      assertThat(peer.pings).hasSize(i);
      watch.heard();
      pass(3_000);
      // The interval counts from the answer: it is past after this.
      pass(7_000 - 3_000);
      pass(3_000 - 1);
      assertThat(peer.pings).hasSize(i);
      watch.heard();
      pass(1);
    }
    assertThat(peer.silences).isEmpty();
  }

  @Test
  void aPeerThatSendsIsNotAsked() {
    for (int i = 0; i < 10; i++) {
      pass(9_000);
      watch.heard();
    }
    assertThat(peer.pings).isEmpty();
  }

  @Test
  void anyByteAnswers() {
    pass(10_000);
    pass(2_900);
    watch.heard();
    pass(9_000);
    assertThat(peer.silences).isEmpty();
    assertThat(peer.pings).hasSize(1);
  }

  @Test
  void whileReadingIsHeldNoAnswerIsExpected() {
    pass(10_000);
    peer.read = false;
    pass(30_000);
    assertThat(peer.silences).isEmpty();
    peer.read = true;
    pass(3_000);
    assertThat(peer.silences).hasSize(1);
  }

  @Test
  void theTimeCountsFromWhenThePingHasLeft() {
    peer.leaves = false;
    pass(10_000);
    for (int i = 0; i < 10; i++) {
      pass(3_000);
    }
    assertThat(peer.silences).isEmpty();
    peer.pings.getFirst().setSuccess();
    pass(3_000);
    assertThat(peer.silences).hasSize(1);
  }

  @Test
  void aPeerThatTakesWhatIsBeforeThePingIsNotGone() {
    pass(10_000);
    peer.taking = true;
    for (int i = 0; i < 10; i++) {
      pass(3_000);
    }
    assertThat(peer.silences).isEmpty();
    peer.taking = false;
    pass(3_000);
    assertThat(peer.silences).hasSize(1);
  }

  @Test
  void aLoopThatWasLateWaitsOnceMore() {
    pass(10_000);
    pass(60_000);
    assertThat(peer.silences).isEmpty();
    pass(3_000);
    assertThat(peer.silences).hasSize(1);
  }

  @Test
  void withoutStreamsNothingIsAskedWhereThatIsWanted() {
    watch.stop();
    peer.streams = false;
    watch = watch(new Http2KeepAlive(Duration.ofSeconds(1), Duration.ofSeconds(1), false));
    watch.start();
    for (int i = 0; i < 20; i++) {
      pass(1_000);
    }
    assertThat(peer.pings).isEmpty();
    peer.streams = true;
    pass(1_000);
    assertThat(peer.pings).hasSize(1);
  }

  @Test
  void nothingIsAskedWhereThatIsOff() {
    watch.stop();
    watch = watch(Http2KeepAlive.OFF);
    watch.start();
    pass(100_000);
    assertThat(peer.pings).isEmpty();
  }

  @Test
  void aConnectionThatHasEndedIsNotLookedAt() {
    pass(10_000);
    watch.stop();
    pass(100_000);
    assertThat(peer.silences).isEmpty();
    assertThat(channel.hasPendingTasks()).isFalse();
  }

  private final class FakePeer implements PingWatch.Peer {
    final List<ChannelPromise> pings = new ArrayList<>();
    final List<@Nullable Duration> silences = new ArrayList<>();
    boolean streams = true;
    boolean read = true;
    boolean leaves = true;
    boolean taking;

    @Override
    public boolean hasStreams() {
      return streams;
    }

    @Override
    public boolean isRead() {
      return read;
    }

    @Override
    public ChannelFuture ping() {
      ChannelPromise left = channel.newPromise();
      pings.add(left);
      return leaves ? left.setSuccess() : left;
    }

    @Override
    public boolean isTaking() {
      return taking;
    }

    @Override
    public void silent(Duration silence) {
      silences.add(silence);
    }
  }
}
