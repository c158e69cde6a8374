package io.signetmesh.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.rotation.Member.Presence;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A mesh of a few workloads and one identity server, without cryptography: an anchor is a
 * fingerprint, a leaf names the anchors that it verifies under. A workload may be several
 * processes. Some processes are strangers: the identity server knows nothing of their leaves, and
 * only who has a connection with them reports them.
 */
final class SimulatedMesh {
  static final String OLD = "a".repeat(64);
  static final String NEW = "b".repeat(64);
  static final AnchorSet BEFORE = AnchorSet.of(OLD);
  static final AnchorSet AFTER = AnchorSet.of(NEW);
  static final Duration LEAF_LIFE = Duration.ofHours(24);

  /** Names of peers under an anchor that a report has room for. */
  private static final int MAX_PEERS = 2;

  Instant now = Instant.parse("2026-01-01T00:00:00Z");
  Instant observedSince = now.minusSeconds(3600);
  AnchorSet bundle = BEFORE;
  String issuing = OLD;

  /** The issuer under {@link #issuing}; another number for each one that is made. */
  int issuer = 1;

  AnchorSet crossSigners = AnchorSet.NONE;
  AnchorSet revoked = AnchorSet.NONE;

  /** Issuers of which each leaf is revoked. */
  final Set<Integer> revokedIssuers = new HashSet<>();

  boolean settled = true;
  String canaryFailure = "";

  /** Whether nobody can use the keys of anchors, so that no issuer can be made. */
  boolean keysAway;

  /** Anchors of which an operator has said that their keys are with somebody else. */
  AnchorSet compromised = AnchorSet.NONE;

  /** After a compromise, the anchors of which workloads have to hear; else none. */
  private AnchorSet awaited = AnchorSet.NONE;

  final List<Workload> workloads = new ArrayList<>();

  private final List<Connection> connections = new ArrayList<>();

  /** What the ledger keeps, by serial number of the leaf. */
  private final Map<String, Member> ledger = new TreeMap<>();

  /** All leaves that were ever issued, oldest first. */
  private final List<Leaf> issued = new ArrayList<>();

  /** The anchor of each issuer that was ever in force. */
  private final Map<Integer, String> issuers = new HashMap<>();

  /** Issuers that count no more after a compromise. */
  private final Set<Integer> distrusted = new HashSet<>();

  /** Ids of rotations of which it is on the disk which issuers count no more. */
  private final Set<String> decided = new HashSet<>();

  /** The same of rotations of which leaves of no issuer can be with a thief. */
  private final Set<String> unreached = new HashSet<>();

  /** How many leaves had been issued when the last compromise became known. */
  private int issuedBefore;

  /** The issuer that workloads are asked to come to; 0 for none. Lost with the server. */
  private int askedFor;

  /** Whether only leaves of that issuer prove an identity. Lost with the server. */
  private boolean othersDistrusted;

  /** The rotation that is settled after a compromise. Lost with the server. */
  private String settledId = "";

  /** Somebody who has the key of an issuer. */
  final Thief thief = new Thief();

  private int serials;

  /** A leaf. */
  record Leaf(String serial, String anchor, AnchorSet crossSigners, Instant end, int issuer) {
    boolean verifiesUnder(AnchorSet trust) {
      return !anchorUnder(trust).isEmpty();
    }

    /** The anchor that it verifies under; empty when there is none. */
    String anchorUnder(AnchorSet trust) {
      if (trust.contains(anchor)) {
        return anchor;
      }
      for (String signer : crossSigners) {
        if (trust.contains(signer)) {
          return signer;
        }
      }
      return "";
    }
  }

  /** A live connection, and the anchors under which each side has verified the other. */
  private record Connection(
      Workload client, Workload server, String clientAnchor, String serverAnchor) {
    boolean isOf(Workload workload) {
      return client == workload || server == workload;
    }

    Workload peerOf(Workload workload) {
      return client == workload ? server : client;
    }

    String peerAnchor(Workload workload) {
      return client == workload ? serverAnchor : clientAnchor;
    }
  }

