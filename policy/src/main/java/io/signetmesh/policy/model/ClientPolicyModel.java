package io.signetmesh.policy.model;

import io.signetmesh.crds.policy.EnforcementMode;
import java.util.List;

/** A policy about the clients of its target: those that pass all of its authentications. */
public sealed interface ClientPolicyModel extends PolicyObject
    permits AuthorizationPolicyModel, DenyPolicyModel {
  /** What the policy is about, in its own namespace. */
  Reference target();

  /** What a client must pass to be one of those it is about; none means everyone. */
  List<Reference> authentications();

  /** Whether the policy is in force. */
  EnforcementMode mode();
}
