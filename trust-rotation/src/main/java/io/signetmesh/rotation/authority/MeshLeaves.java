package io.signetmesh.rotation.authority;

import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.ca.revocation.KnownIssuer;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.ca.revocation.RevokedCertificate;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.AdoptionLedger;
import io.signetmesh.identity.server.LeafReports;
import io.signetmesh.rotation.Member;
import io.signetmesh.rotation.Member.Presence;
import io.signetmesh.v1.PeerAnchor;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * All leaves that somebody may use: those that were issued and have neither expired nor been
 * revoked nor given up, and those that are reported. What a workload reports counts for leaves of
 * its own identity only.
 */
final class MeshLeaves {
  /** What a workload reports may be anything, and goes to terminals and logs. */
  private static final Pattern WORD = Pattern.compile("[!-~]{1,255}");

  private static final String SPIFFE = "spiffe://";

  /** A leaf. The hash codes of its strings are known: ten thousand are looked up in each look. */
  private record Key(String identity, String serial) {}

  private final String trustDomain;
  private final IssuedCertificates issued;
  private final AdoptionLedger ledger;
  private final RevocationStore revoked;
  private final IssuerAnchors anchors;
  private final Function<String, Set<String>> earlierAnchors;
  private final InstantSource clock;

  /**
   * Makes it; nothing is read before {@link #all}.
   *
   * @param earlierAnchors fingerprints of anchors that the issuer with a key was under before the
   *     last one
   */
  MeshLeaves(
      String trustDomain,
      IssuedCertificates issued,
      AdoptionLedger ledger,
      RevocationStore revoked,
      IssuerAnchors anchors,
      Function<String, Set<String>> earlierAnchors,
      InstantSource clock) {
    this.trustDomain = trustDomain;
    this.issued = issued;
    this.ledger = ledger;
    this.revoked = revoked;
    this.anchors = anchors;
    this.earlierAnchors = earlierAnchors;
    this.clock = clock;
  }

  /** The leaves now, live ones first. */
  List<Member> all() {
    Instant now = clock.instant();
    List<Member> members = new ArrayList<>();
    // There are few issuers, and each has signed many.
    Map<String, Set<String>> earlier = new HashMap<>();
    // A leaf that is served by several processes is there once for each.
    Set<Key> live = new HashSet<>();
    Map<Key, AdoptionLedger.Adoption> left = new HashMap<>();
    for (AdoptionLedger.Adoption adoption : ledger.adoptions()) {
      Key key = new Key(adoption.identity(), adoption.report().getLeaf().getSerial());
      if (adoption.connected()) {
        members.add(live(adoption, earlier));
        live.add(key);
      } else {
        left.put(key, adoption);
      }
    }
    RevocationList list = revoked.list();
    Set<Key> serials = new HashSet<>();
    for (RevokedCertificate certificate : revoked.certificates()) {
      serials.add(new Key(certificate.identity(), certificate.serial().toString(16)));
    }
    Set<String> revokedIssuers = revokedIssuers();
    LeafReports reports = ledger.reports();
    for (IssuedLeaf leaf : issued.all()) {
      Key key = new Key(leaf.identity(), leaf.serial());
      if (live.contains(key)
          || !now.isBefore(leaf.notAfter())
          || list.lists(leaf.identity())
          || serials.contains(key)
          || revokedIssuers.contains(leaf.issuerKeySha256())
          || reports.isSuperseded(leaf)) {
        continue;
      }
      members.add(absent(leaf, left.get(key), reports, earlier));
    }
    return members;
  }

  /** Keys of issuers of which each certificate is revoked: nobody takes their leaves. */
  private Set<String> revokedIssuers() {
    Set<RevocationList.Entry> listed = new HashSet<>();
    revoked.certificates().forEach(certificate -> listed.add(certificate.entry()));
    Set<String> all = new HashSet<>();
    Set<String> good = new HashSet<>();
    for (KnownIssuer issuer : revoked.issuers()) {
      (listed.contains(issuer.entry()) ? all : good).add(issuer.keySha256());
    }
    all.removeAll(good);
    return all;
  }

