package io.signetmesh.proxy.outbound;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.netty.util.concurrent.Promise;
import io.signetmesh.proxy.upstream.Upstream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each state alone: what it finds, and what it gives back when it is left before. */
class OutboundStateTest {
  private final TestUpstream destination = new TestUpstream(Upstream.Protocol.OPAQUE, false);
  private final List<String> told = new ArrayList<>();
  private final List<ChosenEndpoint> chosenEndpoints = new ArrayList<>();

  private static <T> Promise<T> promise() {
    return ImmediateEventExecutor.INSTANCE.newPromise();
  }

  private Resolving resolving(Promise<Upstream> answer, ChosenEndpoint chosen) {
    return new Resolving(
        answer,
        chosen,
        (kept, upstream) -> {
          told.add("resolved");
          chosenEndpoints.add(kept);
        },
        cause -> told.add("failed"));
  }

  @Test
  void whatWasPickedIsHandedOnWithTheDestination() {
    Promise<Upstream> answer = promise();
    ChosenEndpoint chosen = new ChosenEndpoint.Picked(destination.pick());
    Resolving state = resolving(answer, chosen);
    state.enter();
    assertThat(told).isEmpty();
    answer.setSuccess(destination);
    state.leave();
    assertThat(told).containsExactly("resolved");
    assertThat(chosenEndpoints).containsExactly(chosen);
    assertThat(destination.leases()).isEqualTo(1);
  }

  @Test
  void whatWasPickedIsGivenBackWhenThereIsNoDestination() {
    Promise<Upstream> answer = promise();
    Resolving state = resolving(answer, new ChosenEndpoint.Picked(destination.pick()));
    state.enter();
    answer.setFailure(new IllegalStateException("no destination"));
    state.leave();
    assertThat(told).containsExactly("failed");
    assertThat(destination.leases()).isZero();
  }

  @Test
  void anAnswerAfterTheStateWasLeftIsNotHeard() {
    Promise<Upstream> answer = promise();
    EmbeddedChannel peer = new EmbeddedChannel();
    Upstream.Lease lease = destination.pick();
    Resolving state =
        resolving(answer, new ChosenEndpoint.Connected(lease.endpoint(), lease, peer));
    state.enter();
    state.leave();
    answer.setSuccess(destination);
    assertThat(told).isEmpty();
    assertThat(destination.leases()).isZero();
    assertThat(peer.isOpen()).isFalse();
  }

  @Test
  void anEndpointThatIsReadyTooLateIsGivenBack() {
    Promise<Upstream.Lease> picking = promise();
    AwaitingEndpoint state =
        new AwaitingEndpoint(picking, chosenEndpoints::add, () -> told.add("no endpoint"));
    state.enter();
    state.leave();
    picking.setSuccess(destination.pick());
    assertThat(chosenEndpoints).isEmpty();
    assertThat(destination.leases()).isZero();
  }

  @Test
  void threeEndpointsAreTried() {
    List<Promise<Channel>> dials = new ArrayList<>();
    Dialling state = dialling(dials);
    state.enter();
    for (int i = 0; i < 3; i++) {
      assertThat(told).isEmpty();
      dials.get(i).setFailure(new IllegalStateException("refused"));
    }
    assertThat(dials).hasSize(3);
    assertThat(told).containsExactly("failed");
    assertThat(destination.failures()).isEqualTo(3);
    assertThat(destination.leases()).isZero();
  }

  @Test
  void aConnectionThatComesTooLateIsClosed() {
    List<Promise<Channel>> dials = new ArrayList<>();
    Dialling state = dialling(dials);
    state.enter();
    state.leave();
    EmbeddedChannel peer = new EmbeddedChannel();
    dials.getFirst().setSuccess(peer);
    assertThat(chosenEndpoints).isEmpty();
    assertThat(destination.leases()).isZero();
    assertThat(peer.isOpen()).isFalse();
  }

  private Dialling dialling(List<Promise<Channel>> dials) {
    return new Dialling(
        destination,
        destination.pick(),
        endpoint -> {
          Promise<Channel> dial = promise();
          dials.add(dial);
          return dial;
        },
        chosenEndpoints::add,
        () -> told.add("failed"));
  }
}
