package io.signetmesh.identity.pki;

import io.signetmesh.identity.crypto.Signatures;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.security.auth.x500.X500Principal;
import org.jspecify.annotations.Nullable;

/**
 * Verifies that a peer's certificate chain leads to an anchor of a trust bundle (RFC 5280 section
 * 6), at the time of a clock, for one purpose. Host names play no part: the caller compares the
 * returned identity with the one it expects.
 *
 * <p>The verifier builds the path itself instead of calling the platform's PKIX builder, because a
 * proxy verifies one chain per connection and mesh chains are short: leaf, rarely more than one
 * intermediate, anchor. It is stricter than RFC 5280: a leaf must carry a name and an extended key
 * usage for the purpose, and must not be a CA. Anchors must be within their validity period and
 * obey their own path length. Extended key usage is checked on CA certificates that carry it. A
 * client may have only a few names without special characters, because denials are matched against
 * each of them. A critical extension is refused unless it is basic constraints, key usage, extended
 * key usage, subject alternative name or name constraints.
 *
 * <p>Accepted signatures: ECDSA and RSA PKCS#1 with SHA-256, SHA-384 or SHA-512, and Ed25519.
 * Accepted keys: NIST P-256, P-384, P-521, Ed25519, RSA from 2048 to 8192 bits.
 *
 * <p>Valid signatures are cached, because they never become invalid: a chain seen before costs no
 * public-key operation. Everything that depends on the time or on the bundle is checked each time.
 * Thread-safe.
 *
 * <p>Longer than 500 lines: a reviewer should find all rules for a chain in one place.
 */
public final class ChainVerifier {
  /** What the peer uses its certificate for. */
  public enum Purpose {
    /** The peer is the TLS server. */
    SERVER("1.3.6.1.5.5.7.3.1", "serverAuth"),
    /** The peer is the TLS client. */
    CLIENT("1.3.6.1.5.5.7.3.2", "clientAuth");

    private final String oid;
    private final String usage;

    Purpose(String oid, String usage) {
      this.oid = oid;
      this.usage = usage;
    }
  }

  /** Longest chain taken from a peer; more would only serve to waste our time. */
  private static final int MAX_CHAIN = 10;

  /**
   * Signatures of one chain that may fail beyond one for each anchor: anchors of one name, as a
   * rotation makes them, are told apart by nothing else.
   */
  private static final int MAX_STRAY_SIGNATURES = 2;

  /**
   * Pairs of issuer and issued looked at for one chain before giving up: certificates that all
   * issue each other have as many paths as orders.
   */
  private static final int MAX_STEPS = 256;

  /** A longer public exponent makes each check of a signature as dear as signing. */
  private static final int MAX_RSA_EXPONENT_BITS = 33;

  /** Names of a client: each decision may have to look at all of them. */
  private static final int MAX_CLIENT_NAMES = 16;

  /** Subject alternative names of a leaf, bytes: they are read before anything is trusted. */
  private static final int MAX_ALTERNATIVES_BYTES = 8 * 1024;

  /** Remembered signatures; at 100 bytes each, the memory stays under half a megabyte. */
  private static final int MAX_REMEMBERED = 4096;

  private static final String SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
  private static final String NAME_CONSTRAINTS = "2.5.29.30";
  private static final Set<String> UNDERSTOOD_EXTENSIONS =
      Set.of("2.5.29.15", SUBJECT_ALTERNATIVE_NAME, "2.5.29.19", "2.5.29.37", NAME_CONSTRAINTS);
  private static final Set<String> SIGNATURES =
      Set.of(
          "1.2.840.10045.4.3.2", // ecdsa-with-SHA256
          "1.2.840.10045.4.3.3", // ecdsa-with-SHA384
          "1.2.840.10045.4.3.4", // ecdsa-with-SHA512
          "1.2.840.113549.1.1.11", // sha256WithRSAEncryption
          "1.2.840.113549.1.1.12", // sha384WithRSAEncryption
          "1.2.840.113549.1.1.13", // sha512WithRSAEncryption
          "1.3.101.112"); // Ed25519
  private static final int DIGITAL_SIGNATURE = 0;
  private static final int KEY_CERT_SIGN = 5;

  private static final String SPIFFE = "spiffe://";

  private final PeerTrust trust;
  private final InstantSource clock;
  private final Set<ByteBuffer> goodSignatures = ConcurrentHashMap.newKeySet();

