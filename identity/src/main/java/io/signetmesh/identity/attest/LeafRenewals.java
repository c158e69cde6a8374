package io.signetmesh.identity.attest;

import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Attests callers by their current leaf, up to a limit after the last evidence of another kind. The
 * holder of a leaf's key can use the leaf until it expires; the limit keeps a stolen key from being
 * renewed for ever.
 */
public final class LeafRenewals implements Attestor {
  private static final String KIND = "renewal";

  private final IssuedCertificates issued;
  private final Supplier<RevocationList> revoked;
  private final Predicate<String> provesIdentity;
  private final Duration limit;
  private final InstantSource clock;

  /**
   * Creates an attestor.
   *
   * @param issued looks up the caller's leaf
   * @param revoked the revocation list in force
   * @param provesIdentity whether leaves of the issuer with that key (SHA-256 of its
   *     SubjectPublicKeyInfo, hexadecimal) prove an identity: whoever stole the key of an issuer
   *     can make a leaf like any on record
   * @param limit longest time since the last evidence of another kind
   */
  public LeafRenewals(
      IssuedCertificates issued,
      Supplier<RevocationList> revoked,
      Predicate<String> provesIdentity,
      Duration limit,
      InstantSource clock) {
    this.issued = issued;
    this.revoked = revoked;
    this.provesIdentity = provesIdentity;
    this.limit = limit;
    this.clock = clock;
  }

  @Override
  public Attested attest(Evidence evidence) throws AttestationException {
    VerifiedPeer peer = evidence.peer();
    if (peer == null) {
      throw new AttestationException(Reason.MISSING, "there is no client certificate to renew by");
    }
    X509Certificate leaf = peer.path().getFirst();
    Instant now = clock.instant();
    String name = "certificate " + Certificates.describe(leaf);
    // The handshake may be long ago.
    Instant end = leaf.getNotAfter().toInstant();
    if (!now.isBefore(end)) {
      throw new AttestationException(
          Reason.LEAF, name + " expired at " + end + ", it is " + now + " here");
    }
    if (peer.identity().federated()) {
      throw new AttestationException(
          Reason.LEAF, name + " is of another trust domain: expected a certificate issued here");
    }
    IssuedLeaf known = issued.find(Certificates.serial(leaf)).orElse(null);
    WorkloadIdentity identity = identity(peer);
    if (known == null
        || identity == null
        || !known.identity().equals(identity.dnsName())
        || !known.issuerKeySha256().equals(issuerKeySha256(peer))) {
      throw new AttestationException(
          Reason.LEAF,
          name + " is not on record as issued here: expected a token, or a newer certificate");
    }
    // The handshake may have been before the revocation.
    requireTrusted(peer, known);
    if (now.isAfter(known.attestedAt().plus(limit))) {
      throw new AttestationException(
          Reason.RENEWAL_LIMIT,
          identity
              + " proved its identity at "
              + known.attestedAt()
              + " the last time, more than "
              + limit
              + " ago: expected a token");
    }
    // Again when the new leaf is on record: a revocation of this one before that did not see it.
    return new Attested(
        identity, KIND, known.attestor(), known.attestedAt(), () -> requireTrusted(peer, known));
  }

  private void requireTrusted(VerifiedPeer peer, IssuedLeaf known) throws AttestationException {
    if (!provesIdentity.test(known.issuerKeySha256())) {
      throw new AttestationException(
          Reason.LEAF,
          "certificate "
              + known.serial()
              + " is of an issuer from before a trust anchor was compromised: expected a token");
    }
    String refusal = revoked.get().refusal(peer).orElse(null);
    if (refusal != null) {
      throw new AttestationException(Reason.LEAF, refusal);
    }
  }

  /** Digest of the key that signed the leaf on the verified path; null without an issuer. */
  private static @Nullable String issuerKeySha256(VerifiedPeer peer) {
    return peer.path().size() < 2
        ? null
        : HexFormat.of().formatHex(Certificates.sha256(peer.path().get(1).getPublicKey()));
  }

  private static @Nullable WorkloadIdentity identity(VerifiedPeer peer) {
    try {
      return WorkloadIdentity.parseDnsName(peer.identity().name());
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
