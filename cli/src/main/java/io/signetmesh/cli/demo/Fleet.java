package io.signetmesh.cli.demo;

import com.google.protobuf.ByteString;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.v1.MeshLeaf;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * What the workloads of a mesh trust and serve at one moment, as they report it to the identity
 * server.
 *
 * @param leaves all certificates that may be in use
 */
record Fleet(List<MeshLeaf> leaves) {
  /** Copies the list. */
  Fleet {
    leaves = List.copyOf(leaves);
  }

  /** DNS names of the workloads that are connected. */
  Set<String> live() {
    return live(leaf -> true);
  }

  /** Those that trust exactly these anchors. */
  Set<String> trusting(AnchorSet anchors) {
    return live(leaf -> hex(leaf.getTrustedDigest()).equals(anchors.digest()));
  }

  /** Those whose certificate was issued under this anchor. */
  Set<String> under(String anchor) {
    return live(leaf -> hex(leaf.getAnchorSha256()).equals(anchor));
  }

  private Set<String> live(Predicate<MeshLeaf> wanted) {
    Set<String> all = new TreeSet<>();
    Set<String> others = new TreeSet<>();
    for (MeshLeaf leaf : leaves) {
      if (leaf.getPresence() == MeshLeaf.Presence.LIVE) {
        (wanted.test(leaf) ? all : others).add(leaf.getIdentity());
      }
    }
    // A workload with several processes counts when all of them do.
    all.removeAll(others);
    return all;
  }

  private static String hex(ByteString bytes) {
    return HexFormat.of().formatHex(bytes.toByteArray());
  }
}
