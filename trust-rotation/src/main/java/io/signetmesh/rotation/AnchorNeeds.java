package io.signetmesh.rotation;

import io.signetmesh.rotation.Member.Presence;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Who would be cut off if anchors were taken away now, and why. Retire asks this, and so does the
 * proof for operators: they cannot differ.
 */
public final class AnchorNeeds {
  private final AnchorSet union;
  private final AnchorSet leaving;
  private final AnchorSet staying;
  private final @Nullable Rotation rotation;
  private final Instant now;
  private final Set<String> enough;

  /** Workloads whose connections under anchors that leave are known to be old ones. */
  private final Set<String> renewed = new HashSet<>();

  /** Why a leaf needs an anchor. */
  public enum Reason {
    /** It is not under an anchor that stays, or not for sure. */
    LEAF,
    /** A live peer has a leaf under an anchor that leaves, and is not known otherwise. */
    PEER,
    /** Its workload does not trust the anchors that stay. */
    BEHIND,
    /** It is not known what its workload trusts. */
    SILENT
  }

  private AnchorNeeds(
      AnchorSet union,
      AnchorSet staying,
      @Nullable Rotation rotation,
      Collection<Member> fleet,
      Instant now) {
    this.union = union;
    this.staying = staying;
    this.leaving = union.minus(staying);
    this.rotation = rotation;
    this.now = now;
    this.enough = Set.copyOf(List.of(union.digest(), staying.digest()));
    for (Member member : fleet) {
      if (member.presence() == Presence.LIVE && member.isWithout(leaving, staying)) {
        renewed.add(member.identity());
      }
    }
  }

  /** The needs of a rotation: of the anchors that leave in it. */
  static AnchorNeeds of(Rotation rotation, Collection<Member> fleet, Instant now) {
    return new AnchorNeeds(rotation.union(), rotation.staying(), rotation, fleet, now);
  }

  /**
   * The needs of an anchor.
   *
   * @param anchor in force
   * @param inForce the anchors in force
   * @param underWay the rotation under way; null when there is none
   */
  public static AnchorNeeds of(
      String anchor,
      AnchorSet inForce,
      @Nullable Rotation underWay,
      Collection<Member> fleet,
      Instant now) {
    return underWay != null && underWay.leaving().contains(anchor)
        ? of(underWay, fleet, now)
        : new AnchorNeeds(inForce, inForce.minus(AnchorSet.of(anchor)), null, fleet, now);
  }

  /** Whether the rotation does not wait for a leaf. */
  public boolean isWaived(Member member) {
    return rotation != null && rotation.isWaived(member);
  }

  /** Why a leaf needs one of the anchors that leave, waived or not; empty when it needs none. */
  public List<Reason> reasons(Member member) {
    if (!member.isValid(now)) {
      return List.of();
    }
    List<Reason> reasons = new ArrayList<>();
    if (member.presence() == Presence.SILENT) {
      reasons.add(Reason.SILENT);
    } else if (!member.isWithout(leaving, staying)) {
      reasons.add(Reason.LEAF);
    } else if (!enough.contains(member.trusts())) {
      reasons.add(Reason.BEHIND);
    }
    if (!stragglers(member).isEmpty()) {
      reasons.add(Reason.PEER);
    }
    return reasons;
  }

  /**
   * Why a leaf needs one of the anchors that leave.
   *
   * @param anchor one of them; a leaf that is under another one of them needs that
   */
  public List<Reason> reasons(Member member, String anchor) {
    List<Reason> reasons = new ArrayList<>(reasons(member));
    if (!member.anchor().equals(anchor) && leaving.contains(member.anchor())) {
      reasons.remove(Reason.LEAF);
    }
    if (!stragglers(member).containsKey(anchor)) {
      reasons.remove(Reason.PEER);
    }
    return reasons;
  }

  /** Live peers under anchors that leave of which no other leaf is known, by the anchor. */
  Map<String, Set<String>> stragglers(Member member) {
    Map<String, Set<String>> all = new TreeMap<>();
    if (member.presence() == Presence.LIVE) {
      for (Map.Entry<String, Set<String>> peers : member.peerAnchors().entrySet()) {
        if (leaving.contains(peers.getKey())) {
          // Connections that are older than the renewal of a known workload may go on.
          Set<String> unknown = new TreeSet<>(peers.getValue());
          unknown.removeAll(renewed);
          if (rotation != null) {
            unknown.removeAll(rotation.waived());
          }
          if (!unknown.isEmpty()) {
            all.put(peers.getKey(), unknown);
          }
        }
      }
    }
    return all;
  }

  @Override
  public String toString() {
    return "AnchorNeeds[" + leaving + " of " + union + "]";
  }
}
