package io.signetmesh.e2e.harness;

import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;

/**
 * A workload's certificate in files, for programs that are no proxies.
 *
 * @param certificate leaf, issuer and key
 * @param leaf PEM of the leaf
 * @param chain PEM of the issuer
 * @param key PEM of the key
 * @param anchor PEM of the trust anchor of the CA that signed
 */
public record Leaf(WorkloadCertificate certificate, Path leaf, Path chain, Path key, Path anchor) {

  /**
   * Signs a leaf with the CA that a state directory keeps; one that has none gets one.
   *
   * @param clock when it is signed
   * @param lifetime how long it is good from then on
   * @param directory for the files
   */
  static Leaf sign(
      Path state, WorkloadIdentity identity, InstantSource clock, Duration lifetime, Path directory)
      throws Exception {
    EmbeddedAuthority embedded =
        EmbeddedAuthority.open(
            state, identity.controlPlaneNamespace(), identity.trustDomain(), clock);
    TrustBundle trust = new TrustBundle(0, identity.trustDomain(), List.of(embedded.anchor()));
    CertificateAuthority authority =
        new CertificateAuthority(
            embedded, () -> trust, new IssuancePolicy(lifetime, Duration.ZERO), clock);
    KeyPair keys = PrivateKeys.generate();
    List<X509Certificate> chain =
        authority.issue(
            identity, SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys)));
    StateFiles.createDirectory(directory);
    Path leaf = directory.resolve("leaf.pem");
    Path issuer = directory.resolve("issuer.pem");
    Path key = directory.resolve("key.pem");
    Path anchor = directory.resolve("anchor.pem");
    StateFiles.writePublic(leaf, Certificates.toPem(chain.subList(0, 1)));
    StateFiles.writePublic(issuer, Certificates.toPem(chain.subList(1, chain.size())));
    StateFiles.writeSecret(key, PrivateKeys.toPem(keys.getPrivate()));
    StateFiles.writePublic(anchor, Certificates.toPem(List.of(embedded.anchor())));
    return new Leaf(new WorkloadCertificate(keys.getPrivate(), chain), leaf, issuer, key, anchor);
  }
}
