package io.signetmesh.proxy.inbound;

import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.TrialVerdict;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.Decision;
import org.jspecify.annotations.Nullable;

/** Translates decisions into the terms of audit records. */
public final class AuditedDecisions {
  private AuditedDecisions() {}

  /** The mode of a decision. A refusal without a decision counts as enforced. */
  public static DecisionMode mode(@Nullable Decision decision) {
    return decision != null && decision.mode() == Decision.Mode.AUDIT
        ? DecisionMode.AUDIT
        : DecisionMode.ENFORCE;
  }

  /** The dry-run verdict. */
  public static TrialVerdict trial(Decision trial) {
    return new TrialVerdict(
        trial.allowed() ? Verdict.ALLOW : Verdict.DENY,
        trial.reason().code(),
        trial.authorizationLabel(),
        trial.failedAttribute(),
        trial.detail());
  }
}
