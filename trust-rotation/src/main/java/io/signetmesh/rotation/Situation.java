package io.signetmesh.rotation;

import java.time.Instant;
import java.util.List;

/**
 * What is true at one moment, as a rotation needs to know it.
 *
 * @param now the time
 * @param observedSince since when workloads can report: the start of the identity server
 * @param bundle anchors of the bundle in force
 * @param issuing anchor that the issuer in force was issued under; empty when there is none, and
 *     after a compromise as long as that issuer was made before it was known
 * @param canaryFailure why a leaf issued now does not verify under all anchors of the bundle; empty
 *     when it does
 * @param renewalAsked whether workloads are being asked to come to the issuer in force
 * @param revoked anchors whose issuers are revoked, all that are known
 * @param settled whether nothing is kept that only the rotation needed
 * @param fleet all leaves that have not expired and are not known to be unused
 */
public record Situation(
    Instant now,
    Instant observedSince,
    AnchorSet bundle,
    String issuing,
    String canaryFailure,
    boolean renewalAsked,
    AnchorSet revoked,
    boolean settled,
    List<Member> fleet) {
  /** Copies the list. */
  public Situation {
    fleet = List.copyOf(fleet);
  }
}
