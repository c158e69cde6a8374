package io.signetmesh.policy.effective;

import java.util.Collection;

/**
 * What a proxy does beyond Linkerd's policy, as it says in {@code PortSpec.signet_features}.
 *
 * @param generation it reads generations and acknowledges them
 * @param deny it enforces denials
 * @param trial it evaluates the dry-run policy, and enforces none of it
 */
public record PolicyFeatures(boolean generation, boolean deny, boolean trial) {
  /** All of them. */
  public static final PolicyFeatures ALL = new PolicyFeatures(true, true, true);

  /** A proxy of Linkerd. */
  public static final PolicyFeatures NONE = new PolicyFeatures(false, false, false);

  /** Reads names as they go over the wire; unknown ones are none of ours. */
  public static PolicyFeatures of(Collection<String> names) {
    return new PolicyFeatures(
        names.contains("generation"), names.contains("deny"), names.contains("trial"));
  }
}
