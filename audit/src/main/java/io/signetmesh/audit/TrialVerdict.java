package io.signetmesh.audit;

import org.jspecify.annotations.Nullable;

/**
 * The dry-run verdict: what the decision would be if everything in audit mode were enforced.
 *
 * @param verdict allow or deny
 * @param reason stable reason code, as in {@link DecisionEvent}
 * @param authorization the authorization that would match, or on a denial the one that comes
 *     nearest
 * @param failedAttribute on a denial, the attribute that would fail: identity, network or tls
 * @param detail on a denial, what the nearest authorization requires
 */
public record TrialVerdict(
    Verdict verdict,
    String reason,
    @Nullable String authorization,
    @Nullable String failedAttribute,
    @Nullable String detail) {

  /** Cuts the detail to the length of {@link DecisionEvent}. */
  public TrialVerdict {
    detail = DecisionEvent.cut(detail);
  }
}
