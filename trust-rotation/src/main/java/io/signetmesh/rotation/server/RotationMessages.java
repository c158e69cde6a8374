package io.signetmesh.rotation.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.Member;
import io.signetmesh.rotation.Obstacle;
import io.signetmesh.rotation.Rotation;
import io.signetmesh.rotation.RotationPlan;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationEvent;
import io.signetmesh.v1.TrustRotationFinding;
import io.signetmesh.v1.TrustRotationObstacle;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/** Rotations as messages. */
public final class RotationMessages {
  /** Workloads and obstacles in one message. */
  static final int MAX_LISTED = 1_000;

  private RotationMessages() {}

  /** A rotation, and what it waits for. */
  public static TrustRotation rotation(Rotation rotation, List<Obstacle> obstacles) {
    TrustRotation.Builder message =
        TrustRotation.newBuilder()
            .setId(rotation.id())
            .setPhase(TrustRotation.Phase.valueOf(rotation.phase().name()))
            .addAllBeforeSha256(bytes(rotation.before()))
            .addAllAfterSha256(bytes(rotation.after()))
            .setCompromised(rotation.compromised())
            .setReversed(rotation.reversed())
            .setRenewWindow(Duration.newBuilder().setSeconds(rotation.renewWindow().toSeconds()))
            .addAllWaived(rotation.waived())
            .setObstaclesTotal(obstacles.size());
    for (Rotation.Entry entry : rotation.log()) {
      message.addEvents(
          TrustRotationEvent.newBuilder()
              .setAt(timestamp(entry.at()))
              .setWho(entry.who())
              .setPhase(TrustRotation.Phase.valueOf(entry.phase().name()))
              .setWhat(entry.what())
              .setWhy(entry.why()));
    }
    for (Obstacle obstacle : obstacles.subList(0, Math.min(MAX_LISTED, obstacles.size()))) {
      message.addObstacles(
          TrustRotationObstacle.newBuilder()
              .setKind(obstacle.kind().name().toLowerCase(Locale.ROOT).replace('_', '-'))
              .setWorkload(obstacle.workload())
              .setMessage(obstacle.message()));
    }
    return message.build();
  }

  /**
   * A leaf in the mesh.
   *
   * @param inForce anchors of the bundle: others are not told
   */
  public static MeshLeaf leaf(Member member, AnchorSet inForce) {
    MeshLeaf.Builder message =
        MeshLeaf.newBuilder()
            .setIdentity(member.identity())
            .setAddress(member.address())
            .setSerial(member.serial())
            .setPresence(MeshLeaf.Presence.valueOf(member.presence().name()))
            .setNotAfter(timestamp(member.leafEnd()))
            .setRefusal(member.refusal())
            .setAnchorSha256(bytes(member.anchor()))
            .setTrustedDigest(bytes(member.trusts()));
    if (member.presence() != Member.Presence.SILENT) {
      message.setReportedAt(timestamp(member.seen()));
    }
    for (String anchor : member.peerAnchors().keySet()) {
      if (inForce.contains(anchor)) {
        message.addPeerAnchorsSha256(bytes(anchor));
      }
    }
    return message.build();
  }

  /** One thing that is wrong with a plan. */
  public static TrustRotationFinding finding(RotationPlan.Finding finding) {
    return TrustRotationFinding.newBuilder()
        .setIsError(finding.isError())
        .setMessage(finding.message())
        .build();
  }

  static List<ByteString> bytes(AnchorSet anchors) {
    return anchors.fingerprints().stream().map(RotationMessages::bytes).toList();
  }

  /** Bytes of hexadecimal digits; none for what is not known. */
  static ByteString bytes(String hex) {
    return hex.length() == 64
        ? ByteString.copyFrom(HexFormat.of().parseHex(hex))
        : ByteString.EMPTY;
  }

  static Timestamp timestamp(Instant time) {
    return Timestamp.newBuilder()
        .setSeconds(time.getEpochSecond())
        .setNanos(time.getNano())
        .build();
  }
}
