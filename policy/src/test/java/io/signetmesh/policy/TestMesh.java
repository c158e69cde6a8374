package io.signetmesh.policy;

import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.InstantSource;
import java.util.List;

/** A CA for tests that issues to whoever asks. */
final class TestMesh {
  static final String CONTROL_PLANE = "signet";
  static final String TRUST_DOMAIN = "cluster.local";

  private final CertificateAuthority authority;
  private final TrustBundleStore bundles;

  TestMesh(Path directory) throws Exception {
    InstantSource clock = InstantSource.system();
    EmbeddedAuthority embedded =
        EmbeddedAuthority.open(directory, CONTROL_PLANE, TRUST_DOMAIN, clock);
    bundles = TrustBundleStore.open(directory, TRUST_DOMAIN, List.of(embedded.anchor()));
    authority = new CertificateAuthority(embedded, bundles, IssuancePolicy.DEFAULT, clock);
  }

  Credentials credentials(String serviceAccount, String namespace) throws Exception {
    WorkloadIdentity identity =
        new WorkloadIdentity(serviceAccount, namespace, CONTROL_PLANE, TRUST_DOMAIN);
    KeyPair keys = PrivateKeys.generate();
    SigningRequest request = SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys));
    return new Credentials(
        new WorkloadCertificate(keys.getPrivate(), authority.issue(identity, request)),
        bundles.get());
  }
}
