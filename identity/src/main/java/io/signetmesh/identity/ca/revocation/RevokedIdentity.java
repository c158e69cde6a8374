package io.signetmesh.identity.ca.revocation;

import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.pki.crl.RevocationReason;
import java.time.Instant;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A revoked identity: peers with a certificate of it are refused, and it gets no new certificate
 * until the revocation is lifted.
 *
 * @param identity DNS name of a workload, or a SPIFFE id, also of a federated trust domain
 * @param reason why it was revoked
 * @param revokedAt when it was revoked, whole seconds
 */
public record RevokedIdentity(String identity, RevocationReason reason, Instant revokedAt) {
  /** As long as a SPIFFE id may be. */
  private static final Pattern IDENTITY = Pattern.compile("[!-~]{1,2048}");

  /** Refuses an identity with spaces, control characters or non-ASCII characters. */
  public RevokedIdentity {
    requireIdentity(identity);
    revokedAt = Instant.ofEpochSecond(revokedAt.getEpochSecond());
  }

  /** The names that certificates of the identity have: the DNS name and the SPIFFE id. */
  public List<String> names() {
    return names(identity);
  }

  /**
   * Returns the identity.
   *
   * @throws IllegalArgumentException when it can be neither a DNS name nor a SPIFFE id
   */
  static String requireIdentity(String identity) {
    if (!IDENTITY.matcher(identity).matches()) {
      throw new IllegalArgumentException(
          "identity "
              + WorkloadIdentity.printable(identity)
              + ": expected a DNS name or a SPIFFE id of 1 to 2048 printable ASCII characters");
    }
    if (!identity.startsWith("spiffe://")) {
      WorkloadIdentity.requireDnsName("identity", identity);
    }
    return identity;
  }

  static List<String> names(String identity) {
    if (identity.startsWith("spiffe://")) {
      return List.of(identity);
    }
    try {
      return List.of(identity, WorkloadIdentity.parseDnsName(identity).spiffeId());
    } catch (IllegalArgumentException e) {
      return List.of(identity);
    }
  }
}
