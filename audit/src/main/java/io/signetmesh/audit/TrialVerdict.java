package io.signetmesh.audit;

import org.jspecify.annotations.Nullable;

/**
 * The dry-run verdict: what the decision would be with everything in mode audit enforced.
 *
 * @param verdict what the outcome would be
 * @param reason stable reason code, as of a decision
 * @param authorization the authorization that would match, or on a denial the nearest one
 * @param failedAttribute on a denial the attribute that would fail: identity, network, tls
 * @param detail on a denial what the nearest authorization wants
 */
public record TrialVerdict(
    Verdict verdict,
    String reason,
    @Nullable String authorization,
    @Nullable String failedAttribute,
    @Nullable String detail) {

  /** Cuts texts that are too long. */
  public TrialVerdict {
    detail = DecisionEvent.cut(detail);
  }
}
