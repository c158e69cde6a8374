package io.signetmesh.audit;

import org.jspecify.annotations.Nullable;

/**
 * What a policy bundle answered about a request.
 *
 * @param authentication {@code namespace/name} of the RegoAuthentication
 * @param outcome stable code of the outcome, such as {@code allow} or {@code out_of_time}
 * @param reason the reason that the bundle gave, or what went wrong; null for none
 */
public record AuditedRego(String authentication, String outcome, @Nullable String reason) {
  /** Cuts the reason to the length of {@link DecisionEvent}. */
  public AuditedRego {
    reason = DecisionEvent.cut(reason);
  }
}