  private ChainVerifier(PeerTrust trust, InstantSource clock) {
    this.trust = trust;
    this.clock = clock;
  }

  /** The chain verifies, but one of its certificates or its identity is revoked. */
  public static final class RevokedException extends CertificateException {
    private static final long serialVersionUID = 1L;

    RevokedException(String message) {
      super(message);
    }
  }

  /** How many anchors share the most common name. */
  private static int namesakes(List<X509Certificate> anchors) {
    Map<X500Principal, Integer> count = new HashMap<>();
    int most = 0;
    for (X509Certificate anchor : anchors) {
      most = Math.max(most, count.merge(anchor.getSubjectX500Principal(), 1, Integer::sum));
    }
    return most;
  }

  /** A verifier against the anchors of a bundle, at the time of a clock. */
  public static ChainVerifier of(TrustBundle bundle, InstantSource clock) {
    return of(PeerTrust.of(bundle), clock);
  }

  /** A verifier that also knows foreign trust domains and revocations. */
  public static ChainVerifier of(PeerTrust trust, InstantSource clock) {
    return new ChainVerifier(trust, clock);
  }

  /**
   * Verifies a chain and returns the identity of its leaf, as {@link #verifyPeer}.
   *
   * @throws CertificateException as {@link #verifyPeer}
   */
  public PeerIdentity verify(List<X509Certificate> chain, Purpose purpose)
      throws CertificateException {
    return verifyPeer(chain, purpose).identity();
  }

  /**
   * Verifies a chain and returns the peer that it identifies.
   *
   * <p>A leaf with a SPIFFE id of a federated trust domain must lead to an anchor of that domain,
   * and identifies the peer by that one id only. Without a bundle of that domain it is refused. Any
   * other leaf must lead to an anchor of the own domain.
   *
   * @param chain leaf first; the order of the others does not matter
   * @throws RevokedException when the chain verifies, but the identity or a certificate is revoked
   * @throws CertificateExpiredException when a certificate of the only path has expired
   * @throws CertificateNotYetValidException when a certificate of the only path is not valid yet
   * @throws CertificateException when there is no path for another reason; the message names the
   *     certificate and the rule
   */
  public VerifiedPeer verifyPeer(List<X509Certificate> chain, Purpose purpose)
      throws CertificateException {
    if (chain.isEmpty() || chain.size() > MAX_CHAIN) {
      throw new CertificateException(
          "chain of " + chain.size() + " certificates: expected 1 to " + MAX_CHAIN);
    }
    Instant now = clock.instant();
    X509Certificate leaf = chain.getFirst();
    checkLeaf(leaf, purpose, now);
    byte[] alternatives = leaf.getExtensionValue(SUBJECT_ALTERNATIVE_NAME);
    if (alternatives != null && alternatives.length > MAX_ALTERNATIVES_BYTES) {
      throw new CertificateException(
          "certificate "
              + Certificates.describe(leaf)
              + " has "
              + alternatives.length
              + " bytes of subject alternative names: expected at most "
              + MAX_ALTERNATIVES_BYTES);
    }
    PeerIdentity identity =
        PeerIdentity.of(leaf)
            .orElseThrow(
                () ->
                    new CertificateException(
                        "certificate "
                            + Certificates.describe(leaf)
                            + " has no DNS or URI name: it identifies nobody"));
    if (purpose == Purpose.CLIENT) {
      checkNames(leaf, identity);
    }
    TrustBundle bundle = bundleOf(identity);
    if (bundle != trust.own()) {
      identity = requireOneSpiffeId(leaf, identity, bundle);
    }
    VerifiedPeer peer = new VerifiedPeer(identity, new Path(bundle, chain, purpose, now).build());
    Optional<String> revoked = trust.revoked().refusal(peer);
    if (revoked.isPresent()) {
      throw new RevokedException(revoked.get());
    }
    return peer;
  }

  /** The only bundle that may vouch for an identity. */
  private TrustBundle bundleOf(PeerIdentity identity) throws UntrustedChainException {
    Optional<String> foreign = trust.foreignDomain(identity);
    if (foreign.isEmpty()) {
      return trust.own();
    }
    return trust
        .federated(foreign.get())
        .orElseThrow(
            () ->
                new UntrustedChainException(
                    "peer "
                        + WorkloadIdentity.printable(identity.name())
                        + " is of federated trust domain "
                        + foreign.get()
                        + ", of which no trust bundle is in force"));
  }

