package io.signetmesh.policy.index;

/**
 * What an object that has a slip of the pen probably means.
 *
 * @param meant what its author would have written: {@code front}, {@code app=web}
 * @param policy the policy that the port asked about would have with that, all else left as it is
 */
public record Suggestion(String meant, EffectivePolicy policy) {}
