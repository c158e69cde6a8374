package io.signetmesh.identity.ca.revocation;

import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.IssuerSource;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.security.cert.X509Certificate;
import org.jspecify.annotations.Nullable;

/**
 * Records each issuer before it signs its first leaf, so that every leaf can be revoked as soon as
 * it is handed out. An issuer that cannot be recorded does not sign. Thread-safe.
 */
public final class KnowingIssuers implements IssuerSource {
  private final RevocationStore store;
  private final IssuerSource source;
  private volatile @Nullable Issuer known;

  /**
   * Wraps a source.
   *
   * @param store where issuers are recorded
   * @param source provides the issuers
   */
  public KnowingIssuers(RevocationStore store, IssuerSource source) {
    this.store = store;
    this.source = source;
  }

  @Override
  public Issuer current() throws IOException, PkiException {
    Issuer issuer = source.current();
    if (issuer != known) {
      for (X509Certificate certificate : issuer.crossCertificates()) {
        store.knowIssuer(KnownIssuer.of(certificate));
      }
      for (X509Certificate certificate : issuer.chain()) {
        store.knowIssuer(KnownIssuer.of(certificate));
      }
      known = issuer;
    }
    return issuer;
  }
}
