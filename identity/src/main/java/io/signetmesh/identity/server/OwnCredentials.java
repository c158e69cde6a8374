package io.signetmesh.identity.server;

import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.RequestRefusedException;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The identity server's own credentials: signed by its own CA with a fresh key, again when 70 % of
 * the leaf's life is over and whenever the bundle changes. Renewed by the connection that finds
 * them old, so that no timer is needed.
 */
final class OwnCredentials implements Supplier<Credentials> {
  private static final Logger log = LoggerFactory.getLogger(OwnCredentials.class);

  private final WorkloadIdentity identity;
  private final CertificateAuthority authority;
  private final TrustBundleStore bundles;
  private final InstantSource clock;
  private volatile Snapshot current;

  /** Credentials and when to renew the leaf. */
  private record Snapshot(Credentials credentials, Instant renewAt) {}

  OwnCredentials(
      WorkloadIdentity identity,
      CertificateAuthority authority,
      TrustBundleStore bundles,
      InstantSource clock)
      throws IOException, PkiException {
    this.identity = identity;
    this.authority = authority;
    this.bundles = bundles;
    this.clock = clock;
    this.current = issue(bundles.get());
  }

  @Override
  public Credentials get() {
    Snapshot seen = current;
    return isFresh(seen) ? seen.credentials : renew();
  }

  /** The newest credentials as they are, without renewal. */
  Credentials newest() {
    return current.credentials;
  }

  private boolean isFresh(Snapshot seen) {
    return seen.credentials.trust() == bundles.get() && clock.instant().isBefore(seen.renewAt);
  }

  private synchronized Credentials renew() {
    Snapshot seen = current;
    if (!isFresh(seen)) {
      try {
        current = issue(bundles.get());
      } catch (IOException | PkiException | RuntimeException e) {
        log.error("cannot renew the certificate of the identity server", e);
        Credentials old = seen.credentials.withTrust(bundles.get());
        current = new Snapshot(old, clock.instant().plusSeconds(1));
      }
    }
    return current.credentials;
  }

  private Snapshot issue(TrustBundle bundle) throws IOException, PkiException {
    KeyPair keys = PrivateKeys.generate();
    SigningRequest request = SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys));
    WorkloadCertificate certificate;
    try {
      certificate = new WorkloadCertificate(keys.getPrivate(), authority.issue(identity, request));
    } catch (RequestRefusedException e) {
      throw new PkiException("own certificate refused: " + e.getMessage(), e);
    }
    Instant now = clock.instant();
    Duration remaining = Duration.between(now, certificate.notAfter());
    return new Snapshot(
        new Credentials(certificate, bundle), now.plus(remaining.multipliedBy(7).dividedBy(10)));
  }
}