  /** A process that takes part in the mesh. */
  final class Workload {
    final String identity;
    final boolean reports;
    final boolean stranger;

    /** Anchors that it is started with if it does not report. */
    AnchorSet given = bundle;

    AnchorSet trust = bundle;
    Leaf leaf;
    boolean connected;

    /** Nothing happens in it; its stream is open as long as the server is not restarted. */
    boolean frozen;

    /** Anchors of which it has to hear before it can talk to others again. */
    private AnchorSet awaits;

    /** It was waived and has not been started since: it may be cut off. */
    boolean waived;

    Workload(String identity, boolean reports, boolean stranger) {
      this.identity = identity;
      this.reports = reports;
      this.stranger = stranger;
      this.leaf = stranger ? unrecorded("unknown") : issue(identity);
      this.awaits = missing();
    }

    private AnchorSet missing() {
      return trust.meets(awaited.fingerprints()) ? AnchorSet.NONE : awaited;
    }

    private void trust(AnchorSet anchors) {
      trust = anchors;
      awaits = missing();
    }

    boolean takesPart() {
      return now.isBefore(leaf.end);
    }

    /**
     * Whether others have to be able to talk to it. After a compromise that is so as soon as it has
     * heard of an anchor that stays, and has a leaf under one when the others have left.
     */
    boolean isParty() {
      return takesPart()
          && !waived
          && !stranger
          && awaits.isEmpty()
          && !revokedIssuers.contains(leaf.issuer)
          && (bundle.contains(leaf.anchor) || !compromised.contains(leaf.anchor));
    }

    void connect() {
      if (!frozen && !stranger && verifiesServer()) {
        connected = reports;
        report();
      }
    }

    void disconnect() {
      connected = false;
      ledger.computeIfPresent(leaf.serial, (serial, m) -> presence(m, Presence.GONE));
    }

    void take() {
      if (connected && !frozen) {
        trust(bundle);
        report();
      }
    }

    /** Whether the identity server's own leaf verifies; else nothing is to be had from it. */
    private boolean verifiesServer() {
      return trust.contains(issuing) || trust.meets(crossSigners.fingerprints());
    }

    /** Linkerd's proxies renew as well, and report nothing. */
    void renew() {
      if ((connected || !reports) && !frozen && !stranger && verifiesServer()) {
        String earlier = leaf.serial;
        leaf = issue(identity);
        if (reports) {
          ledger.remove(earlier);
        }
        report();
      }
    }

    /** Another process has taken its place; nobody is told what became of the first. */
    void restart() {
      if (stranger) {
        return;
      }
      disconnect();
      hangUp();
      frozen = false;
      waived = false;
      trust(reports ? bundle : given);
      if (verifiesServer()) {
        leaf = issue(identity);
        connect();
      } else {
        // The earlier process has ended, and this one gets no leaf.
        leaf = new Leaf(leaf.serial, leaf.anchor, leaf.crossSigners, now, leaf.issuer);
      }
    }

    void hangUp() {
      connections.removeIf(connection -> connection.isOf(this));
    }

    /** Opens a connection, if both sides can verify each other. */
    void call(Workload server) {
      if (this != server
          && takesPart()
          && server.takesPart()
          && !frozen
          && !server.frozen
          && leaf.verifiesUnder(server.trust)
          && server.leaf.verifiesUnder(trust)) {
        connections.add(
            new Connection(
                this, server, leaf.anchorUnder(server.trust), server.leaf.anchorUnder(trust)));
      }
    }

    void report() {
      if (connected && !frozen) {
        Map<String, Set<String>> named = new HashMap<>();
        Set<String> leftOut = new HashSet<>();
        peers()
            .forEach(
                (anchor, names) -> {
                  named.put(anchor, names.stream().limit(MAX_PEERS).collect(Collectors.toSet()));
                  if (names.size() > MAX_PEERS) {
                    leftOut.add(anchor);
                  }
                });
        ledger.put(
            leaf.serial,
            new Member(
                identity,
                "10.0.0.1",
                leaf.serial,
                Presence.LIVE,
                now,
                trust.digest(),
                "",
                leaf.anchor,
                leaf.end,
                named,
                leftOut,
                Set.of()));
      }
    }

