package io.signetmesh.policy.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.identity.channel.send.SendBudget;
import io.signetmesh.identity.channel.send.SendTurn;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyFeatures;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;

/** A stream of states to a client that takes its time. */
final class PortStreamTest {
  private final Queue<Runnable> tasks = new ArrayDeque<>();
  private final Client client = new Client();
  private final List<PortStream> ended = new ArrayList<>();
  private final PortStream stream =
      new PortStream(client, tasks::add, "", "", PolicyFeatures.ALL, () -> {}, ended::add);

  @Test
  void nothingIsSentByTheThreadThatBringsTheNews() {
    stream.onPolicy(state("a", 1));
    assertThat(client.taken).isEmpty();
    run();
    assertThat(client.taken).containsExactly(state("a", 1).stamped());
  }

  @Test
  void aSlowClientGetsTheNewestStateOnly() {
    client.ready = false;
    for (int generation = 1; generation <= 1_000; generation++) {
      stream.onPolicy(state("s" + generation, generation));
      run();
    }
    assertThat(client.taken).isEmpty();
    assertThat(stream.pending()).isEqualTo(state("s1000", 1_000));

    client.ready = true;
    stream.onReady();
    run();
    assertThat(client.taken).containsExactly(state("s1000", 1_000).stamped());
    assertThat(stream.pending()).isNull();
    assertThat(stream.sent()).isEqualTo(state("s1000", 1_000));
  }

  @Test
  void newsBringOneTaskAtATime() {
    for (int generation = 1; generation <= 100; generation++) {
      stream.onPolicy(state("s" + generation, generation));
    }
    assertThat(tasks).hasSize(1);
  }

  @Test
  void aStateThatReturnsBeforeItsSuccessorWasSentIsNotSentAgain() {
    stream.onPolicy(state("a", 1));
    run();
    client.ready = false;
    stream.onPolicy(state("b", 2));
    run();
    stream.onPolicy(state("a", 3));
    client.ready = true;
    stream.onReady();
    run();
    assertThat(client.taken).containsExactly(state("a", 1).stamped());
    assertThat(stream.pending()).isNull();
  }

  @Test
  void theStreamOfAWorkloadThatIsGoneEndsOnce() {
    stream.onPolicy(state("a", 1));
    stream.onWorkloadGone();
    stream.onCancel();
    run();
    stream.onPolicy(state("b", 2));
    run();
    assertThat(ended).containsExactly(stream);
  }

  @Test
  void closingCompletes() {
    stream.complete();
    run();
    assertThat(client.completed).isTrue();
    assertThat(ended).containsExactly(stream);
  }

  @Test
  void aWatchThatComesAfterTheEndIsClosed() {
    stream.onCancel();
    boolean[] closed = {false};
    stream.fedBy(() -> closed[0] = true);
    assertThat(closed[0]).isTrue();
  }

  @Test
  void theWatchIsClosedWithTheStream() {
    boolean[] closed = {false};
    stream.fedBy(() -> closed[0] = true);
    assertThat(closed[0]).isFalse();
    stream.onCancel();
    assertThat(closed[0]).isTrue();
  }

  @Test
  void aLargeStateWaitsUntilAnotherClientOfTheBudgetHasTakenIts() throws Exception {
    SendBudget budget = new SendBudget(10_000);
    Client second = new Client();
    PortStream stalled = in(budget, "a", client);
    PortStream waiting = in(budget, "b", second);
    EffectivePolicy large = state("s".repeat(8_000), 1);
    stalled.onPolicy(large);
    waiting.onPolicy(large);
    run();
    assertThat(client.taken).hasSize(1);
    assertThat(second.taken).isEmpty();
    assertThat(waiting.pending()).isEqualTo(large);
    // What is small needs no turn.
    PortStream third = in(budget, "c", new Client());
    third.onPolicy(state("s", 1));
    run();
    assertThat(third.sent()).isNotNull();

    // The state that is newest when its turn comes is the one that is sent.
    waiting.onPolicy(state("t".repeat(8_000), 2));
    run();
    assertThat(second.taken).isEmpty();
    stalled.onCancel();
    run();
    assertThat(second.taken).containsExactly(state("t".repeat(8_000), 2).stamped());
    waiting.onReady();
    assertThat(budget.spent()).isZero();
  }

  private PortStream in(SendBudget budget, String owner, Client of) throws Exception {
    return SendTurn.in(Context.current(), budget, owner)
        .call(
            () -> new PortStream(of, tasks::add, "", "", PolicyFeatures.ALL, () -> {}, ended::add));
  }

  private void run() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
  }

  private static EffectivePolicy state(String name, long generation) {
    return new EffectivePolicy(Server.newBuilder().putLabels("name", name).build(), generation);
  }

  private static final class Client extends ServerCallStreamObserver<Server> {
    final List<Server> taken = new ArrayList<>();
    boolean ready = true;
    boolean completed;

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public void onNext(Server message) {
      assertThat(ready).isTrue();
      assertThat(completed).isFalse();
      taken.add(message);
    }

    @Override
    public void onCompleted() {
      completed = true;
    }

    @Override
    public void onError(Throwable error) {
      throw new AssertionError(error);
    }

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public void setOnCancelHandler(Runnable handler) {}

    @Override
    public void setOnReadyHandler(Runnable handler) {}

    @Override
    public void setCompression(String compression) {}

    @Override
    public void disableAutoInboundFlowControl() {}

    @Override
    public void request(int count) {}

    @Override
    public void setMessageCompression(boolean enable) {}
  }
}
