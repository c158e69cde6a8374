package io.signetmesh.cli.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cluster.DirectorySource;
import io.signetmesh.discovery.topology.ClusterTopology;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.node.NodeIdentity;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class ClusterRightsTest {
  private static final MeshNames NAMES = MeshNames.DEFAULT;

  @TempDir private Path manifests;

  private static Caller workload(String namespace, String serviceAccount) {
    return caller(NAMES.identity(namespace, serviceAccount));
  }

  private static Caller node(String name) {
    return caller(NodeIdentity.of(name, "linkerd", "cluster.local"));
  }

  private static Caller caller(WorkloadIdentity identity) {
    return new Caller.Identified(
        new PeerIdentity(identity.dnsName(), List.of(identity.dnsName(), identity.spiffeId())));
  }

  private void place(String node) throws Exception {
    Files.writeString(
        manifests.resolve("web.yaml"),
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: web
          namespace: shop
          labels: {linkerd.io/control-plane-ns: linkerd}
        spec:
          nodeName: %s
          serviceAccountName: web
          containers: [{name: app, image: example/web}]
        """
            .formatted(node));
  }

  @Test
  void aWorkloadSpeaksForItselfAndANodeForWhatIsPlacedOnIt() throws Exception {
    place("n1");
    AtomicReference<Instant> now = new AtomicReference<>(Instant.EPOCH);
    try (DirectorySource source = DirectorySource.open(manifests, null);
        ClusterTopology topology = new ClusterTopology(source)) {
      ClusterRights rights = new ClusterRights(NAMES, topology, now::get);

      assertThat(rights.speaksFor(workload("shop", "web"), "shop/web")).isTrue();
      assertThat(rights.speaksFor(workload("shop", "other"), "shop/web")).isFalse();
      assertThat(rights.speaksFor(node("n1"), "shop/web")).isTrue();
      assertThat(rights.speaksFor(node("n2"), "shop/web")).isFalse();
      // Not known to the cluster: the namespace decides.
      assertThat(rights.speaksFor(workload("shop", "other"), "shop/gone")).isTrue();
      assertThat(rights.speaksFor(workload("bank", "web"), "shop/gone")).isFalse();
      assertThat(rights.speaksFor(node("n1"), "shop/gone")).isFalse();
      assertThat(rights.speaksFor(workload("shop", "web"), "shop")).isFalse();
      assertThat(rights.speaksFor(workload("shop", "web"), "shop/" + "x".repeat(60_000))).isFalse();
      assertThat(rights.isControlPlane(node("n1"))).isFalse();
      assertThat(rights.isControlPlane(caller(NAMES.policyServer()))).isTrue();

      Object before = topology.current();
      place("n2");
      while (topology.current() == before) {
        Thread.onSpinWait();
      }
      assertThat(rights.speaksFor(node("n2"), "shop/web")).isTrue();
      assertThat(rights.speaksFor(node("n1"), "shop/web")).isTrue();
      now.set(Instant.EPOCH.plus(Duration.ofMinutes(16)));
      assertThat(rights.speaksFor(node("n1"), "shop/web")).isFalse();
      assertThat(rights.speaksFor(node("n2"), "shop/web")).isTrue();
    }
  }

  @Test
  void theGraceBeginsWithTheChangeAndNotWithAQuestion() throws Exception {
    place("n1");
    AtomicReference<Instant> now = new AtomicReference<>(Instant.EPOCH);
    try (DirectorySource source = DirectorySource.open(manifests, null);
        ClusterTopology topology = new ClusterTopology(source)) {
      ClusterRights rights = new ClusterRights(NAMES, topology, now::get);
      assertThat(rights.speaksFor(node("n1"), "shop/web")).isTrue();
      CountDownLatch told = told(topology);
      place("n2");
      told.await();

      // Nobody asks for an hour.
      now.set(Instant.EPOCH.plus(Duration.ofMinutes(60)));
      assertThat(rights.speaksFor(node("n1"), "shop/web")).isFalse();
    }
  }

  @Test
  void theGraceIsForWhoNeverAskedBeforeAndOutlivesAllQuestions() throws Exception {
    place("n1");
    AtomicReference<Instant> now = new AtomicReference<>(Instant.EPOCH);
    try (DirectorySource source = DirectorySource.open(manifests, null);
        ClusterTopology topology = new ClusterTopology(source)) {
      ClusterRights rights = new ClusterRights(NAMES, topology, now::get);
      CountDownLatch told = told(topology);
      Files.delete(manifests.resolve("web.yaml"));
      told.await();
      now.set(Instant.EPOCH.plus(Duration.ofMinutes(14)));

      for (int i = 0; i < 20_000; i++) {
        assertThat(rights.speaksFor(workload("shop", "web"), "shop/x" + i)).isTrue();
      }
      assertThat(rights.speaksFor(node("n1"), "shop/web")).isTrue();
      assertThat(rights.speaksFor(node("n2"), "shop/web")).isFalse();
      now.set(Instant.EPOCH.plus(Duration.ofMinutes(15)));
      assertThat(rights.speaksFor(node("n1"), "shop/web")).isFalse();
    }
  }

  /** Is counted down once the listeners that were there before have been told of a change. */
  private static CountDownLatch told(ClusterTopology topology) {
    CountDownLatch told = new CountDownLatch(1);
    topology.onChange(told::countDown);
    return told;
  }
}