  /**
   * The trust domain that a URI claims, however it is spelt: a spelling that a SPIFFE id must not
   * have leads to the same bundle, and is refused there.
   */
  static Optional<String> trustDomain(String name) {
    if (!isSpiffe(name)) {
      return Optional.empty();
    }
    int end = SPIFFE.length();
    while (end < name.length() && "/?#".indexOf(name.charAt(end)) < 0) {
      end++;
    }
    String authority = name.substring(SPIFFE.length(), end);
    String host = authority.substring(authority.lastIndexOf('@') + 1);
    int port = host.indexOf(':');
    host = port < 0 ? host : host.substring(0, port);
    while (host.endsWith(".")) {
      host = host.substring(0, host.length() - 1);
    }
    return Optional.of(host.toLowerCase(Locale.ROOT));
  }

  private static boolean isSpiffe(String name) {
    return name.regionMatches(true, 0, SPIFFE, 0, SPIFFE.length());
  }

  /**
   * A foreign domain vouches for one SPIFFE id, the only URI of the leaf (SPIFFE X509-SVID section
   * 2), and for no DNS name.
   */
  private static PeerIdentity requireOneSpiffeId(
      X509Certificate leaf, PeerIdentity identity, TrustBundle bundle) throws CertificateException {
    int uris = PeerIdentity.uriNames(leaf);
    if (uris != 1) {
      throw new CertificateException(
          "certificate "
              + Certificates.describe(leaf)
              + " of a federated trust domain has "
              + uris
              + " URI names: expected one, its SPIFFE id");
    }
    String id =
        identity.names().stream()
            .filter(ChainVerifier::isSpiffe)
            .findFirst()
            .orElseThrow(
                () ->
                    new CertificateException(
                        "certificate " + Certificates.describe(leaf) + " has no SPIFFE id"));
    try {
      WorkloadIdentity.requireSpiffeId("federated peer", id, bundle.trustDomain());
    } catch (IllegalArgumentException e) {
      throw new CertificateException(
          "certificate " + Certificates.describe(leaf) + ": " + e.getMessage(), e);
    }
    return new PeerIdentity(id, List.of(id), true);
  }

  /**
   * Verifies that an issuer may sign leaves for servers and clients, and that it leads to an
   * anchor. An issuer that is itself an anchor passes.
   *
   * @param chain issuer first, then the CA certificates above it, with or without the anchor
   * @throws CertificateException when leaves signed by it would not verify
   */
  public void verifyIssuer(List<X509Certificate> chain) throws CertificateException {
    if (chain.isEmpty() || chain.size() > MAX_CHAIN) {
      throw new CertificateException(
          "issuer chain of " + chain.size() + " certificates: expected 1 to " + MAX_CHAIN);
    }
    Instant now = clock.instant();
    for (Purpose purpose : Purpose.values()) {
      checkIssuer(chain.getFirst(), purpose, now);
      if (!trust.own().anchors().contains(chain.getFirst())) {
        new Path(trust.own(), chain, purpose, now).build();
      }
    }
  }

  /** What chains are verified against. */
  public PeerTrust trust() {
    return trust;
  }

  /**
   * One search for a path from the leaf up to an anchor.
   *
   * <p>The search itself costs no public-key operation: names, times, usages and path lengths come
   * first, each certificate is looked at once. Where they lead to an anchor, signatures are checked
   * from the anchor down, so that only keys that are trusted already are ever computed with: a peer
   * chooses neither their size nor their number. Names are held to constraints last, because only
   * trusted issuers have a say in them.
   */
  private final class Path {
    private final TrustBundle bundle;
    private final int maxBadSignatures;
    private final List<X509Certificate> offered;
    private final Purpose purpose;
    private final Instant now;
    private final List<X509Certificate> path = new ArrayList<>(4);
    private final Map<X509Certificate, Optional<CertificateException>> unusable =
        new IdentityHashMap<>();
    private final Set<ByteBuffer> badSignatures = new HashSet<>();
    private int steps;
    private @Nullable CertificateException firstFailure;

    Path(TrustBundle bundle, List<X509Certificate> offered, Purpose purpose, Instant now) {
      this.bundle = bundle;
      this.maxBadSignatures = namesakes(bundle.anchors()) + MAX_STRAY_SIGNATURES;
      this.offered = offered;
      this.purpose = purpose;
      this.now = now;
    }

