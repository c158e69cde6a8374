package io.signetmesh.identity.pki;

import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * The trust anchors that peers' chains are verified against.
 *
 * @param version grows with each change, from 1; 0 for anchors that were configured and not
 *     received from a control plane
 * @param trustDomain identity trust domain, a lower-case DNS name
 * @param anchors CA certificates, each of them trusted; at least one, without duplicates
 * @param jwtAuthorities keys that JWT-SVIDs of the trust domain are signed with
 */
public record TrustBundle(
    long version,
    String trustDomain,
    List<X509Certificate> anchors,
    List<JwtAuthority> jwtAuthorities) {

  /** A bundle of anchors only. */
  public TrustBundle(long version, String trustDomain, List<X509Certificate> anchors) {
    this(version, trustDomain, anchors, List.of());
  }

  /**
   * Refuses a negative version, an empty or repeating list of anchors, and anchors that are not
   * CAs.
   */
  public TrustBundle {
    WorkloadIdentity.requireDnsName("trust domain", trustDomain);
    anchors = List.copyOf(anchors);
    jwtAuthorities = List.copyOf(jwtAuthorities);
    if (version < 0) {
      throw new IllegalArgumentException(
          "trust bundle version " + version + ": expected 0 or more");
    }
    if (anchors.isEmpty()) {
      throw new IllegalArgumentException(
          "trust bundle "
              + version
              + " of "
              + trustDomain
              + " has no anchor: expected at least one");
    }
    for (int i = 0; i < anchors.size(); i++) {
      X509Certificate anchor = anchors.get(i);
      if (anchor.getBasicConstraints() < 0) {
        throw new IllegalArgumentException(
            "trust anchor " + Certificates.describe(anchor) + " is not a CA certificate");
      }
      if (anchors.subList(0, i).contains(anchor)) {
        throw new IllegalArgumentException(
            "trust anchor " + Certificates.describe(anchor) + " is listed twice");
      }
    }
  }

  /** The same anchors under another version. */
  public TrustBundle withVersion(long newVersion) {
    return new TrustBundle(newVersion, trustDomain, anchors, jwtAuthorities);
  }

  /**
   * SHA-256 over the sorted SHA-256 digests of the anchors in DER (32 bytes): equal for equal sets
   * of anchors, whatever their order.
   */
  public byte[] digest() {
    List<byte[]> digests = new ArrayList<>(anchors.size());
    for (X509Certificate anchor : anchors) {
      digests.add(Certificates.sha256(anchor));
    }
    digests.sort(Arrays::compareUnsigned);
    var sha256 = Certificates.newSha256();
    digests.forEach(sha256::update);
    return sha256.digest();
  }

  /** The anchors in DER, in order. */
  public List<byte[]> anchorsDer() {
    List<byte[]> der = new ArrayList<>(anchors.size());
    for (X509Certificate anchor : anchors) {
      try {
        der.add(anchor.getEncoded());
      } catch (CertificateEncodingException e) {
        throw new IllegalStateException("trust anchor without encoding", e);
      }
    }
    return der;
  }

  @Override
  public String toString() {
    return "TrustBundle[version="
        + version
        + ", trustDomain="
        + trustDomain
        + ", anchors="
        + anchors.size()
        + ", digest="
        + HexFormat.of().formatHex(digest(), 0, 8)
        + "]";
  }
}
