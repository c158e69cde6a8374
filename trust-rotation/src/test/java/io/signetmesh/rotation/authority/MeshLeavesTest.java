package io.signetmesh.rotation.authority;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.server.AdoptionLedger;
import io.signetmesh.rotation.Member;
import io.signetmesh.v1.PeerAnchor;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class MeshLeavesTest {
  private static final String ANCHOR = "a".repeat(64);

  @Test
  void peersOfOtherTrustDomainsAreNotOfThisOne() {
    assertThat(
            MeshLeaves.peers(
                report(
                    "web.shop.serviceaccount.identity.signet.cluster.local",
                    "spiffe://cluster.local/ns/shop/sa/cart",
                    "spiffe://cluster.local.example/ns/shop/sa/cart",
                    "spiffe://partner.example/ns/shop/sa/cart"),
                "cluster.local"))
        .isEqualTo(
            Map.of(
                ANCHOR,
                Set.of(
                    "web.shop.serviceaccount.identity.signet.cluster.local",
                    "spiffe://cluster.local/ns/shop/sa/cart")));
  }

  @Test
  void whatIsNoNameIsEscaped() {
    assertThat(MeshLeaves.peers(report("a\u001b[2Jb"), "cluster.local").get(ANCHOR))
        .singleElement()
        .asString()
        .doesNotContain("\u001b");
  }

  @Test
  void itIsKnownUnderWhichAnchorsPeersAreNotNamed() {
    TrustReport all = report("web.shop.serviceaccount.identity.signet.cluster.local");
    TrustReport.Builder some = all.toBuilder();
    some.getPeerAnchorsBuilder(0).setPeersLeftOut(true);

    assertThat(MeshLeaves.peersLeftOut(all)).isEmpty();
    assertThat(MeshLeaves.peersLeftOut(some.build())).containsExactly(ANCHOR);
  }

  @Test
  void whateverSerialAWorkloadMakesUpItIsTheSameLeafForAWaiver() {
    Member first = MeshLeaves.live(serving("1"), null, "", Set.of(), "cluster.local");
    Member next = MeshLeaves.live(serving("2"), null, "", Set.of(), "cluster.local");

    assertThat(first.serial()).isEqualTo(Member.UNRECORDED);
    assertThat(next.serial()).isEqualTo(first.serial());
  }

  @Test
  void aLeafThatIsOnRecordHasItsSerialAndItsEnd() {
    Instant end = Instant.parse("2026-06-02T00:00:00Z");
    IssuedLeaf issued =
        new IssuedLeaf("2a", "web", "0".repeat(64), end, end.minusSeconds(60), "workload-token");

    Member member =
        MeshLeaves.live(serving("2a"), issued, ANCHOR, Set.of("b".repeat(64)), "cluster.local");

    assertThat(member.serial()).isEqualTo("2a");
    assertThat(member.leafEnd()).isEqualTo(end);
    assertThat(member.anchor()).isEqualTo(ANCHOR);
    assertThat(member.earlierAnchors()).containsExactly("b".repeat(64));
  }

  private static AdoptionLedger.Adoption serving(String serial) {
    return new AdoptionLedger.Adoption(
        "web",
        "10.0.0.1:1",
        TrustReport.newBuilder().setLeaf(ServedLeaf.newBuilder().setSerial(serial)).build(),
        Instant.parse("2026-06-01T00:00:00Z"),
        true,
        false);
  }

  private static TrustReport report(String... peers) {
    PeerAnchor.Builder anchor =
        PeerAnchor.newBuilder()
            .setAnchorSha256(ByteString.copyFrom(HexFormat.of().parseHex(ANCHOR)));
    for (String peer : peers) {
      anchor.addPeers(peer);
    }
    return TrustReport.newBuilder().addPeerAnchors(anchor).build();
  }
}
