package io.signetmesh.rotation;

import io.signetmesh.rotation.Member.Presence;
import io.signetmesh.rotation.Obstacle.Kind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The procedure that replaces trust anchors. It is a function of the rotation and of what is true
 * now: it has no state and does nothing itself. So each step can be repeated, and a rotation goes
 * on after a crash with what it finds.
 *
 * <p>The rule behind all phases: at each moment, what a workload serves verifies under what each of
 * its peers trusts. Trust is therefore added before it is used, and taken away when nothing uses it
 * any more.
 */
public final class RotationProcedure {
  /** For workloads to take the new anchor, when the old one is compromised. */
  static final Duration URGENT_DISTRIBUTION = Duration.ofMillis(1500);

  /** For workloads to get a new leaf, when the old anchor is compromised. */
  static final Duration URGENT_RENEWAL = Duration.ofMillis(2500);

  /**
   * From the moment at which a compromise is known to the end of Renew, or to that of the wait for
   * another issuer.
   */
  static final Duration URGENT_TOTAL = Duration.ofSeconds(4);

  /** For Activate and Renew even if the phases before them took longer than they should. */
  static final Duration URGENT_LEAST_RENEWAL = Duration.ofSeconds(1);

  /**
   * For workloads to come back after the identity server has started: they wait at most that long
   * between two attempts. Before, nobody is known to be gone.
   */
  static final Duration RETURN = Duration.ofSeconds(15);

  /**
   * For workloads to report the peers of their live connections, without a cross-certificate: they
   * look at them every 30 seconds while there are two anchors, and wait up to 5 seconds for it.
   */
  static final Duration PEER_REPORTS = Duration.ofSeconds(40);

  /** For workloads to acknowledge that a compromised anchor has left. Nothing depends on them. */
  static final Duration URGENT_RETIREMENT = Duration.ofSeconds(15);

  /** Workloads named in one obstacle. */
  private static final int MAX_NAMED = 10;

  private RotationProcedure() {}

  /** What is to be done now. */
  public static Step next(Rotation rotation, Situation now) {
    // A compromised anchor leaves at once, whatever else was changed.
    List<Obstacle> changed =
        rotation.compromised() ? List.of() : AnchorChanges.of(rotation, now.bundle());
    if (!changed.isEmpty()) {
      return new Step.Wait(changed);
    }
    return switch (rotation.phase()) {
      case PREPARE -> new Step.Next(Phase.DISTRIBUTE);
      case DISTRIBUTE -> distribute(rotation, now);
      case ACTIVATE -> activate(rotation, now);
      case RENEW -> renew(rotation, now);
      case RETIRE -> retire(rotation, now);
      case DONE -> new Step.Wait(List.of());
    };
  }

  private static Step distribute(Rotation rotation, Situation now) {
    AnchorSet wanted = rotation.onTheWay(now.bundle());
    if (!now.bundle().equals(wanted)) {
      return new Step.Publish(wanted);
    }
    return whenClear(
        notAcknowledged(rotation, now),
        rotation,
        now,
        URGENT_DISTRIBUTION,
        new Step.Next(Phase.ACTIVATE));
  }

  private static Step activate(Rotation rotation, Situation now) {
    // A compromise that becomes known in Retire may find the old anchor gone. It stays so.
    AnchorSet wanted =
        isIssuerOverdue(rotation, now) ? rotation.staying() : rotation.onTheWay(now.bundle());
    if (!now.bundle().equals(wanted)) {
      return new Step.Publish(wanted);
    }
    if (!rotation.staying().contains(now.issuing())) {
      // Those who know the old anchor only must be able to verify new leaves. Nothing may vouch
      // for the new issuer that is compromised, and the way back needs no bridge: all know both.
      List<Obstacle> cutOff =
          rotation.crossSigned() || rotation.compromised() || rotation.reversed()
              ? List.of()
              : withoutTheNewAnchor(rotation, now);
      return cutOff.isEmpty()
          ? new Step.IssueUnder(rotation.staying(), rotation.isCrossSigning())
          : new Step.Wait(cutOff);
    }
    if (!now.canaryFailure().isEmpty()) {
      return new Step.Wait(List.of(new Obstacle(Kind.CANARY, "", now.canaryFailure())));
    }
    return new Step.Next(Phase.RENEW);
  }