    /**
     * Finds the shortest path: leaf first, the anchor last. During a rotation of anchors a chain
     * has certificates for those who know one anchor only. Others must not depend on them.
     */
    List<X509Certificate> build() throws CertificateException {
      path.add(offered.getFirst());
      for (int intermediates = 0; intermediates < offered.size(); intermediates++) {
        if (climb(intermediates)) {
          return path;
        }
      }
      if (firstFailure != null) {
        throw firstFailure;
      }
      X509Certificate top = path.getFirst();
      throw new UntrustedChainException(
          "certificate "
              + Certificates.describe(top)
              + " issued by \""
              + top.getIssuerX500Principal().getName()
              + "\" does not lead to one of the "
              + bundle.anchors().size()
              + " trust anchors of "
              + bundle.trustDomain());
    }

    /**
     * @param intermediates how many certificates are to come between the path so far and an anchor
     */
    private boolean climb(int intermediates) throws CertificateException {
      X509Certificate child = path.getLast();
      if (intermediates == 0) {
        return reachesAnchor(child);
      }
      for (int i = 1; i < offered.size(); i++) {
        X509Certificate candidate = offered.get(i);
        if (!path.contains(candidate) && mayIssue(candidate, child)) {
          path.add(candidate);
          if (climb(intermediates - 1)) {
            return true;
          }
          path.removeLast();
        }
      }
      return false;
    }

    private boolean reachesAnchor(X509Certificate child) throws CertificateException {
      for (X509Certificate anchor : bundle.anchors()) {
        if (mayIssue(anchor, child) && isSignedFrom(anchor) && hasGoodNames(anchor)) {
          path.add(anchor);
          return true;
        }
      }
      return false;
    }

    /** Whether all but the signature says that one certificate issued the other. */
    private boolean mayIssue(X509Certificate issuer, X509Certificate child)
        throws CertificateException {
      if (!issuer.getSubjectX500Principal().equals(child.getIssuerX500Principal())) {
        return false;
      }
      if (++steps > MAX_STEPS) {
        throw new CertificateException(
            "chain has more than "
                + MAX_STEPS
                + " pairs of certificates that may issue each other");
      }
      Optional<CertificateException> known = unusable.get(issuer);
      if (known == null) {
        known = issuerFault(issuer);
        unusable.put(issuer, known);
      }
      if (known.isPresent()) {
        keep(known.get());
        return false;
      }
      try {
        checkPathLength(issuer, intermediatesBelow());
      } catch (CertificateException e) {
        keep(e);
        return false;
      }
      return true;
    }

    private Optional<CertificateException> issuerFault(X509Certificate issuer) {
      try {
        checkIssuer(issuer, purpose, now);
        return Optional.empty();
      } catch (CertificateException e) {
        return Optional.of(e);
      }
    }

    private void keep(CertificateException failure) {
      if (firstFailure == null) {
        firstFailure = failure;
      }
    }

    /**
     * What a path length counts: CA certificates between the issuer and the leaf (RFC 5280
     * 4.2.1.9).
     */
    private int intermediatesBelow() {
      int count = 0;
      for (X509Certificate certificate : path) {
        // The first is the leaf, unless an issuer is verified.
        if (certificate.getBasicConstraints() >= 0 && !isSelfIssued(certificate)) {
          count++;
        }
      }
      return count;
    }

    /**
     * Whether each certificate of the path is signed by the one above it, the last by the anchor.
     */
    private boolean isSignedFrom(X509Certificate anchor) throws CertificateException {
      X509Certificate issuer = anchor;
      for (int i = path.size() - 1; i >= 0; i--) {
        X509Certificate child = path.get(i);
        if (!isSignedBy(child, issuer.getPublicKey())) {
          keep(
              new UntrustedChainException(
                  "certificate "
                      + Certificates.describe(child)
                      + " is not signed by "
                      + Certificates.describe(issuer)));
          return false;
        }
        issuer = child;
      }
      return true;
    }

