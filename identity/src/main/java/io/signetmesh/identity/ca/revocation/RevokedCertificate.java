package io.signetmesh.identity.ca.revocation;

import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.crl.RevocationReason;
import java.math.BigInteger;
import java.time.Instant;
import javax.security.auth.x500.X500Principal;

/**
 * A revoked certificate.
 *
 * @param issuer distinguished name of its issuer
 * @param serial serial number, positive, at most 20 octets
 * @param reason why it was revoked
 * @param revokedAt when it was revoked, whole seconds
 * @param notAfter end of its validity, or a later time; whole seconds
 * @param identity DNS name of its workload; empty when that is not known
 */
public record RevokedCertificate(
    X500Principal issuer,
    BigInteger serial,
    RevocationReason reason,
    Instant revokedAt,
    Instant notAfter,
    String identity) {
  private static final int MAX_BITS = 160;

  /** Refuses serial numbers that RFC 5280 does not allow (section 4.1.2.2). */
  public RevokedCertificate {
    if (serial.signum() <= 0 || serial.bitLength() >= MAX_BITS) {
      throw new IllegalArgumentException(
          "serial number "
              + serial.toString(16)
              + ": expected a positive one of at most 20 octets");
    }
    revokedAt = Instant.ofEpochSecond(revokedAt.getEpochSecond());
    notAfter = Instant.ofEpochSecond(notAfter.getEpochSecond());
  }

  /** The revocation list entry for the certificate. */
  public RevocationList.Entry entry() {
    return new RevocationList.Entry(issuer, serial);
  }
}