  /** Who cannot verify leaves under the new anchor alone, as far as that is known. */
  private static List<Obstacle> withoutTheNewAnchor(Rotation rotation, Situation now) {
    List<Obstacle> obstacles = new ArrayList<>(notAcknowledged(rotation, now));
    String digest = rotation.union().digest();
    Set<String> known = new HashSet<>(rotation.waived());
    now.fleet().forEach(member -> known.add(member.identity()));
    List<Member> leavingOut = new ArrayList<>();
    for (Member member : now.fleet()) {
      if (member.isValid(now.now()) && !rotation.isWaived(member)) {
        if (member.presence() == Presence.SILENT) {
          obstacles.add(silent(member));
        } else if (member.presence() == Presence.GONE && !member.trusts().equals(digest)) {
          obstacles.add(gone(member, "before it trusted the anchor that stays"));
        }
      }
      if (member.presence() == Presence.LIVE) {
        Set<String> strangers = new TreeSet<>();
        member.peerAnchors().values().forEach(strangers::addAll);
        strangers.removeAll(known);
        if (!strangers.isEmpty()) {
          obstacles.add(peers(member, strangers));
        }
        if (rotation.leaving().meets(member.peersLeftOut()) && !rotation.isWaived(member)) {
          leavingOut.add(member);
        }
      }
    }
    if (!leavingOut.isEmpty()) {
      obstacles.add(morePeers(leavingOut));
    }
    obstacles.addAll(notBack(rotation, now));
    Instant reported = latest(rotation.since(), now.observedSince()).plus(PEER_REPORTS);
    if (now.now().isBefore(reported)) {
      obstacles.add(
          new Obstacle(
              Kind.PEER,
              "",
              "workloads have until " + reported + " to report the peers of live connections"));
    }
    return obstacles;
  }

  private static Instant latest(Instant one, Instant other) {
    return one.isAfter(other) ? one : other;
  }

  /**
   * Whether a compromised anchor leaves before there is another issuer. The key for that issuer may
   * be away for long, and forged leaves must not be taken until it is back. Only if no compromised
   * anchor is above the issuer in force: workloads get leaves of it by their tokens, which nobody
   * could otherwise.
   */
  private static boolean isIssuerOverdue(Rotation rotation, Situation now) {
    return rotation.compromised()
        && now.issuing().isEmpty()
        && !isWithin(now.now(), rotation.compromiseKnownAt(), URGENT_TOTAL)
        && !isWithin(now.now(), rotation.since(), URGENT_LEAST_RENEWAL)
        && !isWithin(now.now(), now.observedSince(), URGENT_TOTAL)
        && notBack(rotation, now).isEmpty();
  }

  private static Step renew(Rotation rotation, Situation now) {
    if (!rotation.staying().contains(now.issuing())) {
      return new Step.Next(Phase.ACTIVATE);
    }
    if (!now.renewalAsked()) {
      return new Step.AskRenewal(
          rotation.compromised() ? Duration.ZERO : windowLeft(rotation, now.now()));
    }
    List<Obstacle> obstacles = new ArrayList<>();
    for (Member member : now.fleet()) {
      if (member.presence() == Presence.LIVE
          && member.isValid(now.now())
          && !rotation.isWaived(member)
          && !member.isWithout(rotation.leaving(), rotation.staying())) {
        obstacles.add(notRenewed(member, rotation));
      }
    }
    return whenClear(obstacles, rotation, now, renewalTime(rotation), new Step.Next(Phase.RETIRE));
  }

  /**
   * How long Renew waits after a compromise. Whoever has a forged leaf can hold all phases to their
   * end, by a stream that takes nothing.
   */
  private static Duration renewalTime(Rotation rotation) {
    Duration left =
        Duration.between(rotation.since(), rotation.compromiseKnownAt().plus(URGENT_TOTAL));
    if (left.compareTo(URGENT_LEAST_RENEWAL) < 0) {
      return URGENT_LEAST_RENEWAL;
    }
    return left.compareTo(URGENT_RENEWAL) < 0 ? left : URGENT_RENEWAL;
  }