    private Map<String, SortedSet<String>> peers() {
      Map<String, SortedSet<String>> peers = new HashMap<>();
      for (Connection connection : connections) {
        if (connection.isOf(this)) {
          peers
              .computeIfAbsent(connection.peerAnchor(this), anchor -> new TreeSet<>())
              .add(connection.peerOf(this).identity);
        }
      }
      return peers;
    }

    @Override
    public String toString() {
      return identity
          + (connected ? " connected" : "")
          + (frozen ? " frozen" : "")
          + " with "
          + leaf
          + " trusts "
          + trust;
    }
  }

  Workload add(String identity, boolean reports) {
    Workload workload = new Workload(identity, reports, false);
    workloads.add(workload);
    workload.connect();
    return workload;
  }

  /** A process with a leaf that the identity server knows nothing of. */
  Workload addStranger(String identity) {
    Workload stranger = new Workload(identity, false, true);
    workloads.add(stranger);
    return stranger;
  }

  private Instant end() {
    return now.plus(LEAF_LIFE);
  }

  private Leaf unrecorded(String serial) {
    return new Leaf(serial, issuing, crossSigners, end(), issuer);
  }

  private Leaf issue(String identity) {
    issuers.put(issuer, issuing);
    Leaf leaf = unrecorded(Integer.toHexString(++serials));
    issued.add(leaf);
    ledger.put(
        leaf.serial,
        new Member(
            identity,
            "",
            leaf.serial,
            Presence.SILENT,
            now,
            "",
            "",
            leaf.anchor,
            leaf.end,
            Map.of()));
    return leaf;
  }

  private static Member presence(Member m, Presence presence) {
    return member(m, presence, m.anchor());
  }

  private static Member member(Member m, Presence presence, String anchor) {
    return new Member(
        m.identity(),
        m.address(),
        m.serial(),
        presence,
        m.seen(),
        m.trusts(),
        m.refusal(),
        anchor,
        m.leafEnd(),
        m.peerAnchors(),
        m.peersLeftOut(),
        m.earlierAnchors());
  }

  /** What the identity server sees; from a compromise on, it trusts less. */
  Situation situation(Rotation rotation) {
    if (rotation.compromised() && !rotation.isDone() && !rotation.id().equals(settledId)) {
      if (!othersDistrusted) {
        othersDistrusted = true;
        askedFor = 0;
      }
      if (decided.add(rotation.id())) {
        issuers.put(issuer, issuing);
        if (!rotation.leaving().meets(issuers.values())) {
          unreached.add(rotation.id());
        } else {
          issuers.forEach(
              (number, anchor) -> {
                if (rotation.staying().contains(anchor)) {
                  distrusted.add(number);
                }
              });
        }
      }
    }
    return new Situation(
        now,
        observedSince,
        bundle,
        distrusted.contains(issuer) ? "" : issuing,
        canaryFailure,
        askedFor == issuer,
        revoked,
        settled && askedFor == 0 && !othersDistrusted,
        fleet());
  }

  /** The leaves that count. */
  List<Member> fleet() {
    connections.removeIf(c -> !c.client.takesPart() || !c.server.takesPart());
    // Reports are sent again when the peers change.
    workloads.forEach(Workload::report);
    List<Member> fleet = new ArrayList<>();
    for (Member member : ledger.values()) {
      int signer = issued.get(Integer.parseInt(member.serial(), 16) - 1).issuer;
      // Nobody takes a leaf of a revoked issuer, so it is not waited for.
      if (now.isBefore(member.leafEnd())
          && (member.presence() == Presence.LIVE || !revokedIssuers.contains(signer))) {
        fleet.add(distrusted.contains(signer) ? member(member, member.presence(), "") : member);
      }
    }
    return fleet;
  }

