package io.signetmesh.cli.trust;

import io.signetmesh.v1.AnchorNeed;
import io.signetmesh.v1.MeshLeaf;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which workloads need which anchors in force, as the identity server tells: it asks the same when
 * it decides whether an anchor may leave.
 */
final class LeafNeeds {
  private final Map<String, List<Need>> needs = new LinkedHashMap<>();

  /**
   * A leaf whose workload needs an anchor.
   *
   * @param waived whether the rotation under way does not wait for it
   */
  record Need(MeshLeaf leaf, List<AnchorNeed.Reason> reasons, boolean waived) {
    /** Copies the list. */
    Need {
      reasons = List.copyOf(reasons);
    }

    /** The reasons in words. */
    String why() {
      return String.join(", ", reasons.stream().map(LeafNeeds::text).toList());
    }
  }

  /** Reads what was told of all leaves. */
  LeafNeeds(List<MeshLeaf> leaves) {
    for (MeshLeaf leaf : leaves) {
      for (AnchorNeed need : leaf.getNeedsList()) {
        needs
            .computeIfAbsent(TrustAnchors.hex(need.getAnchorSha256()), anchor -> new ArrayList<>())
            .add(new Need(leaf, need.getReasonsList(), need.getWaived()));
      }
    }
  }

  private static String text(AnchorNeed.Reason reason) {
    return switch (reason) {
      case LEAF -> "its certificate is under it";
      case PEER -> "its live peers have certificates under it";
      case BEHIND -> "it does not trust the bundle in force";
      case SILENT -> "it does not report what it trusts";
      case REASON_UNSPECIFIED, UNRECOGNIZED -> "for a reason that this version does not know";
    };
  }

  /** Who needs an anchor in force. */
  List<Need> of(String anchor) {
    return needs.getOrDefault(anchor, List.of());
  }

  /** DNS names of the workloads that need an anchor and that the rotation waits for. */
  Set<String> workloads(String anchor) {
    Set<String> names = new TreeSet<>();
    for (Need need : of(anchor)) {
      if (!need.waived) {
        names.add(need.leaf.getIdentity());
      }
    }
    return names;
  }
}