  private static Step retire(Rotation rotation, Situation now) {
    if (rotation.compromised() && !rotation.staying().contains(now.issuing())) {
      if (now.issuing().isEmpty() && now.bundle().meets(rotation.leaving().fingerprints())) {
        // First of all: the key for another issuer may be away.
        return new Step.Publish(rotation.staying());
      }
      // What the issuer in force signed before the compromise was known is not to stay good.
      return new Step.Next(Phase.ACTIVATE);
    }
    if (rotation.compromised() && !now.settled() && !now.renewalAsked()) {
      // After a restart of the identity server: until then no leaf proves an identity.
      return new Step.AskRenewal(Duration.ZERO);
    }
    if (now.bundle().meets(rotation.leaving().fingerprints())) {
      List<Obstacle> needed = rotation.compromised() ? List.of() : stillNeeded(rotation, now);
      if (!needed.isEmpty()) {
        // Who was away in Renew is asked when it is back.
        return now.renewalAsked()
            ? new Step.Wait(needed)
            : new Step.AskRenewal(windowLeft(rotation, now.now()));
      }
      return new Step.Publish(rotation.staying());
    }
    if (!now.bundle().equals(rotation.staying())) {
      return new Step.Publish(rotation.staying());
    }
    if (rotation.compromised() && !covers(now.revoked(), rotation.leaving())) {
      // After the anchor has left: a list that is full must not keep it in force.
      return new Step.Revoke();
    }
    List<Obstacle> obstacles = notAcknowledged(rotation, now);
    if (!now.settled() && !rotation.compromised() && !rotation.reversed()) {
      // As long as new leaves verify under the old anchor, somebody who knows no other may join.
      for (Member member : now.fleet()) {
        if (member.presence() == Presence.SILENT
            && !rotation.isWaived(member)
            && member.isValid(now.now())) {
          obstacles.add(silent(member));
        }
      }
    }
    return whenClear(
        obstacles,
        rotation,
        now,
        URGENT_RETIREMENT,
        now.settled() ? new Step.Next(Phase.DONE) : new Step.Settle());
  }

  /** Who would be cut off if the anchors that leave were taken away now. */
  static List<Obstacle> stillNeeded(Rotation rotation, Situation now) {
    AnchorNeeds needs = AnchorNeeds.of(rotation, now.fleet(), now.now());
    List<Obstacle> obstacles = new ArrayList<>();
    for (Member member : now.fleet()) {
      if (!needs.isWaived(member)) {
        for (AnchorNeeds.Reason reason : needs.reasons(member)) {
          obstacles.addAll(needed(member, reason, needs, rotation));
        }
      }
    }
    return obstacles;
  }

  private static List<Obstacle> needed(
      Member member, AnchorNeeds.Reason reason, AnchorNeeds needs, Rotation rotation) {
    boolean live = member.presence() == Presence.LIVE;
    return switch (reason) {
      case SILENT -> List.of(silent(member));
      case LEAF ->
          List.of(
              live
                  ? notRenewed(member, rotation)
                  : gone(member, "with a certificate under the anchor that leaves"));
      case BEHIND ->
          List.of(
              live
                  ? notAcknowledged(member)
                  : gone(member, "before it trusted the anchor that stays"));
      case PEER ->
          needs.stragglers(member).values().stream().map(names -> peers(member, names)).toList();
    };
  }

  private static Obstacle peers(Member member, Set<String> stragglers) {
    return new Obstacle(
        Kind.PEER,
        member.identity(),
        member.name()
            + " has live peers under the anchor that leaves of which no other leaf is known: "
            + String.join(", ", stragglers));
  }

  private static Obstacle morePeers(List<Member> members) {
    Set<String> names = new TreeSet<>();
    members.forEach(member -> names.add(member.name()));
    return new Obstacle(
        Kind.PEER,
        members.size() == 1 ? members.getFirst().identity() : "",
        names.size()
            + " workloads have more live peers under the anchor that leaves than their reports name: "
            + names.stream().limit(MAX_NAMED).collect(Collectors.joining(", "))
            + (names.size() > MAX_NAMED ? ", …" : "")
            + "; a peer that nothing else is known of may know only the old anchor; make sure that"
            + " all their peers have the new anchor, then waive them");
  }

