package io.signetmesh.identity.attest;

import io.signetmesh.identity.pki.WorkloadIdentity;

/** Finds out who holds a token. Implementations may block, and are thread-safe. */
@FunctionalInterface
public interface Attestor {
  /** Audience that a token must have been issued for. */
  String AUDIENCE = "identity.l5d.io";

  /**
   * Names the workload that the token was issued to.
   *
   * @param token bytes of the token file as they came
   * @throws AttestationException when the token proves nothing; the message never holds the token
   */
  WorkloadIdentity attest(byte[] token) throws AttestationException;
}