  /** Issuers but those under anchors that stay which were made since a compromise is known. */
  private void revoke(Rotation rotation) {
    revoked = revoked.plus(rotation.leaving());
    issuers.forEach(
        (number, anchor) -> {
          if (number != issuer
              && (distrusted.contains(number) || !rotation.staying().contains(anchor))) {
            revokedIssuers.add(number);
          }
        });
  }

  /** Whether a peer that has heard of all takes a leaf. */
  private boolean isTaken(Leaf leaf) {
    return now.isBefore(leaf.end)
        && leaf.verifiesUnder(bundle)
        && !revokedIssuers.contains(leaf.issuer);
  }

  /**
   * After a compromise, nothing that was signed before it was known is good, nor what a thief has;
   * unless nothing was ever signed under an anchor that leaves.
   */
  void requireThatNothingFromBeforeIsGood(Rotation rotation) {
    if (unreached.contains(rotation.id())) {
      return;
    }
    for (Leaf leaf : issued.subList(0, issuedBefore)) {
      assertThat(isTaken(leaf)).as("%s is good after %s", leaf, rotation).isFalse();
    }
    for (Leaf leaf : thief.leaves()) {
      assertThat(isTaken(leaf)).as("%s of a thief is good after %s", leaf, rotation).isFalse();
    }
  }

  /** Whether whoever has a leaf can renew by it. */
  boolean provesIdentity(Leaf leaf) {
    return !othersDistrusted || leaf.issuer == askedFor;
  }

  /** Has the key of the issuer that was in force when the rotation began. */
  final class Thief {
    private @Nullable Leaf forged;
    private @Nullable Leaf renewed;

    /** Copies the key of the issuer in force. What the thief had before is of no interest. */
    void steal() {
      forged = unrecorded("forged");
      renewed = null;
    }

    /** Renews by each leaf that proves an identity: those on record, and those like one of them. */
    void renew() {
      for (Leaf leaf : leaves()) {
        if (isTaken(leaf) && provesIdentity(leaf)) {
          renewed = issue("web");
        }
      }
    }

    private List<Leaf> leaves() {
      List<Leaf> leaves = new ArrayList<>();
      if (forged != null) {
        // It is made anew at any time.
        forged = new Leaf(forged.serial, forged.anchor, forged.crossSigners, end(), forged.issuer);
        leaves.add(forged);
      }
      if (renewed != null) {
        leaves.add(renewed);
      }
      return leaves;
    }
  }

  /** The anchors that leave in a rotation are with somebody else, too. */
  void compromise(Rotation rotation) {
    compromised = compromised.plus(rotation.leaving());
    awaited = rotation.staying();
    issuedBefore = issued.size();
    workloads.forEach(workload -> workload.awaits = workload.missing());
  }

  /** Another rotation begins, and its anchors are in good order. */
  void rotate() {
    awaited = AnchorSet.NONE;
    thief.steal();
  }

  /** The identity server stops and starts: streams end, what is in memory is lost. */
  void restartServer(Rotation rotation) {
    askedFor = 0;
    // Before it takes calls.
    othersDistrusted = rotation.compromised() && !rotation.isDone();
    settledId = "";
    observedSince = now;
    for (Workload workload : workloads) {
      if (workload.connected) {
        workload.disconnect();
      }
    }
  }

