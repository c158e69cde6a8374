package io.signetmesh.identity.server;

import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.RequestRefusedException;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The identity server's own credentials: signed by its own CA with a fresh key, again when 70 % of
 * the leaf's life is over and whenever the bundle changes, and with the newest revocation list.
 * Renewed by the connection that finds them old, so that no timer is needed.
 */
final class OwnCredentials implements Supplier<Credentials> {
  private static final Logger log = LoggerFactory.getLogger(OwnCredentials.class);

  private final WorkloadIdentity identity;
  private final CertificateAuthority authority;
  private final TrustBundleStore bundles;
  private final Supplier<RevocationList> revoked;
  private final InstantSource clock;
  private volatile Snapshot current;

  /** Credentials, when to renew the leaf, the issuer in use afterwards and retired anchors. */
  private record Snapshot(
      Credentials credentials, Instant renewAt, @Nullable Issuer issuer, List<String> retired) {}

  OwnCredentials(
      WorkloadIdentity identity,
      CertificateAuthority authority,
      TrustBundleStore bundles,
      Supplier<RevocationList> revoked,
      InstantSource clock)
      throws IOException, PkiException {
    this.identity = identity;
    this.authority = authority;
    this.bundles = bundles;
    this.revoked = revoked;
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
    return isLeafFresh(seen)
        && seen.credentials.peers().revoked() == revoked.get()
        && seen.retired == bundles.retired();
  }

  /** Whether the leaf need not be renewed. */
  private boolean isLeafFresh(Snapshot seen) {
    return seen.credentials.trust() == bundles.get()
        && clock.instant().isBefore(seen.renewAt)
        && seen.issuer == authority.issuerInUse();
  }

  private synchronized Credentials renew() {
    Snapshot seen = current;
    if (isLeafFresh(seen)) {
      RevocationList list = revoked.get();
      List<String> retired = bundles.retired();
      if (seen.credentials.peers().revoked() != list || seen.retired != retired) {
        current =
            new Snapshot(
                withRevoked(seen.credentials, list, retired), seen.renewAt, seen.issuer, retired);
      }
    } else {
      try {
        current = issue(bundles.get());
      } catch (IOException | PkiException | RuntimeException e) {
        log.error("cannot renew the certificate of the identity server", e);
        List<String> retired = bundles.retired();
        Credentials old =
            withRevoked(seen.credentials.withTrust(bundles.get()), revoked.get(), retired);
        current =
            new Snapshot(old, clock.instant().plusSeconds(1), authority.issuerInUse(), retired);
      }
    }
    return current.credentials;
  }

  private static Credentials withRevoked(
      Credentials credentials, RevocationList list, List<String> retired) {
    return credentials.withPeers(
        credentials.peers().withRevoked(list).withRetiredAnchors(Set.copyOf(retired)));
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
    List<String> retired = bundles.retired();
    Instant now = clock.instant();
    Duration remaining = Duration.between(now, certificate.notAfter());
    return new Snapshot(
        withRevoked(new Credentials(certificate, bundle), revoked.get(), retired),
        now.plus(remaining.multipliedBy(7).dividedBy(10)),
        authority.issuerInUse(),
        retired);
  }
}