    private boolean isSignedBy(X509Certificate child, PublicKey key) throws CertificateException {
      MessageDigest sha256 = Certificates.newSha256();
      sha256.update(key.getEncoded());
      ByteBuffer signature = ByteBuffer.wrap(sha256.digest(child.getEncoded()));
      if (goodSignatures.contains(signature)) {
        return true;
      }
      if (badSignatures.contains(signature)) {
        return false;
      }
      if (badSignatures.size() >= maxBadSignatures) {
        throw new CertificateException(
            "chain has more than "
                + maxBadSignatures
                + " signatures that do not match the key of the issuer they name");
      }
      try {
        Signatures.verify(child, key);
      } catch (GeneralSecurityException e) {
        badSignatures.add(signature);
        return false;
      }
      if (goodSignatures.size() >= MAX_REMEMBERED) {
        goodSignatures.clear();
      }
      goodSignatures.add(signature);
      return true;
    }

    private boolean hasGoodNames(X509Certificate anchor) {
      boolean constrained = anchor.getExtensionValue(NAME_CONSTRAINTS) != null;
      for (int i = 1; i < path.size(); i++) {
        constrained |= path.get(i).getExtensionValue(NAME_CONSTRAINTS) != null;
      }
      if (!constrained) {
        return true;
      }
      List<X509Certificate> fromAnchor = new ArrayList<>(path.reversed());
      fromAnchor.addFirst(anchor);
      try {
        NameConstraints.check(fromAnchor);
        return true;
      } catch (CertificateException e) {
        keep(e);
        return false;
      }
    }
  }

  private static void checkLeaf(X509Certificate leaf, Purpose purpose, Instant now)
      throws CertificateException {
    checkAny(leaf, now);
    if (leaf.getBasicConstraints() >= 0) {
      throw new CertificateException(
          "certificate " + Certificates.describe(leaf) + " is a CA: expected an end-entity one");
    }
    boolean[] usage = leaf.getKeyUsage();
    if (usage != null && !usage[DIGITAL_SIGNATURE]) {
      throw new CertificateException(
          "key usage of " + Certificates.describe(leaf) + " does not include digitalSignature");
    }
    if (usage != null && usage[KEY_CERT_SIGN]) {
      throw new CertificateException(
          "key usage of "
              + Certificates.describe(leaf)
              + " includes keyCertSign: expected an end-entity certificate");
    }
    if (leaf.getExtensionValue(NAME_CONSTRAINTS) != null) {
      throw new CertificateException(
          "certificate "
              + Certificates.describe(leaf)
              + " has name constraints: expected them in CA certificates only");
    }
    if (readPurposes(leaf) == null) {
      throw new CertificateException(
          "certificate "
              + Certificates.describe(leaf)
              + " has no extended key usage: expected one that includes "
              + purpose.usage);
    }
    checkPurpose(leaf, purpose);
  }

  /** Denials must be able to find each name of a client. */
  private static void checkNames(X509Certificate leaf, PeerIdentity identity)
      throws CertificateException {
    if (identity.names().size() > MAX_CLIENT_NAMES) {
      throw new CertificateException(
          "client certificate "
              + Certificates.describe(leaf)
              + " has "
              + identity.names().size()
              + " names: expected at most "
              + MAX_CLIENT_NAMES);
    }
    String unreadable = PeerIdentity.unreadableName(leaf);
    if (unreadable != null) {
      throw new CertificateException(
          "client certificate "
              + Certificates.describe(leaf)
              + " has the DNS name "
              + WorkloadIdentity.printable(unreadable)
              + ": expected plain DNS names, without wildcard and trailing dot");
    }
  }

  private static void checkPathLength(X509Certificate issuer, int intermediatesBelow)
      throws CertificateException {
    int pathLength = issuer.getBasicConstraints();
    if (intermediatesBelow > pathLength) {
      throw new CertificateException(
          "issuer "
              + Certificates.describe(issuer)
              + " allows "
              + pathLength
              + " CA certificates below it, the chain has "
              + intermediatesBelow);
    }
  }

  private static void checkIssuer(X509Certificate issuer, Purpose purpose, Instant now)
      throws CertificateException {
    checkAny(issuer, now);
    if (issuer.getBasicConstraints() < 0) {
      throw new CertificateException(
          "issuer " + Certificates.describe(issuer) + " is not a CA certificate");
    }
    boolean[] usage = issuer.getKeyUsage();
    if (usage != null && !usage[KEY_CERT_SIGN]) {
      throw new CertificateException(
          "key usage of issuer " + Certificates.describe(issuer) + " does not include keyCertSign");
    }
    checkPurpose(issuer, purpose);
  }