  private Member live(AdoptionLedger.Adoption adoption, Map<String, Set<String>> earlier) {
    ServedLeaf leaf = adoption.report().getLeaf();
    @Nullable IssuedLeaf onRecord =
        issued
            .find(leaf.getSerial())
            .filter(found -> found.identity().equals(adoption.identity()))
            .orElse(null);
    String issuerKey =
        onRecord == null ? hex(leaf.getIssuerKeySha256()) : onRecord.issuerKeySha256();
    return live(
        adoption,
        onRecord,
        anchors.of(issuerKey),
        earlier.computeIfAbsent(issuerKey, earlierAnchors),
        trustDomain);
  }

  /**
   * A workload that is connected. The serial number that it reports counts only when it is that of
   * a leaf of its identity.
   *
   * @param onRecord the leaf, if it was issued to that identity
   * @param anchor fingerprint of the anchor that it was issued under
   * @param earlierAnchors those that its issuer was under before
   */
  static Member live(
      AdoptionLedger.Adoption adoption,
      @Nullable IssuedLeaf onRecord,
      String anchor,
      Set<String> earlierAnchors,
      String trustDomain) {
    TrustReport report = adoption.report();
    return new Member(
        adoption.identity(),
        adoption.address(),
        onRecord == null ? Member.UNRECORDED : onRecord.serial(),
        Presence.LIVE,
        adoption.reportedAt(),
        hex(report.getTrustedDigest()),
        report.getRefusal().isEmpty() ? "" : WorkloadIdentity.printable(report.getRefusal()),
        anchor,
        onRecord == null ? end(report.getLeaf()) : onRecord.notAfter(),
        peers(report, trustDomain),
        peersLeftOut(report),
        earlierAnchors);
  }

  private Member absent(
      IssuedLeaf leaf,
      AdoptionLedger.@Nullable Adoption last,
      LeafReports reports,
      Map<String, Set<String>> earlier) {
    Optional<LeafReports.LeafReport> report =
        reports.of(leaf.serial()).filter(known -> known.identity().equals(leaf.identity()));
    return new Member(
        leaf.identity(),
        report.map(LeafReports.LeafReport::address).orElse(""),
        leaf.serial(),
        report.isPresent() ? Presence.GONE : Presence.SILENT,
        last != null
            ? last.reportedAt()
            : report.map(LeafReports.LeafReport::reportedAt).orElse(leaf.attestedAt()),
        report.map(LeafReports.LeafReport::trusts).orElse(""),
        "",
        anchors.of(leaf.issuerKeySha256()),
        leaf.notAfter(),
        Map.of(),
        Set.of(),
        earlier.computeIfAbsent(leaf.issuerKeySha256(), earlierAnchors));
  }

  /** The anchors of live peers of which some are not named. */
  static Set<String> peersLeftOut(TrustReport report) {
    Set<String> anchors = new HashSet<>();
    for (PeerAnchor anchor : report.getPeerAnchorsList()) {
      if (anchor.getPeersLeftOut()) {
        anchors.add(hex(anchor.getAnchorSha256()));
      }
    }
    return anchors;
  }

  /**
   * The anchors of live peers, with names of those of the own trust domain. A peer of another one
   * is verified under the bundle of that: whatever leaves the own bundle does not concern it, also
   * when both domains have an anchor in common.
   */
  static Map<String, Set<String>> peers(TrustReport report, String trustDomain) {
    Map<String, Set<String>> peers = new HashMap<>();
    for (PeerAnchor anchor : report.getPeerAnchorsList()) {
      Set<String> names = new TreeSet<>();
      for (String name : anchor.getPeersList()) {
        if (name.startsWith(SPIFFE) && !name.startsWith(SPIFFE + trustDomain + "/")) {
          continue;
        }
        names.add(WORD.matcher(name).matches() ? name : WorkloadIdentity.printable(name));
      }
      peers.put(hex(anchor.getAnchorSha256()), names);
    }
    return peers;
  }

  private static Instant end(ServedLeaf leaf) {
    return Instant.ofEpochSecond(
        Math.clamp(leaf.getNotAfter().getSeconds(), 0, Instant.MAX.getEpochSecond()));
  }

  private static String hex(com.google.protobuf.ByteString bytes) {
    return HexFormat.of().formatHex(bytes.toByteArray());
  }
}
