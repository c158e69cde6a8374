package io.signetmesh.policy.model;

import io.signetmesh.crds.policy.EnforcementMode;
import java.util.List;

/**
 * A policy about clients of its target: it allows or refuses those that pass all of its
 * authentications.
 */
public sealed interface ClientPolicyModel extends PolicyObject
    permits AuthorizationPolicyModel, DenyPolicyModel {
  /** The target, in the namespace of the policy. */
  Reference target();

  /** What a client must pass for the policy to match it; none means everyone. */
  List<Reference> authentications();

  /** Whether the policy is in force. */
  EnforcementMode mode();
}
