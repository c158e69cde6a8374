package io.signetmesh.identity.pki;

/**
 * What one side of TLS is made from: the certificate to show and the anchors to verify peers
 * against. Immutable; renewal and a new bundle make a new snapshot.
 *
 * @param certificate own certificate
 * @param trust anchors for peers
 */
public record Credentials(WorkloadCertificate certificate, TrustBundle trust) {

  /** The same certificate under another bundle. */
  public Credentials withTrust(TrustBundle bundle) {
    return new Credentials(certificate, bundle);
  }
}
