package io.signetmesh.identity.attest;

import io.signetmesh.identity.pki.WorkloadIdentity;
import java.time.Instant;

/**
 * The result of attestation.
 *
 * @param identity identity of the workload
 * @param kind kind of the evidence, such as {@code workload-token} or {@code renewal}
 * @param attestor kind of the evidence that first proved the identity: {@code kind}, or for a
 *     renewal the attestor of the first leaf in the chain of renewals
 * @param attestedAt when that evidence was accepted
 * @param use to be committed before the certificate is handed out
 */
public record Attested(
    WorkloadIdentity identity, String kind, String attestor, Instant attestedAt, Use use) {

  /** The last step of attestation: marks evidence that is valid only once as used. */
  @FunctionalInterface
  public interface Use {
    /**
     * Uses the evidence up, durably. The certificate must not be handed out when this fails.
     *
     * @throws AttestationException when somebody else was faster, or it cannot be made durable
     */
    void commit() throws AttestationException;
  }

  /** By evidence that is good until it expires. */
  static Attested now(WorkloadIdentity identity, String kind, Instant now) {
    return new Attested(identity, kind, kind, now, () -> {});
  }
}
