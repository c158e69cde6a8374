package io.signetmesh.identity.pki;

import io.signetmesh.identity.crypto.Signatures;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.stream.Stream;

/**
 * What one side of a TLS connection needs: the certificate that it shows, and the trust that it
 * verifies peers against. Immutable: each renewal and each change of trust makes a new snapshot.
 *
 * @param certificate own certificate
 * @param peers what peers are verified against
 */
public record Credentials(WorkloadCertificate certificate, PeerTrust peers) {

  /** Peers are verified against one bundle only. */
  public Credentials(WorkloadCertificate certificate, TrustBundle trust) {
    this(certificate, PeerTrust.of(trust));
  }

  /** The bundle of the own trust domain. */
  public TrustBundle trust() {
    return peers.own();
  }

  /**
   * The certificate whose key signed the leaf: one of the chain, or an anchor. If the anchor has
   * left the bundle and the chain has none, the leaf itself.
   */
  public X509Certificate issuer() {
    X509Certificate leaf = certificate.leaf();
    List<X509Certificate> chain = certificate.chain();
    return Stream.concat(chain.stream().skip(1), trust().anchors().stream())
        .filter(issuer -> issuer.getSubjectX500Principal().equals(leaf.getIssuerX500Principal()))
        .filter(issuer -> isSigned(leaf, issuer))
        .findFirst()
        .orElse(leaf);
  }

  private static boolean isSigned(X509Certificate leaf, X509Certificate issuer) {
    try {
      Signatures.verify(leaf, issuer.getPublicKey());
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** The same certificate under another bundle of the own trust domain. */
  public Credentials withTrust(TrustBundle bundle) {
    return new Credentials(certificate, peers.withOwn(bundle));
  }

  /** The same certificate, with peers verified against something else. */
  public Credentials withPeers(PeerTrust trust) {
    return new Credentials(certificate, trust);
  }
}
