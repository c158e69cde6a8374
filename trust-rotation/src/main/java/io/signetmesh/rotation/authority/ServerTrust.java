package io.signetmesh.rotation.authority;

import io.signetmesh.identity.attest.JoinTokens;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.RetiredAnchors;
import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.revocation.KnownIssuer;
import io.signetmesh.identity.ca.revocation.RevokedCertificate;
import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.ca.source.Pkcs11Token;
import io.signetmesh.identity.ca.source.Pkcs11Token.TokenAnchor;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.crl.RevocationReason;
import io.signetmesh.identity.server.OperatorContext;
import io.signetmesh.rotation.AnchorChanges;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.Member;
import io.signetmesh.rotation.NewAnchor;
import io.signetmesh.rotation.Obstacle;
import io.signetmesh.rotation.Phase;
import io.signetmesh.rotation.Rotation;
import io.signetmesh.rotation.RotationPlan;
import io.signetmesh.rotation.RotationRefusedException;
import io.signetmesh.rotation.Situation;
import io.signetmesh.rotation.TrustAuthority;
import io.signetmesh.rotation.authority.RotationKeys.KeyedChain;
import io.signetmesh.rotation.authority.RotationKeys.Mark;
import io.signetmesh.rotation.authority.RotationKeys.Part;
import java.io.IOException;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The trust of an identity server. If its CA is in the state directory, the files of the CA are the
 * truth: this class writes them, and the server takes them as it takes each change of them. An
 * issuer from elsewhere can be observed only. Acts are for one thread at a time.
 *
 * <p>Longer than 500 lines: all acts are in one place, each with what makes it safe to repeat.
 */