  private static void checkAny(X509Certificate certificate, Instant now)
      throws CertificateException {
    if (certificate.getVersion() != 3) {
      throw new CertificateException(
          "certificate "
              + Certificates.describe(certificate)
              + " has version "
              + certificate.getVersion()
              + ": expected 3");
    }
    Instant notBefore = certificate.getNotBefore().toInstant();
    if (now.isBefore(notBefore)) {
      throw new CertificateNotYetValidException(
          "certificate "
              + Certificates.describe(certificate)
              + " is valid from "
              + notBefore
              + ", it is "
              + now);
    }
    Instant notAfter = certificate.getNotAfter().toInstant();
    if (now.isAfter(notAfter)) {
      throw new CertificateExpiredException(
          "certificate "
              + Certificates.describe(certificate)
              + " was valid until "
              + notAfter
              + ", it is "
              + now);
    }
    if (!SIGNATURES.contains(certificate.getSigAlgOID())) {
      throw new CertificateException(
          "certificate "
              + Certificates.describe(certificate)
              + " is signed with "
              + certificate.getSigAlgName()
              + ": expected ECDSA, RSA with SHA-256 or better, or Ed25519");
    }
    if (hasUnusedSignatureBits(certificate)) {
      throw new CertificateException(
          "signature of certificate "
              + Certificates.describe(certificate)
              + " does not end with a whole byte: expected no unused bits");
    }
    checkKey(certificate);
    Set<String> critical = certificate.getCriticalExtensionOIDs();
    if (critical != null) {
      for (String oid : critical) {
        if (!UNDERSTOOD_EXTENSIONS.contains(oid)) {
          throw new CertificateException(
              "certificate "
                  + Certificates.describe(certificate)
                  + " has the unknown critical extension "
                  + oid);
        }
      }
    }
  }

  /**
   * Whether the bit string of the signature is not one of whole bytes. What is signed does not
   * cover it, so a signature that ends with zero bits could otherwise be written in several ways,
   * and one certificate would have several fingerprints. The bit string ends the certificate (RFC
   * 5280 section 4.1), and its first byte counts the bits that are unused (X.690 section 8.6.2).
   */
  private static boolean hasUnusedSignatureBits(X509Certificate certificate) {
    byte[] der = Certificates.der(certificate);
    int unused = der.length - certificate.getSignature().length - 1;
    return unused < 0 || der[unused] != 0;
  }

  private static void checkKey(X509Certificate certificate) throws CertificateException {
    PublicKey key = certificate.getPublicKey();
    boolean accepted =
        switch (key) {
          case ECPublicKey ec -> EllipticCurves.isAccepted(ec.getParams());
          case RSAPublicKey rsa ->
              rsa.getModulus().bitLength() >= 2048
                  && rsa.getModulus().bitLength() <= 8192
                  && rsa.getPublicExponent().bitLength() <= MAX_RSA_EXPONENT_BITS;
          case EdECPublicKey ed -> ed.getParams().getName().equals("Ed25519");
          default -> false;
        };
    if (!accepted) {
      throw new CertificateException(
          "certificate "
              + Certificates.describe(certificate)
              + " has a key of type "
              + key.getAlgorithm()
              + " that is too weak or not known: expected P-256, P-384, P-521, Ed25519 or RSA"
              + " of 2048 to 8192 bits with an exponent of at most 33 bits");
    }
  }

  private static void checkPurpose(X509Certificate certificate, Purpose purpose)
      throws CertificateException {
    List<String> usages = readPurposes(certificate);
    // anyExtendedKeyUsage is not enough: a mesh certificate says what it is for.
    if (usages != null && !usages.contains(purpose.oid)) {
      throw new CertificateException(
          "extended key usage of "
              + Certificates.describe(certificate)
              + " does not include "
              + purpose.usage);
    }
  }

  private static @Nullable List<String> readPurposes(X509Certificate certificate)
      throws CertificateException {
    try {
      return certificate.getExtendedKeyUsage();
    } catch (CertificateParsingException e) {
      throw new CertificateException(
          "extended key usage of " + Certificates.describe(certificate) + " cannot be read", e);
    }
  }

  private static boolean isSelfIssued(X509Certificate certificate) {
    return certificate.getSubjectX500Principal().equals(certificate.getIssuerX500Principal());
  }
}