  private static List<Obstacle> notAcknowledged(Rotation rotation, Situation now) {
    String digest = now.bundle().digest();
    List<Obstacle> obstacles = new ArrayList<>();
    for (Member member : now.fleet()) {
      if (member.presence() == Presence.LIVE
          && !rotation.isWaived(member)
          && !member.trusts().equals(digest)) {
        obstacles.add(notAcknowledged(member));
      }
    }
    return obstacles;
  }

  private static Obstacle notAcknowledged(Member member) {
    return member.refusal().isEmpty()
        ? new Obstacle(
            Kind.NOT_ACKNOWLEDGED,
            member.identity(),
            member.name() + " has not taken the bundle; its last report is of " + member.seen())
        : new Obstacle(
            Kind.REFUSED,
            member.identity(),
            member.name() + " refuses the bundle: " + member.refusal());
  }

  private static Obstacle silent(Member member) {
    return new Obstacle(
        Kind.SILENT,
        member.identity(),
        member.name()
            + " does not report what it trusts, so it is taken to trust what it was started with;"
            + " its certificate "
            + member.serial()
            + " ends at "
            + member.leafEnd()
            + ": give it the new anchor beside the old one, then waive it");
  }

  private static Obstacle notRenewed(Member member, Rotation rotation) {
    return new Obstacle(
        Kind.NOT_RENEWED,
        member.identity(),
        member.name()
            + " serves certificate "
            + member.serial()
            + (member.anchor().isEmpty()
                ? " of an issuer that is unknown, or from before a compromise,"
                : rotation.staying().contains(member.anchor())
                    ? " of an issuer that was under the anchor that leaves, too,"
                    : " under the anchor that leaves")
            + " until "
            + member.leafEnd());
  }

  private static Obstacle gone(Member member, String how) {
    return new Obstacle(
        Kind.GONE,
        member.identity(),
        member.name()
            + " went away "
            + how
            + " (last report "
            + member.seen()
            + ", certificate "
            + member.serial()
            + " until "
            + member.leafEnd()
            + "): wait for that, or waive it");
  }

  /** Goes on when nothing is in the way or, if the anchor is compromised, when time is up. */
  private static Step whenClear(
      List<Obstacle> obstacles, Rotation rotation, Situation now, Duration urgent, Step next) {
    List<Obstacle> notBack = notBack(rotation, now);
    if (!notBack.isEmpty()) {
      List<Obstacle> all = new ArrayList<>(obstacles);
      all.addAll(notBack);
      return new Step.Wait(all);
    }
    if (obstacles.isEmpty()) {
      return next;
    }
    if (!rotation.compromised() || isWithin(now.now(), rotation.since(), urgent)) {
      return new Step.Wait(obstacles);
    }
    return next instanceof Step.Next on ? new Step.Next(on.phase(), obstacles) : next;
  }

  /** Whether time is left. A clock that was set back must not give a thief more of it. */
  private static boolean isWithin(Instant now, Instant since, Duration limit) {
    return !now.isBefore(since) && now.isBefore(since.plus(limit));
  }

  /** Those not seen since the identity server has started, as long as they may come back. */
  private static List<Obstacle> notBack(Rotation rotation, Situation now) {
    List<Obstacle> obstacles = new ArrayList<>();
    if (isWithin(now.now(), now.observedSince(), RETURN)
        || (!rotation.compromised() && now.now().isBefore(now.observedSince()))) {
      for (Member member : now.fleet()) {
        if (member.presence() == Presence.GONE
            && member.seen().isBefore(now.observedSince())
            && member.isValid(now.now())
            && !rotation.isWaived(member)) {
          obstacles.add(
              new Obstacle(
                  Kind.GONE,
                  member.identity(),
                  member.name()
                      + " has not come back since the identity server has started at "
                      + now.observedSince()));
        }
      }
    }
    return obstacles;
  }

  private static Duration windowLeft(Rotation rotation, Instant now) {
    Duration left = Duration.between(now, rotation.renewBegan().plus(rotation.renewWindow()));
    return left.isNegative() ? Duration.ZERO : left;
  }

  private static boolean covers(AnchorSet all, AnchorSet some) {
    return some.minus(all).isEmpty();
  }
}