public final class ServerTrust implements TrustAuthority, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ServerTrust.class);

  /** RFC 5280 section 4.1.2.2: 20 octets, the first bit is 0. */
  private static final int MAX_SERIAL_BITS = 160;

  /** A look at a million leaves takes a while, and a rotation that waits looks all the time. */
  private static final Duration RECENT = Duration.ofSeconds(1);

  private final OperatorContext server;
  private final Instant openedAt;
  private final @Nullable EmbeddedAuthority embedded;
  private final RotationKeys keys;
  private final IssuerAnchors issuerAnchors;
  private final MeshLeaves leaves;
  private final CanaryLeaf canary;

  /** What was found for the last look of a rotation; null before the first. */
  private volatile @Nullable Seen seen;

  /** Leaves of one moment. */
  private record Seen(List<Member> fleet, Instant at) {}

  /** Rotation after a compromise of which nothing is left to do; null when there is none. */
  private volatile @Nullable String settled;

  private ServerTrust(OperatorContext server, IssuerAnchors issuerAnchors) {
    this.server = server;
    this.openedAt = server.clock().instant();
    this.embedded = server.embedded();
    this.canary = new CanaryLeaf(server);
    this.keys = new RotationKeys(server.stateDirectory());
    this.issuerAnchors = issuerAnchors;
    this.leaves =
        new MeshLeaves(
            server.identity().trustDomain(),
            server.issued(),
            server.ledger(),
            server.revocationStore(),
            issuerAnchors,
            this::earlierAnchors,
            server.clock());
  }

  /**
   * Opens the trust of a server.
   *
   * @param underWay rotation whose keys are needed; null for none
   */
  public static ServerTrust open(OperatorContext server, @Nullable Rotation underWay)
      throws IOException, PkiException {
    return open(server, underWay, List.of());
  }

  /**
   * The same, with earlier rotations.
   *
   * @param ended all that have ended; of those that have not ended long ago the certificates of
   *     anchors are kept
   */
  public static ServerTrust open(
      OperatorContext server, @Nullable Rotation underWay, List<Rotation> ended)
      throws IOException, PkiException {
    ServerTrust trust = new ServerTrust(server, IssuerAnchors.open(server.stateDirectory()));
    try {
      Instant since = trust.openedAt.minus(server.leafLife());
      trust.keys.deleteAllBut(
          underWay == null ? List.of() : List.of(underWay.id()),
          ended.stream()
              .filter(rotation -> rotation.hasEndedSince(since))
              .map(Rotation::id)
              .toList());
      if (underWay != null && underWay.compromised()) {
        server.renewals().distrustOthers();
      }
      trust.issuerAnchor();
      return trust;
    } catch (IOException | PkiException | RuntimeException e) {
      trust.close();
      throw e;
    }
  }

  @Override
  public String cannotRotate() {
    return embedded == null
        ? "the issuer does not come from the state directory: replace it and its anchors where they"
            + " come from"
        : "";
  }

  @Override
  public String cannotVouch() throws IOException {
    try {
      EmbeddedAuthority.Ca ca = files().ca();
      return cannotSign(ca.anchorKey(), ca.anchor());
    } catch (PkiException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static String cannotSign(CaKey key, X509Certificate anchor) throws PkiException {
    return key.matches(anchor.getPublicKey())
        ? ""
        : "the key that is kept is not that of " + Certificates.describe(anchor);
  }

  @Override
  public String cannotReplaceIssuer(AnchorSet compromised) throws IOException {
    return mayHaveSigned(compromised) ? cannotVouch() : "";
  }

  @Override
  public String cannotIssue(Rotation rotation) {
    try {
      EmbeddedAuthority.Ca ca = files().ca();
      AnchorSet staying = rotation.staying();
      if (staying.contains(issuerAnchor())
          && !issuerAnchors.isDistrusted(issuerInForce().certificate())
          && (rotation.compromised() || !mayHaveSigned(rotation.leaving()))) {
        return "";
      }
      if (staying.contains(RotationPlan.fingerprint(ca.anchor()))) {
        return cannotSign(ca.anchorKey(), ca.anchor());
      }
      KeyedChain anchor =
          keys.read(rotation.id(), rotation.reversed() ? Part.EARLIER_ANCHOR : Part.ANCHOR);
      return cannotSign(anchor.key(), anchor.certificate());
    } catch (IOException | PkiException e) {
      return String.valueOf(e.getMessage());
    }
  }

  @Override
  public AnchorSet inForce() throws IOException, PkiException {
    AnchorSet inForce = fingerprints(anchors());
    if (embedded != null) {
      filesWith(inForce);
    }
    return inForce;
  }

  /**
   * What is in the files of the CA, if nobody has changed the anchors there.
   *
   * @param wanted anchors that may be there, beside those in force
   */
  private EmbeddedAuthority.Ca filesWith(AnchorSet wanted) throws IOException, PkiException {
    EmbeddedAuthority.Ca ca = files().ca();
    AnchorSet found = fingerprints(ca.anchors());
    AnchorSet inForce = fingerprints(anchors());
    if (!found.equals(inForce) && !found.equals(wanted)) {
      throw new RotationRefusedException(
          files()
              + " has anchors "
              + found
              + ", and in force are "
              + inForce
              + ": wait until the change is in force, or undo it if the identity server refuses it"
              + " (its log says why)");
    }
    return ca;
  }

  @Override
  public Set<String> retired() {
    return server.retired().digests();
  }

  private EmbeddedAuthority files() throws PkiException {
    if (embedded == null) {
      throw new PkiException(cannotRotate());
    }
    return embedded;
  }

  @Override
  public Situation observe(Rotation rotation) throws IOException, PkiException {
    if (rotation.compromised() && !rotation.id().equals(settled)) {
      // Before all that can fail, and also when that becomes known on the way: whoever has the key
      // of the issuer can make a leaf of anybody, and must not come to the new issuer by it.
      server.renewals().distrustOthers();
      // Nothing under an anchor goes on that was taken for one in good order.
      server.bundles().unretire(rotation.leaving().fingerprints());
    }
    String issuing = issuerAnchor();
    if (rotation.compromised()) {
      distrustEarlierIssuers(rotation);
    }
    AnchorSet bundle = fingerprints(anchors());
    requireNotTakenOut(rotation, bundle);
    Instant now = server.clock().instant();
    List<Member> fleet = fleet();
    seen = new Seen(fleet, now);
    return new Situation(
        now,
        openedAt,
        bundle,
        issuerAnchors.isDistrusted(issuerInForce().certificate()) ? "" : issuing,
        rotation.phase() == Phase.ACTIVATE ? canary.failure(rotation, bundle, known(rotation)) : "",
        server.renewals().isAskedFor(issuerKey()),
        revoked(rotation),
        !keys.hasAny(rotation.id())
            && files().ca().crossCertificates().isEmpty()
            && server.renewals().isIdle(),
        fleet);
  }

  /**
   * Decides once for a compromise which issuers under anchors that stay count no more: all that
   * were made before. Whoever has the key of an issuer of this server under an anchor that leaves
   * may have renewed forged leaves by them.
   */
  private void distrustEarlierIssuers(Rotation rotation) throws IOException, PkiException {
    if (issuerAnchors.isDecided(rotation.id())) {
      return;
    }
    if (!mayHaveSigned(rotation.leaving())) {
      issuerAnchors.distrust(rotation.id(), AnchorSet.NONE, List.of());
      return;
    }
    // The one in the files may not be in force yet.
    EmbeddedAuthority.Ca ca = files().ca();
    boolean stays = rotation.staying().contains(RotationPlan.fingerprint(ca.anchor()));
    issuerAnchors.distrust(
        rotation.id(), rotation.staying(), stays ? List.of(ca.chain().getFirst()) : List.of());
  }

  /** Whether an issuer of this server may have been under one of these anchors. */
  private boolean mayHaveSigned(AnchorSet anchors) {
    return server.revocationStore().issuers().stream()
        .map(issuer -> issuerAnchors.onRecord(issuer.keySha256()))
        .anyMatch(known -> known.isEmpty() || anchors.meets(known));
  }

  @Override
  public List<X509Certificate> anchors() {
    return server.bundles().get().anchors();
  }

  @Override
  public List<X509Certificate> issuer() throws IOException, PkiException {
    return issuerInForce().chain();
  }

  @Override
  public List<Member> fleet() {
    return leaves.all();
  }

  @Override
  public List<Member> recentFleet() {
    Seen last = seen;
    Instant now = server.clock().instant();
    return last == null || now.isBefore(last.at) || now.isAfter(last.at.plus(RECENT))
        ? fleet()
        : last.fleet;
  }

  @Override
  public Set<String> withoutToken() {
    Set<String> identities = new TreeSet<>();
    for (IssuedLeaf leaf : server.issued().all()) {
      if (leaf.attestor().equals(JoinTokens.KIND)) {
        identities.add(leaf.identity());
      }
    }
    return identities;
  }

  @Override
  public Duration leafLife() {
    return server.leafLife();
  }

  @Override
  public void adopt(String rotation, NewAnchor anchor) throws IOException {
    keys.keep(rotation, Part.ANCHOR, new KeyedChain(anchor.key(), List.of(anchor.certificate())));
  }

  @Override
  public void adoptLeft(String rotation, AnchorSet left, Collection<String> from)
      throws IOException, PkiException {
    List<X509Certificate> certificates = new ArrayList<>();
    AnchorSet missing = left;
    for (String earlier : from) {
      for (X509Certificate anchor : keys.anchors(earlier)) {
        String fingerprint = RotationPlan.fingerprint(anchor);
        if (missing.contains(fingerprint)) {
          missing = missing.minus(AnchorSet.of(fingerprint));
          certificates.add(anchor);
        }
      }
    }
    if (!missing.isEmpty()) {
      throw new PkiException("certificates of anchors " + missing + " are not kept any more");
    }
    keys.keepAnchors(rotation, certificates);
  }

  @Override
  public AnchorSet kept(String rotation) throws IOException, PkiException {
    return fingerprints(keys.anchors(rotation));
  }

  @Override
  public List<X509Certificate> keptCertificates(Collection<String> rotations)
      throws IOException, PkiException {
    List<X509Certificate> kept = new ArrayList<>();
    for (String rotation : rotations) {
      kept.addAll(keys.anchors(rotation));
    }
    return kept;
  }

  @Override
  public void end(String rotation) throws IOException, PkiException {
    seen = null;
    keys.settle(rotation);
  }

  @Override
  public void discard(String rotation) throws IOException {
    seen = null;
    keys.delete(rotation);
  }

  @Override
  public void publish(Rotation rotation, AnchorSet anchors) throws IOException, PkiException {
    Map<String, X509Certificate> known = known(rotation);
    List<X509Certificate> certificates = new ArrayList<>();
    for (String fingerprint : anchors) {
      X509Certificate certificate = known.get(fingerprint);
      if (certificate == null) {
        throw new PkiException(
            "the certificate of anchor " + fingerprint + " is lost: restore " + files());
      }
      certificates.add(certificate);
    }
    if (rotation.compromised()) {
      keepDropped(rotation, certificates);
    } else {
      requireNotUndone(rotation, anchors);
    }
    EmbeddedAuthority.Ca now = rotation.compromised() ? files().ca() : filesWith(anchors);
    keys.keepAnchors(rotation.id(), known.values());
    // Live connections under anchors that leave in good order may go on to their end.
    server.bundles().unretire(anchors.fingerprints());
    if (rotation.compromised()) {
      server.bundles().unretire(rotation.leaving().fingerprints());
    } else {
      server.bundles().retire(rotation.leaving().minus(anchors).fingerprints());
    }
    keys.mark(rotation.id(), Mark.BEGUN, anchors);
    put(now.withAnchors(certificates));
    keys.mark(rotation.id(), Mark.DONE, anchors);
    if (anchors.equals(rotation.staying())) {
      rememberRetired(rotation);
    }
  }

  /** A bundle that was in force and is not any more was changed by somebody else. */
  private void requireNotUndone(Rotation rotation, AnchorSet anchors) throws IOException {
    if (keys.isMarked(rotation.id(), Mark.DONE, anchors)) {
      throw changed(rotation, anchors);
    }
  }

  /** Nobody but the rotation takes an anchor away that leaves, which is somebody's until then. */
  private void requireNotTakenOut(Rotation rotation, AnchorSet bundle) throws IOException {
    AnchorSet staying = rotation.staying();
    String id = rotation.id();
    if (rotation.phase() != Phase.RETIRE) {
      if (bundle.equals(rotation.union())) {
        keys.mark(id, Mark.BEGUN, bundle);
      }
    } else if (!rotation.compromised()
        && bundle.equals(staying)
        // What is settled, also in part, has nothing left that a mark could be in.
        && keys.hasMarks(id)
        && !keys.isMarked(id, Mark.BEGUN, staying)
        // An abort that came before the new anchor was published has nothing to take away.
        && (!rotation.reversed() || keys.isMarked(id, Mark.BEGUN, rotation.union()))) {
      throw changed(rotation, rotation.union());
    }
  }

  private RotationRefusedException changed(Rotation rotation, AnchorSet expected) {
    return new RotationRefusedException(
        AnchorChanges.between(rotation, fingerprints(anchors()), expected, expected).stream()
            .map(Obstacle::message)
            .collect(Collectors.joining("; ")));
  }

  /** A compromised anchor leaves also when others were put beside it by hand. */
  private void keepDropped(Rotation rotation, List<X509Certificate> wanted)
      throws IOException, PkiException {
    Set<X509Certificate> dropped = new LinkedHashSet<>(files().ca().anchors());
    dropped.addAll(anchors());
    dropped.removeAll(wanted);
    dropped.removeIf(anchor -> rotation.union().contains(RotationPlan.fingerprint(anchor)));
    if (!dropped.isEmpty()) {
      log.warn(
          "rotation {} takes {} anchors away that were added by hand: they are in {}",
          rotation.id(),
          dropped.size(),
          keys.keepDropped(rotation.id(), List.copyOf(dropped)));
    }
  }

  /** None of the anchors that have left comes back, but those of an abort in good order. */
  private void rememberRetired(Rotation rotation) throws IOException, PkiException {
    if (rotation.reversed() && !rotation.compromised()) {
      return;
    }
    Map<String, X509Certificate> known = known(rotation);
    Set<String> inUse = new HashSet<>();
    for (String fingerprint : rotation.staying()) {
      X509Certificate certificate = known.get(fingerprint);
      if (certificate != null) {
        inUse.add(RetiredAnchors.key(certificate));
      }
    }
    for (String fingerprint : rotation.leaving()) {
      X509Certificate certificate = known.get(fingerprint);
      String key = certificate == null ? "" : RetiredAnchors.key(certificate);
      server.retired().retire(fingerprint, inUse.contains(key) ? "" : key, rotation.id());
    }
  }

  /**
   * Entries of the revocation list for anchors. Whoever has the key of an anchor can make issuers
   * that nobody knows: only the anchor itself is above all of them.
   */
  private List<RevokedCertificate> anchorsOf(
      AnchorSet compromised, Map<String, X509Certificate> known) {
    Set<RevocationList.Entry> staying = new HashSet<>();
    known.forEach(
        (fingerprint, anchor) -> {
          if (!compromised.contains(fingerprint)) {
            staying.add(KnownIssuer.of(anchor).entry());
          }
        });
    List<RevokedCertificate> entries = new ArrayList<>();
    for (String fingerprint : compromised) {
      X509Certificate anchor = known.get(fingerprint);
      // Nobody makes sure that two roots of one name have different serial numbers.
      if (anchor != null
          && isListable(anchor.getSerialNumber())
          && !staying.contains(KnownIssuer.of(anchor).entry())) {
        entries.add(revocation(KnownIssuer.of(anchor)));
      }
    }
    return entries;
  }

  /** Roots that somebody else has made may have any serial number. */
  private static boolean isListable(BigInteger serial) {
    return serial.signum() > 0 && serial.bitLength() < MAX_SERIAL_BITS;
  }

  private RevokedCertificate revocation(KnownIssuer issuer) {
    return new RevokedCertificate(
        issuer.parent(),
        issuer.serial(),
        RevocationReason.CA_COMPROMISE,
        server.clock().instant(),
        issuer.notAfter(),
        "");
  }

  @Override
  public void issueUnder(Rotation rotation, AnchorSet anchors, boolean crossSign)
      throws IOException, PkiException {
    EmbeddedAuthority.Ca now =
        rotation.compromised() ? files().ca() : filesWith(fingerprints(anchors()));
    String id = rotation.id();
    if (!anchors.contains(RotationPlan.fingerprint(now.anchor()))) {
      if (rotation.reversed()) {
        KeyedChain anchor = keys.read(id, Part.EARLIER_ANCHOR);
        KeyedChain earlier = keys.read(id, Part.EARLIER_ISSUER);
        if (issuerAnchors.isDistrusted(earlier.certificate())) {
          try {
            now = under(anchor, id, now, false);
          } catch (PkiException e) {
            // The compromised anchor can leave when it is above no issuer in force. What this one
            // signs until there is another one is revoked then.
            put(withIssuer(now, anchor, earlier));
            throw e;
          }
        } else {
          now = withIssuer(now, anchor, fresh(earlier, anchor));
        }
      } else {
        keys.keep(id, Part.EARLIER_ANCHOR, new KeyedChain(now.anchorKey(), List.of(now.anchor())));
        keys.keep(id, Part.EARLIER_ISSUER, new KeyedChain(CaKey.of(now.issuerKey()), now.chain()));
        now = under(keys.read(id, Part.ANCHOR), id, now, crossSign);
      }
    } else if (issuerAnchors.isDistrusted(now.chain().getFirst())) {
      now = under(new KeyedChain(now.anchorKey(), List.of(now.anchor())), id, now, false);
    }
    put(now);
  }

  private static EmbeddedAuthority.Ca withIssuer(
      EmbeddedAuthority.Ca ca, KeyedChain anchor, KeyedChain issuer) throws PkiException {
    return new EmbeddedAuthority.Ca(
        anchor.key(),
        anchor.certificate(),
        ca.anchors(),
        issuer.issuerKey(),
        issuer.chain(),
        List.of());
  }

  /** The CA with the issuer of the rotation under an anchor, which is made at the first time. */
  private EmbeddedAuthority.Ca under(
      KeyedChain anchor, String id, EmbeddedAuthority.Ca now, boolean crossSign)
      throws IOException, PkiException {
    if (!keys.has(id, Part.ISSUER) || !isOf(anchor, keys.read(id, Part.ISSUER))) {
      X509Certificate earlier = now.chain().getFirst();
      KeyPair pair = KeyKind.of("issuer", earlier.getPublicKey()).generate();
      X509Certificate certificate =
          files().makeIssuer(pair.getPublic(), anchor.key(), anchor.certificate(), life(earlier));
      keys.put(id, Part.ISSUER, new KeyedChain(CaKey.of(pair.getPrivate()), List.of(certificate)));
    }
    KeyedChain issuer = keys.read(id, Part.ISSUER);
    List<X509Certificate> cross =
        crossSign
            ? List.of(
                files()
                    .makeIssuer(
                        issuer.certificate().getPublicKey(),
                        now.anchorKey(),
                        now.anchor(),
                        life(issuer.certificate())))
            : List.of();
    return new EmbeddedAuthority.Ca(
        anchor.key(),
        anchor.certificate(),
        now.anchors(),
        issuer.issuerKey(),
        issuer.chain(),
        cross);
  }

  /** Whether an issuer that is kept is under that anchor, and from after the last compromise. */
  private boolean isOf(KeyedChain anchor, KeyedChain issuer) {
    return !issuerAnchors.isDistrusted(issuer.certificate())
        && !IssuerAnchors.anchorAbove(issuer.chain(), List.of(anchor.certificate())).isEmpty();
  }

  /** The same issuer, or another one if it has ended or is about to. */
  private KeyedChain fresh(KeyedChain issuer, KeyedChain anchor) throws PkiException {
    X509Certificate certificate = issuer.certificate();
    Duration life = life(certificate);
    if (server
        .clock()
        .instant()
        .isBefore(certificate.getNotAfter().toInstant().minus(life.dividedBy(3)))) {
      return issuer;
    }
    KeyPair pair = KeyKind.of("issuer", certificate.getPublicKey()).generate();
    return new KeyedChain(
        CaKey.of(pair.getPrivate()),
        List.of(files().makeIssuer(pair.getPublic(), anchor.key(), anchor.certificate(), life)));
  }

  private static Duration life(X509Certificate issuer) {
    return Duration.between(issuer.getNotBefore().toInstant(), issuer.getNotAfter().toInstant());
  }

  @Override
  public void askRenewal(Rotation rotation, Duration window) {
    server.renewals().ask(rotation.id(), issuerKey(), window);
  }

  @Override
  public void revoke(Rotation rotation) throws IOException, PkiException {
    List<RevokedCertificate> certificates =
        new ArrayList<>(anchorsOf(rotation.leaving(), known(rotation)));
    for (KnownIssuer issuer : issuersNotUnder(rotation.staying())) {
      certificates.add(revocation(issuer));
    }
    server.revocationStore().revoke(certificates);
  }

  @Override
  public void settle(Rotation rotation) throws IOException, PkiException {
    // Before its certificates are deleted: a crash may have come between the bundle and this.
    rememberRetired(rotation);
    put(filesWith(fingerprints(anchors())).withoutCrossCertificates());
    server.renewals().end();
    keys.settle(rotation.id());
    if (rotation.compromised()) {
      settled = rotation.id();
    }
  }

  /** Writes the files and has the server take them now. */
  private void put(EmbeddedAuthority.Ca ca) throws IOException, PkiException {
    files().replace(ca);
    server.changes().take();
    issuerAnchor();
  }

  @Override
  public String issuerAnchor() throws IOException, PkiException {
    Issuer issuer = issuerInForce();
    String anchor = IssuerAnchors.anchorAbove(issuer.chain(), anchors());
    for (X509Certificate certificate : issuer.chain()) {
      issuerAnchors.learn(certificate, anchor);
    }
    return anchor;
  }

  @Override
  public Set<String> earlierIssuerAnchors() throws IOException, PkiException {
    Set<String> earlier = new TreeSet<>();
    for (X509Certificate certificate : issuerInForce().chain()) {
      earlier.addAll(earlierAnchors(KnownIssuer.of(certificate).keySha256()));
    }
    return earlier;
  }

  /** The anchors of an issuer before the last, but those of the same name and key as the last. */
  private Set<String> earlierAnchors(String issuerKey) {
    Set<String> earlier = issuerAnchors.earlier(issuerKey);
    if (earlier.isEmpty()) {
      return earlier;
    }
    String last = issuerAnchors.of(issuerKey);
    Set<String> others = new TreeSet<>(earlier);
    for (X509Certificate anchor : anchors()) {
      if (RotationPlan.fingerprint(anchor).equals(last)) {
        for (X509Certificate twin : anchors()) {
          if (twin.getSubjectX500Principal().equals(anchor.getSubjectX500Principal())
              && twin.getPublicKey().equals(anchor.getPublicKey())) {
            others.remove(RotationPlan.fingerprint(twin));
          }
        }
      }
    }
    return others;
  }

  /** The issuer in force, also one that issues no more because it is about to end. */
  private Issuer issuerInForce() throws IOException, PkiException {
    try {
      return server.authority().requireIssuer();
    } catch (IOException | PkiException e) {
      Issuer last = server.authority().issuerInUse();
      if (last == null) {
        throw e;
      }
      return last;
    }
  }

  private String issuerKey() {
    Issuer issuer = server.authority().issuerInUse();
    return issuer == null
        ? ""
        : HexFormat.of().formatHex(Certificates.sha256(issuer.certificate().getPublicKey()));
  }

  /** The compromised anchors, if they and all issuers but those under others are revoked. */
  private AnchorSet revoked(Rotation rotation) throws IOException, PkiException {
    if (!rotation.compromised()) {
      return AnchorSet.NONE;
    }
    Set<RevocationList.Entry> listed = new HashSet<>();
    server.revocationStore().certificates().forEach(one -> listed.add(one.entry()));
    boolean all =
        issuersNotUnder(rotation.staying()).stream().allMatch(i -> listed.contains(i.entry()))
            && anchorsOf(rotation.leaving(), known(rotation)).stream()
                .allMatch(anchor -> listed.contains(anchor.entry()));
    return all ? rotation.leaving() : AnchorSet.NONE;
  }

  /** All known issuers but those under anchors that stay, the unknown anchors included. */
  private List<KnownIssuer> issuersNotUnder(AnchorSet staying) {
    Instant now = server.clock().instant();
    Issuer used = server.authority().issuerInUse();
    Set<String> inUse = new HashSet<>();
    if (used != null) {
      used.chain().forEach(certificate -> inUse.add(KnownIssuer.of(certificate).keySha256()));
    }
    return server.revocationStore().issuers().stream()
        .filter(issuer -> !inUse.contains(issuer.keySha256()))
        .filter(issuer -> !staying.contains(issuerAnchors.of(issuer.keySha256())))
        .filter(issuer -> !issuer.name().equals(issuer.parent()))
        .filter(issuer -> issuer.notAfter().isAfter(now))
        .toList();
  }

  /** Anchors by fingerprint: those in force, those in the files and those of a rotation. */
  private Map<String, X509Certificate> known(Rotation rotation) throws IOException, PkiException {
    Map<String, X509Certificate> known = new LinkedHashMap<>();
    keys.anchors(rotation.id()).forEach(a -> known.put(RotationPlan.fingerprint(a), a));
    anchors().forEach(anchor -> known.put(RotationPlan.fingerprint(anchor), anchor));
    files().ca().anchors().forEach(a -> known.put(RotationPlan.fingerprint(a), a));
    for (Part part : List.of(Part.ANCHOR, Part.EARLIER_ANCHOR)) {
      if (keys.has(rotation.id(), part)) {
        X509Certificate anchor = keys.read(rotation.id(), part).certificate();
        known.put(RotationPlan.fingerprint(anchor), anchor);
      }
    }
    return known;
  }

  @Override
  public NewAnchor makeAnchor(KeyKind kind, Duration life) throws PkiException {
    KeyPair pair = kind.generate();
    Instant now = server.clock().instant();
    return new NewAnchor(
        CertificateBuilder.anchor(
            anchorName(),
            pair.getPublic(),
            SigningKey.of(pair.getPrivate()),
            EmbeddedAuthority.start(now),
            now.plus(life)),
        CaKey.of(pair.getPrivate()));
  }

  @Override
  public @Nullable NewAnchor findAnchor(Pkcs11Token.Config place) throws PkiException {
    TokenAnchor found = Pkcs11Token.find(place, keys.directory());
    return found == null ? null : NewAnchor.of(found.certificate(), found.key());
  }

  @Override
  public NewAnchor makeAnchor(Pkcs11Token.Config place, KeyKind kind, Duration life)
      throws PkiException {
    Instant now = server.clock().instant();
    TokenAnchor made =
        Pkcs11Token.createAnchor(
            place,
            anchorName(),
            kind,
            EmbeddedAuthority.start(now),
            now.plus(life),
            keys.directory());
    return NewAnchor.of(made.certificate(), made.key());
  }

  private String anchorName() {
    return "root."
        + server.identity().controlPlaneNamespace()
        + "."
        + server.identity().trustDomain();
  }

  private static AnchorSet fingerprints(List<X509Certificate> anchors) {
    return AnchorSet.of(anchors.stream().map(RotationPlan::fingerprint).toList());
  }

  @Override
  public void close() {
    issuerAnchors.close();
  }
}