  /** Does a step. The rotation afterwards. */
  Rotation act(Rotation rotation, Step step) {
    switch (step) {
      case Step.Wait wait -> {
        // Nothing.
      }
      case Step.Next next -> {
        return rotation.in(next.phase(), now, "");
      }
      case Step.Publish publish -> {
        requireNoStrangerIsCutOff(rotation, publish.anchors());
        bundle = publish.anchors();
        settled = false;
      }
      case Step.IssueUnder issue -> {
        if (keysAway) {
          return rotation;
        }
        if (!issue.anchors().contains(issuing) || distrusted.contains(issuer)) {
          if (!issue.crossSign() && !rotation.reversed()) {
            requireThatNoStrangerIsCutOff(rotation, issue.anchors());
          }
          issuer++;
          issuing = issue.anchors().iterator().next();
          issuers.put(issuer, issuing);
          crossSigners = issue.crossSign() ? rotation.leaving() : AnchorSet.NONE;
        }
        settled = false;
        assertThat(crossSigners.meets(compromised.fingerprints()))
            .as("a compromised anchor vouches for a new issuer in %s", rotation)
            .isFalse();
      }
      case Step.AskRenewal ask -> askedFor = issuer;
      case Step.Revoke revoke -> revoke(rotation);
      case Step.Settle settle -> {
        // The bridge to the anchor that has left is not sent any more.
        crossSigners = AnchorSet.NONE;
        settled = true;
        askedFor = 0;
        othersDistrusted = false;
        settledId = rotation.compromised() ? rotation.id() : "";
      }
    }
    return rotation;
  }

  /** A step of which a crash left nothing but the files that it writes first. */
  void actInPart(Step step) {
    switch (step) {
      case Step.Publish publish -> settled = false;
      case Step.IssueUnder issue -> settled = false;
      case Step.Settle settle -> crossSigners = AnchorSet.NONE;
      default -> {
        // Nothing.
      }
    }
  }

  /**
   * An anchor does not leave while somebody reports a peer under it of which nothing else is known.
   */
  private void requireNoStrangerIsCutOff(Rotation rotation, AnchorSet next) {
    if (rotation.compromised()) {
      return;
    }
    AnchorSet left = bundle.minus(next);
    for (Connection connection : connections) {
      for (Workload witness : List.of(connection.client, connection.server)) {
        Workload peer = connection.peerOf(witness);
        assertThat(
                peer.stranger
                    && witness.connected
                    && !witness.frozen
                    && left.contains(connection.peerAnchor(witness)))
            .as("%s, a peer of %s, is cut off by %s in %s", peer, witness, next, rotation)
            .isFalse();
      }
    }
  }

  /**
   * Nobody issues under anchors alone that a peer whom somebody reports does not know, whether the
   * report has room for its name or not.
   */
  private void requireThatNoStrangerIsCutOff(Rotation rotation, AnchorSet next) {
    if (rotation.compromised()) {
      return;
    }
    for (Connection connection : connections) {
      for (Workload witness : List.of(connection.client, connection.server)) {
        Workload peer = connection.peerOf(witness);
        assertThat(
                peer.stranger
                    && !peer.trust.meets(next.fingerprints())
                    && witness.connected
                    && !witness.frozen
                    && !rotation.waived().contains(witness.identity))
            .as("%s, a peer of %s, is cut off by %s in %s", peer, witness, next, rotation)
            .isFalse();
      }
    }
  }

  /** At each moment, each workload that takes part verifies each other's leaf. */
  void requireMutualTrust(Rotation rotation) {
    List<Workload> parties =
        workloads.stream()
            .filter(Workload::isParty)
            .filter(workload -> !rotation.waived().contains(workload.identity))
            .toList();
    for (Workload client : parties) {
      for (Workload server : parties) {
        if (!client.leaf.verifiesUnder(server.trust)) {
          throw new AssertionError(client + " is no peer for " + server + " in " + rotation);
        }
      }
    }
  }

  /** A compromised anchor that has left vouches for nothing new, and never comes back. */
  void requireThatWhatHasLeftIsGone(AnchorSet gone) {
    AnchorSet back = AnchorSet.of(gone.fingerprints().stream().filter(bundle::contains).toList());
    assertThat(back.isEmpty()).as("compromised anchors %s are back", back).isTrue();
    assertThat(gone.contains(issuing)).as("issued under %s, which has left", issuing).isFalse();
  }

  @Nullable Workload find(int index) {
    return workloads.isEmpty() ? null : workloads.get(Math.floorMod(index, workloads.size()));
  }
}
