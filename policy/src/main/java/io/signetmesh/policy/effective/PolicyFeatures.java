package io.signetmesh.policy.effective;

import java.util.Collection;

/**
 * What a proxy understands beyond Linkerd's policy, as it says in {@code PortSpec.signet_features}.
 *
 * @param generation it reads generations and acknowledges them
 * @param deny it enforces denials
 * @param trial it evaluates the dry-run policy, and enforces none of it
 * @param jwt it enforces what authorizations and denials require of tokens
 * @param rego it asks the policy bundles that authorizations and denials require
 */
public record PolicyFeatures(
    boolean generation, boolean deny, boolean trial, boolean jwt, boolean rego) {
  /** All of them. */
  public static final PolicyFeatures ALL = new PolicyFeatures(true, true, true, true, true);

  /** A proxy of Linkerd. */
  public static final PolicyFeatures NONE = new PolicyFeatures(false, false, false, false, false);

  /** Reads the names on the wire. Unknown names are ignored. */
  public static PolicyFeatures of(Collection<String> names) {
    return new PolicyFeatures(
        names.contains("generation"),
        names.contains("deny"),
        names.contains("trial"),
        names.contains("jwt"),
        names.contains("rego"));
  }
}
