package io.signetmesh.discovery.caller;

import static io.signetmesh.discovery.ClusterFixture.pod;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.discovery.ClusterFixture;
import io.signetmesh.discovery.topology.Topology;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.node.NodeIdentity;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class NodeStreamsTest {
  private static final CallerClaim WEB = new CallerClaim("shop", "web", null, "");
  private static final CallerClaim OTHER = new CallerClaim("shop", "other", null, "");

  private final ClusterFixture cluster =
      new ClusterFixture()
          .with(pod("shop", "web", "10.0.0.1"))
          .with(pod("shop", "other", "10.0.0.2"));
  private final NodeStreams streams;

  NodeStreamsTest() {
    cluster.publish();
    streams = new NodeStreams(new CallerCheck("signet", "cluster.local"), cluster.live());
  }

  private static Caller node() {
    WorkloadIdentity identity = NodeIdentity.of("node-a", "signet", "cluster.local");
    return new Caller.Identified(
        new PeerIdentity(identity.dnsName(), List.of(identity.dnsName(), identity.spiffeId())));
  }

  private static Caller web() {
    String name = "web-sa.shop.serviceaccount.identity.signet.cluster.local";
    return new Caller.Identified(new PeerIdentity(name, List.of(name)));
  }

  private static AtomicInteger looks(NodeStreams.Registration registration) {
    AtomicInteger looks = new AtomicInteger();
    registration.onChange(looks::incrementAndGet);
    return looks;
  }

  @Test
  void onlyTheStreamsOfPodsThatHaveChangedAreLookedAt() {
    NodeStreams.Registration ofWeb = streams.register(node(), WEB);
    NodeStreams.Registration ofOther = streams.register(node(), OTHER);
    AtomicInteger web = looks(ofWeb);
    AtomicInteger other = looks(ofOther);
    cluster.publish();
    assertThat(web).hasValue(0);
    cluster.with(pod("shop", "web", "10.0.0.9"));
    cluster.publish();
    assertThat(web).hasValue(1);
    assertThat(other).hasValue(0);
    assertThat(ofWeb.refusal()).as("it has another address, on the same node").isNull();

    cluster.live().replace(Topology.EMPTY);
    assertThat(web).hasValue(2);
    assertThat(other).hasValue(1);
    assertThat(Objects.requireNonNull(ofWeb.refusal()).getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void theStreamsOfANodeForOnePodAreBoundedAndThoseForAnotherAreNot() {
    List<NodeStreams.Registration> open = new ArrayList<>();
    for (int i = 0; i < NodeStreams.MOST_OF_WORKLOAD; i++) {
      open.add(streams.register(node(), WEB));
    }
    assertThatThrownBy(() -> streams.register(node(), WEB))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("RESOURCE_EXHAUSTED")
        .hasMessageContaining("4096 streams for pod shop/web");
    streams.register(node(), OTHER);
    streams.register(web(), WEB);
    open.getFirst().over();
    open.getFirst().over();
    streams.register(node(), WEB);
    assertThatThrownBy(() -> streams.register(node(), WEB))
        .isInstanceOf(StatusRuntimeException.class);
  }

  @Test
  void whatIsOverIsForgottenAndOnceOnly() {
    NodeStreams.Registration one = streams.register(node(), WEB);
    NodeStreams.Registration two = streams.register(node(), WEB);
    one.over();
    one.over();
    assertThat(streams.size()).isEqualTo(1);
    two.over();
    assertThat(streams.size()).isZero();
  }

  @Test
  void aWorkloadsOwnStreamsAreNeitherCountedNorRefused() {
    NodeStreams.Registration own = streams.register(web(), WEB);
    assertThat(streams.size()).isZero();
    cluster.live().replace(Topology.EMPTY);
    assertThat(own.refusal()).isNull();
    assertThat(own.account()).startsWith("web-sa.shop");
    assertThat(streams.register(node(), WEB).account())
        .as("undeclared ports count for the workload")
        .endsWith(" for shop/web");
  }
}
