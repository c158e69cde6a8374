package io.signetmesh.cli.trust;

import static io.signetmesh.rotation.Phase.ACTIVATE;
import static io.signetmesh.rotation.Phase.DISTRIBUTE;
import static io.signetmesh.rotation.Phase.RENEW;
import static io.signetmesh.rotation.Phase.RETIRE;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.Member;
import io.signetmesh.rotation.Member.Presence;
import io.signetmesh.rotation.NewAnchor;
import io.signetmesh.rotation.Obstacle;
import io.signetmesh.rotation.Rotation;
import io.signetmesh.rotation.RotationPlan;
import io.signetmesh.rotation.RotationProcedure;
import io.signetmesh.rotation.Situation;
import io.signetmesh.rotation.Step;
import io.signetmesh.rotation.server.RotationMessages;
import io.signetmesh.v1.AnchorNeed;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustAnchorStatus;
import io.signetmesh.v1.TrustAnchorStatus.State;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotation.Phase;
import io.signetmesh.v1.TrustRotationEvent;
import io.signetmesh.v1.TrustRotationObstacle;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * States of a mesh as an identity server tells them: rotations, obstacles and findings are those of
 * the procedure itself, for workloads that are made up. The certificates are files, so that
 * fingerprints and dates in expected outputs are always the same: {@code old.pem} lives from June
 * 2017 to June 2027, {@code new.pem} from November 2026 for ten years, {@code short.pem} until
 * December 9 2026, and the issuers a year.
 */
final class TrustStates {
  static final Instant NOW = Instant.parse("2026-11-29T12:00:00Z");
  static final String ID = "4f1c09be27a3d815";
  private static final String OPERATOR = "operator uid 0";
  private static final java.time.Duration RENEW_WINDOW = java.time.Duration.ofMinutes(10);

  /** Servers tell nanoseconds. */
  private static final int MORE_THAN_PEOPLE_READ = 250_000_001;

  static final X509Certificate OLD = certificate("old");
  static final X509Certificate NEW = certificate("new");
  static final X509Certificate SHORT = certificate("short");
  static final X509Certificate OLD_ISSUER = certificate("old-issuer");
  static final X509Certificate NEW_ISSUER = certificate("new-issuer");

  private TrustStates() {}

