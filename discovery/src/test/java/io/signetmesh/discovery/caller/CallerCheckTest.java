package io.signetmesh.discovery.caller;

import static io.signetmesh.discovery.ClusterFixture.external;
import static io.signetmesh.discovery.ClusterFixture.pod;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.discovery.ClusterFixture;
import io.signetmesh.discovery.topology.Topology;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.PeerIdentity;
import java.util.List;
import org.junit.jupiter.api.Test;

class CallerCheckTest {
  private static final String WEB = "web-sa.shop.serviceaccount.identity.signet.cluster.local";
  private static final String VM = "spiffe://cluster.local/vm";

  private final CallerCheck check = new CallerCheck("signet", "cluster.local");
  private final Topology topology = topology();

  private static Topology topology() {
    ClusterFixture cluster =
        new ClusterFixture()
            .with(pod("shop", "web", "10.0.0.1"))
            .with(pod("shop", "other", "10.0.0.2"))
            .with(pod("bank", "vault", "10.0.0.3"))
            .with(external("shop", "vm", "192.0.2.7", VM));
    cluster.publish();
    return cluster.live().current();
  }

  private static Caller identified(String... names) {
    return new Caller.Identified(new PeerIdentity(names[0], List.of(names)));
  }

  private static CallerClaim podClaim(String namespace, String name) {
    return new CallerClaim(namespace, name, null, "");
  }

  private Status refused(Caller caller, CallerClaim claim) {
    return catchThrowableOfType(
            StatusRuntimeException.class, () -> check.verify(caller, claim, topology))
        .getStatus();
  }

  @Test
  void takesAPodWithItsOwnIdentityAndItsNodeFromTheCluster() {
    CallerCheck.Client client =
        check.verify(identified(WEB), new CallerClaim("shop", "web", null, "node-b"), topology);

    assertThat(client).isEqualTo(new CallerCheck.Client("shop", "node-a", "zone-a"));
  }

  @Test
  void takesAPodByItsSpiffeId() {
    assertThat(
            check
                .verify(
                    identified("spiffe://cluster.local/ns/shop/sa/web-sa"),
                    podClaim("shop", "web"),
                    topology)
                .namespace())
        .isEqualTo("shop");
  }

  @Test
  void refusesAPodThatClaimsToBeAnother() {
    Status status = refused(identified(WEB), podClaim("shop", "other"));

    assertThat(status.getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(status.getDescription()).contains(WEB).contains("other-sa");
    assertThat(refused(identified(WEB), podClaim("shop", "unknown")).getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void refusesAClaimOfAnotherNamespace() {
    assertThat(refused(identified(WEB), podClaim("bank", "vault")).getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(refused(identified(WEB), new CallerClaim("bank", null, null, "")).getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(
            check
                .verify(identified(WEB), new CallerClaim("shop", null, null, ""), topology)
                .namespace())
        .isEqualTo("shop");
  }

  @Test
  void refusesIdentitiesOfOtherControlPlanesAndTrustDomains() {
    for (String foreign :
        List.of(
            "web-sa.shop.serviceaccount.identity.linkerd.cluster.local",
            "web-sa.shop.serviceaccount.identity.signet.example.org")) {
      assertThat(refused(identified(foreign), podClaim("shop", "web")).getCode())
          .as(foreign)
          .isEqualTo(Status.Code.PERMISSION_DENIED);
      assertThat(refused(identified(foreign), new CallerClaim("shop", null, null, "")).getCode())
          .as(foreign)
          .isEqualTo(Status.Code.PERMISSION_DENIED);
    }
  }

  @Test
  void takesAnExternalWorkloadByTheIdentityThatItStates() {
    CallerClaim claim = new CallerClaim("shop", null, "vm", "");

    assertThat(check.verify(identified(VM), claim, topology).namespace()).isEqualTo("shop");
    assertThat(refused(identified(WEB), claim).getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(
            check
                .verify(identified(VM), new CallerClaim("shop", null, null, ""), topology)
                .namespace())
        .isEqualTo("shop");
  }

  @Test
  void believesLocalCallersAndRefusesThoseWithoutCertificate() {
    assertThat(
            check
                .verify(new Caller.TrustedLocal(), podClaim("bank", "vault"), topology)
                .namespace())
        .isEqualTo("bank");
    assertThat(refused(new Caller.Unidentified(), podClaim("shop", "web")).getCode())
        .isEqualTo(Status.Code.UNAUTHENTICATED);
  }
}
