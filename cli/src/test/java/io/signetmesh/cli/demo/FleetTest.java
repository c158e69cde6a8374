package io.signetmesh.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.v1.MeshLeaf;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

final class FleetTest {
  private static final String OLD = "0a".repeat(32);
  private static final String NEW = "0b".repeat(32);
  private static final AnchorSet BOTH = AnchorSet.of(OLD, NEW);

  private static MeshLeaf leaf(
      String identity, MeshLeaf.Presence presence, AnchorSet trusts, String anchor) {
    return MeshLeaf.newBuilder()
        .setIdentity(identity)
        .setPresence(presence)
        .setTrustedDigest(ByteString.copyFrom(HexFormat.of().parseHex(trusts.digest())))
        .setAnchorSha256(ByteString.copyFrom(HexFormat.of().parseHex(anchor)))
        .build();
  }

  @Test
  void onlyWhoIsConnectedAndTrustsExactlyTheseAnchorsCounts() {
    Fleet fleet =
        new Fleet(
            List.of(
                leaf("web", MeshLeaf.Presence.LIVE, BOTH, OLD),
                leaf("cart", MeshLeaf.Presence.LIVE, AnchorSet.of(OLD), NEW),
                leaf("batch", MeshLeaf.Presence.GONE, BOTH, NEW),
                leaf("legacy", MeshLeaf.Presence.SILENT, BOTH, NEW)));

    assertThat(fleet.live()).containsExactly("cart", "web");
    assertThat(fleet.trusting(BOTH)).containsExactly("web");
    assertThat(fleet.trusting(AnchorSet.of(NEW))).isEmpty();
    assertThat(fleet.under(NEW)).containsExactly("cart");
    assertThat(fleet.under(OLD)).containsExactly("web");
  }

  @Test
  void aWorkloadWithOneProcessThatIsBehindDoesNotCount() {
    Fleet fleet =
        new Fleet(
            List.of(
                leaf("web", MeshLeaf.Presence.LIVE, BOTH, NEW),
                leaf("web", MeshLeaf.Presence.LIVE, AnchorSet.of(OLD), OLD)));

    assertThat(fleet.trusting(BOTH)).isEmpty();
    assertThat(fleet.under(NEW)).isEmpty();
    assertThat(fleet.live()).containsExactly("web");
  }
}