  private static X509Certificate certificate(String name) {
    try {
      return Certificates.readPem(resource(name + ".pem")).getFirst();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  static Path resource(String name) {
    return Path.of("src/test/resources/io/signetmesh/cli/trust", name);
  }

  static ByteString sha256(X509Certificate certificate) {
    return ByteString.copyFrom(Certificates.sha256(certificate));
  }

  static String hex(X509Certificate certificate) {
    return HexFormat.of().formatHex(Certificates.sha256(certificate));
  }

  static ByteString der(X509Certificate certificate) {
    return ByteString.copyFrom(Certificates.der(certificate));
  }

  static ByteString digest(X509Certificate... anchors) {
    String[] names = new String[anchors.length];
    for (int i = 0; i < anchors.length; i++) {
      names[i] = hex(anchors[i]);
    }
    return ByteString.copyFrom(HexFormat.of().parseHex(AnchorSet.of(names).digest()));
  }

  static String dns(String account) {
    return account + ".shop.serviceaccount.identity.linkerd.cluster.local";
  }

  static Timestamp at(long secondsFromNow) {
    return Timestamp.newBuilder().setSeconds(NOW.getEpochSecond() + secondsFromNow).build();
  }

  static AnchorNeed need(X509Certificate anchor, AnchorNeed.Reason... reasons) {
    return AnchorNeed.newBuilder()
        .setAnchorSha256(sha256(anchor))
        .addAllReasons(List.of(reasons))
        .build();
  }

  static TrustAnchorStatus anchor(
      X509Certificate certificate, State state, int live, int gone, int silent) {
    return TrustAnchorStatus.newBuilder()
        .setCertificate(der(certificate))
        .setSha256(sha256(certificate))
        .setState(state)
        .setLiveLeaves(live)
        .setGoneLeaves(gone)
        .setSilentLeaves(silent)
        .build();
  }

  private static AnchorSet set(X509Certificate... anchors) {
    return AnchorSet.of(Stream.of(anchors).map(TrustStates::hex).toList());
  }

  // ---- workloads

  private static Member member(
      String account, Presence presence, X509Certificate anchor, AnchorSet trusts, String refusal) {
    boolean silent = presence == Presence.SILENT;
    return new Member(
        dns(account),
        silent ? "" : "10.0.0." + account.length(),
        "3f2a" + account.length(),
        presence,
        NOW.minusSeconds(silent ? 18 * 3600 : 42),
        silent ? "" : trusts.digest(),
        refusal,
        hex(anchor),
        NOW.plusSeconds(6 * 3600),
        Map.of());
  }

  /** A leaf, as the server tells it while the old and the new anchor are in force. */
  static MeshLeaf.Builder leaf(
      String account, MeshLeaf.Presence presence, X509Certificate anchor, ByteString trusts) {
    Member member = member(account, Presence.valueOf(presence.name()), anchor, AnchorSet.NONE, "");
    MeshLeaf.Builder leaf = RotationMessages.leaf(member, set(OLD, NEW)).toBuilder();
    return presence == MeshLeaf.Presence.SILENT ? leaf : leaf.setTrustedDigest(trusts);
  }

  /** All that the fleet of this class has but what is named in a state. */
  private static List<Member> others(int count, X509Certificate anchor, AnchorSet trusts) {
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      members.add(member("w" + i, Presence.LIVE, anchor, trusts, ""));
    }
    return members;
  }

  private static Member legacy() {
    return member("legacy", Presence.SILENT, OLD, AnchorSet.NONE, "");
  }

  private static List<Member> fleet(List<Member> some, Member... more) {
    List<Member> fleet = new ArrayList<>(some);
    fleet.addAll(List.of(more));
    return fleet;
  }

  // ---- rotations

  static TrustRotationEvent event(long second, String who, Phase phase, String what, String why) {
    return TrustRotationEvent.newBuilder()
        .setAt(at(second).toBuilder().setNanos(MORE_THAN_PEOPLE_READ))
        .setWho(who)
        .setPhase(phase)
        .setWhat(what)
        .setWhy(why)
        .build();
  }

  private static Instant time(long second) {
    return NOW.plusSeconds(second).plusNanos(MORE_THAN_PEOPLE_READ);
  }

  /** A rotation that began at {@code first} seconds from now and took each phase in turn. */
  private static Rotation rotation(
      long first, boolean compromised, io.signetmesh.rotation.Phase... phases) {
    Rotation rotation =
        Rotation.start(
            ID,
            set(OLD),
            set(NEW),
            compromised,
            RENEW_WINDOW,
            time(first),
            OPERATOR,
            compromised ? "the key was copied" : "yearly rotation");
    long at = first;
    for (io.signetmesh.rotation.Phase phase : phases) {
      at += 2;
      rotation = rotation.in(phase, time(at), "");
    }
    return rotation;
  }

  private static Rotation aborted(Rotation rotation, long second) {
    try {
      return rotation.abort(time(second), OPERATOR, "it is the wrong anchor");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  static TrustRotationObstacle obstacle(String kind, String account, String message) {
    return TrustRotationObstacle.newBuilder()
        .setKind(kind)
        .setWorkload(dns(account))
        .setMessage(dns(account) + " " + message)
        .build();
  }

  /** What the procedure does now. */
  private static Step next(
      Rotation rotation, AnchorSet bundle, X509Certificate issuing, List<Member> fleet) {
    return RotationProcedure.next(
        rotation,
        new Situation(
            NOW,
            NOW.minusSeconds(86_400),
            bundle,
            hex(issuing),
            "",
            true,
            AnchorSet.NONE,
            false,
            fleet));
  }

  private static List<Obstacle> waitsFor(
      Rotation rotation, AnchorSet bundle, X509Certificate issuing, List<Member> fleet) {
    return ((Step.Wait) next(rotation, bundle, issuing, fleet)).obstacles();
  }

  // ---- states

  /** What the service answers. The numbers are counted as it counts them. */
  private static GetTrustResponse trust(
      List<Member> fleet,
      X509Certificate issuer,
      X509Certificate issuing,
      Map<X509Certificate, State> anchors,
      @Nullable TrustRotation rotation) {
    AnchorSet inForce =
        set(
            anchors.entrySet().stream()
                .filter(anchor -> anchor.getValue() != State.RETIRED)
                .map(Map.Entry::getKey)
                .toArray(X509Certificate[]::new));
    GetTrustResponse.Builder trust =
        GetTrustResponse.newBuilder()
            .setTrustDomain("cluster.local")
            .addIssuerChain(der(issuer))
            .setIssuerAnchorSha256(sha256(issuing));
    anchors.forEach(
        (anchor, state) -> {
          TrustAnchorStatus.Builder status =
              TrustAnchorStatus.newBuilder()
                  .setSha256(sha256(anchor))
                  .setState(state)
                  .setLiveLeaves(count(fleet, Presence.LIVE, m -> m.anchor().equals(hex(anchor))))
                  .setGoneLeaves(count(fleet, Presence.GONE, m -> m.anchor().equals(hex(anchor))))
                  .setSilentLeaves(
                      count(fleet, Presence.SILENT, m -> m.anchor().equals(hex(anchor))));
          if (state != State.RETIRED) {
            status.setCertificate(der(anchor));
          }
          trust.addAnchors(status);
        });
    Predicate<Member> adopted = member -> member.trusts().equals(inForce.digest());
    trust
        .setLive(count(fleet, Presence.LIVE, member -> true))
        .setAdopted(count(fleet, Presence.LIVE, adopted))
        .setGone(count(fleet, Presence.GONE, member -> true))
        .setSilent(count(fleet, Presence.SILENT, member -> true));
    fleet.stream()
        .filter(member -> member.presence() == Presence.LIVE && !adopted.test(member))
        .forEach(member -> trust.addBehind(RotationMessages.leaf(member, inForce)));
    if (rotation != null) {
      trust.setRotation(rotation);
    }
    return trust.build();
  }

  private static int count(List<Member> fleet, Presence presence, Predicate<Member> which) {
    return (int) fleet.stream().filter(m -> m.presence() == presence).filter(which).count();
  }

  private static Map<X509Certificate, State> anchors(State old, State fresh) {
    Map<X509Certificate, State> anchors = new LinkedHashMap<>();
    anchors.put(OLD, old);
    anchors.put(NEW, fresh);
    return anchors;
  }

  private static Map<X509Certificate, State> replaced() {
    Map<X509Certificate, State> anchors = new LinkedHashMap<>();
    anchors.put(NEW, State.IN_FORCE);
    anchors.put(OLD, State.RETIRED);
    return anchors;
  }

  private static List<Member> before() {
    return fleet(others(20, OLD, set(OLD)), legacy());
  }

  /** No rotation was ever. */
  static GetTrustResponse none() {
    return trust(before(), OLD_ISSUER, OLD, Map.of(OLD, State.IN_FORCE), null);
  }

  /** The anchor in force has ten days left. */
  static GetTrustResponse ending() {
    return trust(
        others(20, SHORT, set(SHORT)), OLD_ISSUER, SHORT, Map.of(SHORT, State.IN_FORCE), null);
  }

  private static List<Member> halfDistributed(AnchorSet bundle) {
    return fleet(
        others(17, OLD, bundle),
        member("cart", Presence.LIVE, OLD, set(OLD), ""),
        member("web", Presence.LIVE, OLD, set(OLD), ""),
        member("search", Presence.LIVE, OLD, set(OLD), "anchor of an unknown key kind"));
  }

  private static GetTrustResponse distributing(List<Member> fleet) {
    Rotation rotation = rotation(-45, false, DISTRIBUTE);
    return trust(
        fleet,
        OLD_ISSUER,
        OLD,
        anchors(State.LEAVING, State.ARRIVING),
        RotationMessages.rotation(rotation, waitsFor(rotation, set(OLD, NEW), OLD, fleet)));
  }

  /** Distribute waits for three workloads, one of which refuses. */
  static GetTrustResponse distributing() {
    return distributing(fleet(halfDistributed(set(OLD, NEW)), legacy()));
  }

  /** The same in a mesh without silent workloads. */
  static GetTrustResponse distributingToAll() {
    return distributing(halfDistributed(set(OLD, NEW)));
  }

  private static Member batchGone() {
    return member("batch", Presence.GONE, OLD, set(OLD, NEW), "");
  }

  /** Renew has twelve of nineteen; one has gone away. */
  static GetTrustResponse renewing() {
    AnchorSet both = set(OLD, NEW);
    List<Member> fleet = new ArrayList<>();
    fleet.add(member("web", Presence.LIVE, OLD, both, ""));
    fleet.addAll(others(6, OLD, both));
    fleet.addAll(others(12, NEW, both));
    fleet.addAll(List.of(batchGone(), legacy()));
    Rotation rotation = rotation(-45, false, DISTRIBUTE, ACTIVATE, RENEW);
    return trust(
        fleet,
        NEW_ISSUER,
        NEW,
        anchors(State.LEAVING, State.ARRIVING),
        RotationMessages.rotation(rotation, waitsFor(rotation, both, NEW, fleet)));
  }

  /** Retire waits for a workload that went away and for one that never reported. */
  static GetTrustResponse retiring() {
    AnchorSet both = set(OLD, NEW);
    List<Member> fleet = fleet(others(19, NEW, both), batchGone(), legacy());
    Rotation rotation = rotation(-640, false, DISTRIBUTE, ACTIVATE, RENEW, RETIRE);
    return trust(
        fleet,
        NEW_ISSUER,
        NEW,
        anchors(State.LEAVING, State.ARRIVING),
        RotationMessages.rotation(rotation, waitsFor(rotation, both, NEW, fleet)));
  }

  private static List<Member> after() {
    return fleet(others(20, NEW, set(NEW)), legacy());
  }

  /** The rotation is done, with one workload waived on the way. */
  static GetTrustResponse done() {
    Rotation rotation =
        rotation(-640, false, DISTRIBUTE, ACTIVATE, RENEW)
            .in(RETIRE, time(-25), "")
            .waive(
                Set.of(dns("legacy")), List.of(legacy()), time(-20), OPERATOR, "host is scrapped")
            .in(io.signetmesh.rotation.Phase.DONE, time(-12), "");
    return trust(
        after(), NEW_ISSUER, NEW, replaced(), RotationMessages.rotation(rotation, List.of()));
  }

  /** The rotation is on its way back. */
  static GetTrustResponse goingBack() {
    Rotation rotation = aborted(rotation(-45, false, DISTRIBUTE), -5);
    List<Member> fleet =
        fleet(
            others(18, OLD, set(OLD)),
            member("cart", Presence.LIVE, OLD, set(OLD), ""),
            member("billing", Presence.LIVE, OLD, set(OLD, NEW), ""));
    return trust(
        fleet,
        OLD_ISSUER,
        OLD,
        Map.of(OLD, State.IN_FORCE),
        RotationMessages.rotation(rotation, waitsFor(rotation, set(OLD), OLD, fleet)));
  }

  /** The rotation was aborted and has gone back. */
  static GetTrustResponse aborted() {
    Rotation rotation =
        aborted(rotation(-45, false, DISTRIBUTE), -5)
            .in(io.signetmesh.rotation.Phase.DONE, time(-2), "");
    return trust(
        others(20, OLD, set(OLD)),
        OLD_ISSUER,
        OLD,
        Map.of(OLD, State.IN_FORCE),
        RotationMessages.rotation(rotation, List.of()));
  }

  /** A rotation after a compromise is done, and one workload was left behind. */
  static GetTrustResponse compromised() {
    Rotation renewing = rotation(-10, true, DISTRIBUTE, ACTIVATE, RENEW);
    List<Member> fleet =
        fleet(
            others(19, NEW, set(OLD, NEW)),
            member("cart", Presence.LIVE, OLD, set(OLD), ""),
            legacy());
    Step.Next next = (Step.Next) next(renewing, set(OLD, NEW), NEW, fleet);
    Rotation rotation =
        renewing
            .in(next.phase(), time(-3), Obstacle.leftBehind(next.leftBehind()))
            .in(io.signetmesh.rotation.Phase.DONE, time(-2), "");
    return trust(
        after(), NEW_ISSUER, NEW, replaced(), RotationMessages.rotation(rotation, List.of()));
  }

  /** A plan as the server makes it. */
  private static StartRotationResponse plan(
      X509Certificate inForce, boolean compromised, List<Member> fleet, java.time.Duration life) {
    RotationPlan plan =
        RotationPlan.of(
            new RotationPlan.Request(
                new NewAnchor(NEW, CaKey.of(PrivateKeys.generate().getPrivate())),
                Set.of(),
                compromised,
                RENEW_WINDOW),
            List.of(inForce),
            hex(inForce),
            Set.of(),
            null,
            fleet,
            life,
            NOW);
    return StartRotationResponse.newBuilder()
        .addBeforeSha256(sha256(inForce))
        .addAfterSha256(sha256(NEW))
        .setNewAnchor(der(NEW))
        .setLatestEnd(Timestamp.newBuilder().setSeconds(plan.latestEnd().getEpochSecond()))
        .addAllFindings(plan.findings().stream().map(RotationMessages::finding).toList())
        .build();
  }

  /** A plan to replace the old anchor, with a warning. */
  static StartRotationResponse plan() {
    return plan(OLD, false, before(), java.time.Duration.ofDays(1));
  }

  /** The same after a compromise; one workload went away. */
  static StartRotationResponse compromisedPlan() {
    return plan(
        OLD,
        true,
        fleet(before(), member("batch", Presence.GONE, OLD, set(OLD), "")),
        java.time.Duration.ofDays(1));
  }

  /** A plan with an error: leaves live for two weeks, the anchor for ten days. */
  static StartRotationResponse badPlan() {
    return plan(SHORT, false, fleet(List.of(), legacy()), java.time.Duration.ofDays(14));
  }

  /** The start of the rotation. */
  static StartRotationResponse started() {
    return plan().toBuilder()
        .setRotation(RotationMessages.rotation(rotation(0, false), List.of()))
        .build();
  }
}
