package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Turns of requests in doubt; time passes where a test says so. */
class ProofTurnsTest {
  private static final int MANY = 3 * ProofTurns.PLACES;

  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final ProofTurns turns = new ProofTurns(channel.eventLoop());
  private final List<String> told = new ArrayList<>();
  private final List<String> cut = new ArrayList<>();

  @BeforeEach
  void freeze() {
    channel.freezeTime();
  }

  @AfterEach
  void stop() {
    channel.close();
  }

  private ProofTurns.Turn begin(Object client, String name) {
    return turns.begin(client, () -> told.add(name), () -> cut.add(name));
  }

  private void pass(long millis) {
    channel.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
    channel.runScheduledPendingTasks();
    channel.runPendingTasks();
  }

  private List<ProofTurns.Turn> beginMany() {
    List<ProofTurns.Turn> all = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      ProofTurns.Turn turn = begin("a", "a" + i);
      assertThat(turn.take()).isEqualTo(i < ProofTurns.PLACES);
      assertThat(turn.take()).as("asks again").isEqualTo(i < ProofTurns.PLACES);
      all.add(turn);
    }
    return all;
  }

  @Test
  void requestsOfAClientTakeTurnsInTheirOrderAndOthersHaveTheirOwnPlaces() {
    List<ProofTurns.Turn> all = beginMany();
    assertThat(begin("b", "b").take()).isTrue();
    assertThat(told).isEmpty();
    all.get(3).end(true);
    // One that waits and is over leaves its turn to the next.
    all.get(ProofTurns.PLACES + 1).end(true);
    all.get(4).end(true);
    all.get(4).end(true);
    channel.runPendingTasks();
    assertThat(told).containsExactly("a" + ProofTurns.PLACES, "a" + (ProofTurns.PLACES + 2));
    assertThat(all.get(ProofTurns.PLACES).take()).isTrue();
    assertThat(all.get(ProofTurns.PLACES + 3).take()).isFalse();
  }

  @Test
  void nobodyIsCutWhileTheRequestsOfItsClientAreDecided() {
    List<ProofTurns.Turn> all = beginMany();
    // Longer than one may be without any decision.
    for (int i = 0; i < MANY; i++) {
      pass(ProofTurns.MAX_SILENCE.toMillis() * 2 / MANY);
      assertThat(all.get(i).take()).isTrue();
      all.get(i).end(true);
    }
    pass(ProofTurns.MAX_DOUBT.toMillis());
    assertThat(cut).isEmpty();
  }

  @Test
  void requestsOfAClientOfWhichNoneIsDecidedAreCutAndThoseOfOthersAreNot() {
    begin("a", "a").take();
    begin("a", "waits").take();
    pass(ProofTurns.MAX_SILENCE.toMillis() - 1);
    ProofTurns.Turn other = begin("b", "b");
    assertThat(cut).isEmpty();
    pass(1);
    assertThat(cut).containsExactlyInAnyOrder("a", "waits");
    other.end(true);
    pass(ProofTurns.MAX_DOUBT.toMillis());
    assertThat(cut).hasSize(2);
  }

  @Test
  void requestsThatAreOverAreNotDecidedAndKeepNoOtherInFlight() {
    begin("a", "revoked");
    for (long millis = 0; millis < ProofTurns.MAX_SILENCE.toMillis(); millis += 1_000) {
      assertThat(cut).isEmpty();
      begin("a", "ended by the client").end(false);
      pass(1_000);
    }
    assertThat(cut).containsExactly("revoked");
    // One that comes into doubt now has time of its own.
    begin("a", "next");
    pass(ProofTurns.MAX_SILENCE.toMillis() - 1);
    assertThat(cut).containsExactly("revoked");
    pass(1);
    assertThat(cut).containsExactly("revoked", "next");
  }

  @Test
  void noRequestIsInDoubtForLongerThanThatWhateverBecomesOfOthers() {
    begin("a", "revoked");
    for (long millis = 0; millis < ProofTurns.MAX_DOUBT.toMillis(); millis += 1_000) {
      assertThat(cut).isEmpty();
      begin("a", "other").end(true);
      pass(1_000);
    }
    assertThat(cut).containsExactly("revoked");
  }

  @Test
  void aTurnThatComesAfterTheRequestIsOverIsNotTold() {
    List<ProofTurns.Turn> all = beginMany();
    Objects.requireNonNull(all.getFirst()).end(true);
    all.get(ProofTurns.PLACES).end(true);
    channel.runPendingTasks();
    assertThat(told).containsExactly("a" + (ProofTurns.PLACES + 1));
  }
}
