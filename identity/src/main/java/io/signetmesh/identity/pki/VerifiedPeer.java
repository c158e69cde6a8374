package io.signetmesh.identity.pki;

import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/**
 * A peer whose chain has been verified.
 *
 * @param identity identity of the leaf
 * @param path the certificates that were verified: leaf first, the anchor last
 */
public record VerifiedPeer(PeerIdentity identity, List<X509Certificate> path) {
  /** Copies the path. */
  public VerifiedPeer {
    path = List.copyOf(path);
  }

  /** End of validity: the earliest {@code notAfter} of the path. */
  public Instant notAfter() {
    Instant earliest = Instant.MAX;
    for (X509Certificate certificate : path) {
      Instant end = certificate.getNotAfter().toInstant();
      earliest = end.isBefore(earliest) ? end : earliest;
    }
    return earliest;
  }
}
