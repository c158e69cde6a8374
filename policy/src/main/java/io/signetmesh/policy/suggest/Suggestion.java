package io.signetmesh.policy.suggest;

import io.signetmesh.policy.effective.EffectivePolicy;

/**
 * What an object with a typo probably means.
 *
 * @param meant what its author would have written: {@code front}, {@code app=web}
 * @param policy the policy that the port asked about would have with that alone corrected
 */
public record Suggestion(String meant, EffectivePolicy policy) {}
