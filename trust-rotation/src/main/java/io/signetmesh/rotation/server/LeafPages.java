package io.signetmesh.rotation.server;

import io.grpc.stub.ServerCallStreamObserver;
import io.signetmesh.rotation.AnchorNeeds;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.Member;
import io.signetmesh.rotation.Rotation;
import io.signetmesh.rotation.RotationPlan;
import io.signetmesh.v1.AnchorNeed;
import io.signetmesh.v1.ListLeavesResponse;
import io.signetmesh.v1.MeshLeaf;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The leaves of a mesh in messages, each made when the caller has taken the ones before: who does
 * not read costs no more than the list.
 */
final class LeafPages {
  /** Leaves in one message. */
  static final int PART = 1_000;

  private final AnchorSet inForce;
  private final List<Member> fleet;
  private final Map<String, AnchorNeeds> needs = new LinkedHashMap<>();
  private int next;
  private boolean ended;

  /**
   * Makes the answer of one moment.
   *
   * @param underWay the rotation under way; null when there is none
   */
  LeafPages(
      List<X509Certificate> anchors, @Nullable Rotation underWay, List<Member> fleet, Instant now) {
    this.inForce = AnchorSet.of(anchors.stream().map(RotationPlan::fingerprint).toList());
    this.fleet = fleet;
    for (String anchor : inForce) {
      needs.put(anchor, AnchorNeeds.of(anchor, inForce, underWay, fleet, now));
    }
  }

  /** Sends all, as fast as the caller reads. */
  void send(ServerCallStreamObserver<ListLeavesResponse> response) {
    response.setOnReadyHandler(() -> go(response));
    go(response);
  }

  private synchronized void go(ServerCallStreamObserver<ListLeavesResponse> response) {
    while (!ended && !response.isCancelled() && response.isReady()) {
      response.onNext(page());
      if (next >= fleet.size()) {
        ended = true;
        response.onCompleted();
      }
    }
  }

  /** The next message; also a mesh without leaves has one. */
  ListLeavesResponse page() {
    ListLeavesResponse.Builder page = ListLeavesResponse.newBuilder().setTellsNeeds(true);
    int end = Math.min(fleet.size(), next + PART);
    fleet.subList(next, end).forEach(member -> page.addLeaves(leaf(member)));
    next = end;
    return page.build();
  }

  private MeshLeaf leaf(Member member) {
    MeshLeaf.Builder leaf = RotationMessages.leaf(member, inForce).toBuilder();
    needs.forEach(
        (anchor, of) -> {
          List<AnchorNeeds.Reason> reasons = of.reasons(member, anchor);
          if (!reasons.isEmpty()) {
            AnchorNeed.Builder need =
                leaf.addNeedsBuilder()
                    .setAnchorSha256(RotationMessages.bytes(anchor))
                    .setWaived(of.isWaived(member));
            reasons.forEach(reason -> need.addReasons(AnchorNeed.Reason.valueOf(reason.name())));
          }
        });
    return leaf.build();
  }
}
