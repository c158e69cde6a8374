package io.signetmesh.identity.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.node.WorkloadAuthorizer.Subject;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class WorkloadAuthorizerTest {
  private static final String SUFFIX = ".serviceaccount.identity.signet.cluster.local";
  private static final String WEB = "web.shop" + SUFFIX;

  private final WorkloadAuthorizer authorizer = new WorkloadAuthorizer("signet", "cluster.local");

  private static Caller named(String... names) {
    return new Caller.Identified(new PeerIdentity(names[0], List.of(names)));
  }

  private static Caller node(String name) {
    WorkloadIdentity identity = NodeIdentity.of(name, "signet", "cluster.local");
    return named(identity.dnsName(), identity.spiffeId());
  }

  private static Subject web(String node) {
    return new Subject("Pod shop/web", List.of(WEB), node);
  }

  private boolean allows(Caller caller, Subject subject) {
    return authorizer.refusal(caller, subject) == null;
  }

  private String reason(Caller caller, Subject subject) {
    Status refusal = Objects.requireNonNull(authorizer.refusal(caller, subject));
    assertThat(refusal.getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    return String.valueOf(refusal.getDescription());
  }

  @Test
  void aWorkloadSpeaksForItself() {
    assertThat(allows(named(WEB), web("n1"))).isTrue();
    assertThat(allows(named("api.shop" + SUFFIX), web("n1"))).isFalse();
  }

  @Test
  void aNodeSpeaksForTheWorkloadsThatArePlacedOnIt() {
    assertThat(allows(node("n1"), web("n1"))).isTrue();
    assertThat(allows(node("ip-10-0-0-1.internal"), web("ip-10-0-0-1.internal"))).isTrue();
    assertThat(reason(node("n1"), web("n2"))).contains("node-n1.signet", "on node n2");
  }

  @ParameterizedTest
  @CsvSource({
    "a,a-b",
    "a-b,a",
    "a,node-a",
    "node-a,a",
    "b,a-b",
    "a.b,a",
    "a,a.b",
    "a.b,a-b",
    "a-b,a.b"
  })
  void aNodeIsNotOneWhoseNameIsLikeItsOwn(String caller, String placed) {
    assertThat(allows(node(caller), web(placed))).isFalse();
  }

  @Test
  void nobodyIsTheNodeOfWhatIsOnNone() {
    assertThat(reason(node("n1"), web(""))).contains("is on no node");
    assertThat(reason(node("n1"), web("NOT A NODE"))).contains("node name");
    assertThat(allows(named("node-.signet" + SUFFIX), web(""))).isFalse();
  }

  @Test
  void aNodeOfAnotherTrustDomainOrControlPlaneIsNone() {
    assertThat(
            allows(named("node-n1.signet.serviceaccount.identity.signet.other.local"), web("n1")))
        .isFalse();
    assertThat(
            allows(named("node-n1.signet.serviceaccount.identity.other.cluster.local"), web("n1")))
        .isFalse();
    assertThat(allows(named("node-n1.shop" + SUFFIX), web("n1"))).isFalse();
    assertThat(allows(named("spiffe://other.local/ns/signet/sa/node-n1"), web("n1"))).isFalse();
    String name = "spiffe://cluster.local/ns/signet/sa/node-n1";
    assertThat(
            allows(new Caller.Identified(new PeerIdentity(name, List.of(name), true)), web("n1")))
        .isFalse();
  }

  @Test
  void aFederatedPeerIsNeverAWorkloadOfThisMesh() {
    Caller federated = new Caller.Identified(new PeerIdentity(WEB, List.of(WEB), true));
    assertThat(allows(federated, web("n1"))).isFalse();
  }

  @Test
  void aCertificateWithMoreNamesThanTheCaGivesANodeIsNone() {
    String n1 = "node-n1.signet" + SUFFIX;
    assertThat(allows(named(n1, "node-n2.signet" + SUFFIX), web("n1"))).isFalse();
    assertThat(allows(named("node-n2.signet" + SUFFIX, n1), web("n1"))).isFalse();
    assertThat(allows(named(n1, WEB), web("n1"))).isFalse();
    // Nor is it the workload: what is a node is nothing else.
    assertThat(allows(named(WEB, n1), web("n2"))).isFalse();
  }

  /** Else who writes a manifest could make a node the proxy of a workload that is elsewhere. */
  @Test
  void aWorkloadThatHasTheIdentityOfANodeIsNobodys() {
    for (String reserved :
        List.of("node-n1.signet" + SUFFIX, "spiffe://cluster.local/ns/signet/sa/node-n1")) {
      Subject claimed = new Subject("ExternalWorkload shop/vm", List.of(reserved), "");
      assertThat(allows(node("n1"), claimed)).isFalse();
      assertThat(reason(named(WEB), claimed)).contains("reserved for nodes");
    }
  }

  @Test
  void whatHasNoIdentityIsNobodys() {
    assertThat(reason(named(WEB), new Subject("Pod shop/web", List.of(), "n1")))
        .contains("no identity");
    assertThat(
            Objects.requireNonNull(authorizer.refusal(new Caller.Unidentified(), web("n1")))
                .getCode())
        .isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(allows(new Caller.TrustedLocal(), web("n1"))).isTrue();
  }
}
