package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.DefaultChannelId;
import io.netty.channel.embedded.EmbeddedChannel;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class HandshakeTurnsTest {
  private final EmbeddedChannel listener = new EmbeddedChannel();
  private final List<EmbeddedChannel> channels = new ArrayList<>();
  private final ConnectionBudget connections = new ConnectionBudget(1000);

  /** All tasks of a test run on the loop of this channel. */
  private final EmbeddedChannel loop = channel();

  private long nanos;
  private final HandshakeTurns turns =
      new HandshakeTurns(loop.eventLoop(), connections, () -> nanos);

  @AfterEach
  void close() {
    channels.forEach(EmbeddedChannel::finishAndReleaseAll);
  }

  @Test
  void aLoneConnectionBeginsInTheNextRound() {
    EmbeddedChannel only = add("10.0.0.1");
    assertThat(only.config().isAutoRead()).isFalse();

    round();

    assertThat(only.config().isAutoRead()).isTrue();
  }

  @Test
  void aRoundBeginsAFewInTheOrderOfTheirArrival() {
    List<EmbeddedChannel> all = new ArrayList<>();
    for (int i = 0; i < 3 * HandshakeTurns.PER_ROUND - 1; i++) {
      all.add(add("10.0.1." + i));
    }

    for (int rounds = 1; rounds <= 3; rounds++) {
      round();
      int begun = Math.min(rounds * HandshakeTurns.PER_ROUND, all.size());
      assertThat(all.subList(0, begun)).allMatch(channel -> channel.config().isAutoRead());
      assertThat(all.subList(begun, all.size()))
          .noneMatch(channel -> channel.config().isAutoRead());
    }
  }

  @Test
  void theFloodOfOneAddressDelaysNobodyElse() {
    for (int i = 0; i < 500; i++) {
      add("10.0.0.1");
    }
    EmbeddedChannel other = add("10.0.0.2");
    EmbeddedChannel sameHost = add("2001:db8::1");
    add("2001:db8::2");

    round();

    assertThat(other.config().isAutoRead()).isTrue();
    assertThat(sameHost.config().isAutoRead()).isTrue();
  }

  @Test
  void whoHasWaitedForTooLongIsClosedAndTakesNoTurn() {
    List<EmbeddedChannel> late = new ArrayList<>();
    for (int i = 0; i < 2 * HandshakeTurns.PER_ROUND; i++) {
      late.add(add("10.0.1." + i));
    }
    nanos += HandshakeTurns.LONGEST_WAIT.toNanos() + 1;
    EmbeddedChannel fresh = add("10.0.2.1");

    round();

    assertThat(late).noneMatch(EmbeddedChannel::isOpen);
    assertThat(fresh.config().isAutoRead()).isTrue();
    assertThat(connections.refused()).isEqualTo(late.size());
  }

  @Test
  void whoHasLeftTakesNoTurn() {
    List<EmbeddedChannel> gone = new ArrayList<>();
    for (int i = 0; i < HandshakeTurns.PER_ROUND; i++) {
      gone.add(add("10.0.1." + i));
    }
    EmbeddedChannel here = add("10.0.2.1");
    gone.forEach(EmbeddedChannel::close);

    round();

    assertThat(here.config().isAutoRead()).isTrue();
    assertThat(connections.refused()).isZero();
  }

  @Test
  void nobodyIsAcceptedWhileVeryManyAddressesWait() {
    for (int i = 0; i < HandshakeTurns.MOST_ADDRESSES - 1; i++) {
      add("10.0.%d.%d".formatted(i / 100, i % 100));
      add("10.0.0.0");
    }
    assertThat(listener.config().isAutoRead()).isTrue();

    add("10.1.0.0");
    assertThat(listener.config().isAutoRead()).isFalse();

    // None of them sends anything.
    rounds(2 * HandshakeTurns.MOST_ADDRESSES);
    assertThat(listener.config().isAutoRead()).isTrue();
  }

  @Test
  void fewAddressesWithManyConnectionsDoNotKeepTheServerFromAccepting() {
    for (int queued = 0; queued < 60; queued++) {
      for (int i = 0; i < HandshakeTurns.MOST_ADDRESSES; i++) {
        add("10.0.%d.%d".formatted(i / 100, i % 100));
      }
    }
    assertThat(listener.config().isAutoRead()).isFalse();

    rounds(HandshakeTurns.MOST_OF_ONE * HandshakeTurns.MOST_ADDRESSES);

    assertThat(listener.config().isAutoRead()).isTrue();
  }

  @Test
  void handshakesInProgressAreBoundedAndEachThatEndsHasTheNextBegin() {
    List<EmbeddedChannel> all = new ArrayList<>();
    List<HandshakeTurns.Turn> begun = new ArrayList<>();
    for (int i = 0; i < HandshakeTurns.MOST_IN_PROGRESS + 3; i++) {
      EmbeddedChannel channel = channel();
      all.add(channel);
      begun.add(
          turns.add(channel, InetAddress.ofLiteral("10.0.%d.%d".formatted(i / 100, i % 100))));
    }
    for (int i = 0; i < 2 * HandshakeTurns.MOST_IN_PROGRESS / HandshakeTurns.PER_ROUND; i++) {
      round();
    }
    assertThat(all.stream().filter(channel -> channel.config().isAutoRead()))
        .hasSize(HandshakeTurns.MOST_IN_PROGRESS);

    begun.getFirst().end();
    begun.getFirst().end();
    round();
    assertThat(all.stream().filter(channel -> channel.config().isAutoRead()))
        .hasSize(HandshakeTurns.MOST_IN_PROGRESS + 1);

    // Whoever says nothing has had its second.
    loop.advanceTimeBy(HandshakeTurns.LONGEST_HOLD.toMillis(), TimeUnit.MILLISECONDS);
    loop.runScheduledPendingTasks();
    round();
    assertThat(all).allMatch(channel -> channel.config().isAutoRead());
  }

  /** As many rounds as begin that many handshakes, whose clients say nothing. */
  private void rounds(int handshakes) {
    for (int i = 0; i < handshakes / HandshakeTurns.PER_ROUND; i++) {
      round();
      if (i % (HandshakeTurns.MOST_IN_PROGRESS / HandshakeTurns.PER_ROUND) == 0) {
        loop.advanceTimeBy(HandshakeTurns.LONGEST_HOLD.toMillis(), TimeUnit.MILLISECONDS);
      }
    }
  }

  /** Tasks that are due run; those that they schedule do not. */
  private void round() {
    loop.advanceTimeBy(1, TimeUnit.MILLISECONDS);
    loop.runScheduledPendingTasks();
  }

  private EmbeddedChannel add(String address) {
    EmbeddedChannel channel = channel();
    turns.add(channel, InetAddress.ofLiteral(address));
    return channel;
  }

  private EmbeddedChannel channel() {
    EmbeddedChannel channel =
        new EmbeddedChannel(
            listener,
            DefaultChannelId.newInstance(),
            true,
            false,
            new ChannelInboundHandlerAdapter());
    channel.freezeTime();
    channels.add(channel);
    return channel;
  }
}
