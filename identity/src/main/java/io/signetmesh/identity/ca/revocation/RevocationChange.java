package io.signetmesh.identity.ca.revocation;

import io.signetmesh.identity.pki.RevocationList;
import java.util.List;

/**
 * What one version of the revocations has more and less than the one before.
 *
 * @param number version, and CRL number
 * @param revoked certificates that are listed from now on
 * @param dropped certificates that are listed no longer: lifted, or expired
 * @param identities identities that are revoked from now on
 * @param lifted identities that are revoked no longer
 */
record RevocationChange(
    long number,
    List<RevokedCertificate> revoked,
    List<RevocationList.Entry> dropped,
    List<RevokedIdentity> identities,
    List<String> lifted) {
  RevocationChange {
    revoked = List.copyOf(revoked);
    dropped = List.copyOf(dropped);
    identities = List.copyOf(identities);
    lifted = List.copyOf(lifted);
  }

  int size() {
    return revoked.size() + dropped.size() + identities.size() + lifted.size();
  }
}
