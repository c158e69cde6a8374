package io.signetmesh.proxy.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** On a loop whose turns the test makes. */
final class AdminTurnsTest {
  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final AdminTurns turns = new AdminTurns(channel.eventLoop());
  private final EmbeddedChannel connection = new EmbeddedChannel();
  private final List<String> done = new ArrayList<>();

  @BeforeEach
  void freeze() {
    channel.freezeTime();
  }

  /** The loop looks for events, and then runs what is due. */
  private void turn() {
    channel.advanceTimeBy(1, TimeUnit.NANOSECONDS);
    channel.runScheduledPendingTasks();
  }

  private AdminTurns.@Nullable Piece add(
      AdminTurns.Turn turn, EmbeddedChannel connection, String name) {
    return turn.execute(connection, () -> done.add(name), () -> done.add("no " + name));
  }

  @Test
  void aServerWithManyPiecesOfWorkDelaysAnotherByOne() {
    AdminTurns.Turn flood = turns.newTurn(200);
    AdminTurns.Turn calm = turns.newTurn(200);
    for (int i = 0; i < 100; i++) {
      add(flood, connection, "flood");
    }
    assertThat(done).as("one at once").containsExactly("flood");
    add(calm, connection, "calm");
    turn();
    turn();
    assertThat(done).containsExactly("flood", "flood", "calm");
    for (int i = 0; i < 98; i++) {
      assertThat(done).hasSize(3 + i);
      turn();
    }
    assertThat(done).hasSize(101);
    turn();
    add(calm, connection, "late");
    assertThat(done).as("nobody else has anything to do").last().isEqualTo("late");
  }

  @Test
  void aPieceOfWorkThatFailsKeepsNoOther() {
    AdminTurns.Turn faulty = turns.newTurn(200);
    add(faulty, connection, "first");
    EmbeddedChannel failing = new EmbeddedChannel();
    faulty.execute(
        failing,
        () -> {
          throw new AssertionError("fails");
        },
        () -> {});
    add(faulty, connection, "last");
    turn();
    turn();
    assertThat(done).containsExactly("first", "last");
    assertThat(failing.isOpen()).as("nobody would answer on it").isFalse();
    assertThat(connection.isOpen()).isTrue();
  }

  @Test
  void noMoreWaitsForAServerThanItHasConnections() {
    AdminTurns.Turn server = turns.newTurn(2);
    add(server, connection, "first");
    List<EmbeddedChannel> all = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      all.add(new EmbeddedChannel());
      add(server, all.get(i), String.valueOf(i));
    }
    assertThat(done).containsExactly("first", "no 2");
    assertThat(all).extracting(EmbeddedChannel::isOpen).containsExactly(true, true, false);
  }

  @Test
  void aServerWhosePiecesWereAllDroppedHasNoTurn() {
    AdminTurns.Turn gone = turns.newTurn(2);
    AdminTurns.Turn other = turns.newTurn(2);
    add(gone, connection, "first");
    for (int i = 0; i < 3; i++) {
      Objects.requireNonNull(add(gone, connection, "dropped")).drop();
    }
    add(other, connection, "other");
    turn();
    assertThat(done).containsExactly("first", "no dropped", "no dropped", "no dropped", "other");
  }

  @Test
  void whatARequestHoldsIsReleasedWhenItsConnectionClosesBeforeItsTurn() {
    AdminTurns.Turn server = turns.newTurn(2);
    add(server, connection, "first");
    AdminConnections.Share room = new AdminConnections(8, 1024).share(8);
    EmbeddedChannel asking =
        new EmbeddedChannel(
            new AdminConnection(
                (peer, request) -> {
                  throw new AssertionError("answered");
                },
                null,
                server,
                room,
                Duration.ofSeconds(15)));
    FullHttpRequest request =
        new DefaultFullHttpRequest(
            HttpVersion.HTTP_1_1, HttpMethod.GET, "/metrics", Unpooled.buffer(16));
    asking.writeInbound(request);
    assertThat(request.refCnt()).as("waits").isEqualTo(1);
    asking.close();
    asking.runPendingTasks();
    assertThat(request.refCnt()).isZero();
  }
}
