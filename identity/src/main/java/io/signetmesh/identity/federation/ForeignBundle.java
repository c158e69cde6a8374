package io.signetmesh.identity.federation;

import io.signetmesh.identity.pki.TrustBundle;
import java.util.Optional;

/**
 * A bundle of a foreign trust domain in force.
 *
 * @param trustDomain name of the domain
 * @param version grows with each change of the keys, also across restarts; proxies compare it
 * @param document the bundle as received
 * @param bootstrap SHA-256 of the configured initial bundle, hexadecimal; empty when there was none
 */
public record ForeignBundle(
    String trustDomain, long version, SpiffeBundle document, String bootstrap) {

  /** The bundle that proxies verify against; empty when the document has no anchors. */
  public Optional<TrustBundle> trust() {
    return document.anchors().isEmpty()
        ? Optional.empty()
        : Optional.of(
            new TrustBundle(version, trustDomain, document.anchors(), document.jwtAuthorities()));
  }
}
