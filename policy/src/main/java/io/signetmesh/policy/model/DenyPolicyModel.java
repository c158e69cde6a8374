package io.signetmesh.policy.model;

import io.signetmesh.crds.policy.EnforcementMode;
import java.util.List;

/**
 * A DenyPolicy: refuses its target to clients that pass all of its authentications, whatever else
 * allows them.
 *
 * @param ref the object
 * @param origin where it is written
 * @param target what it refuses, in its own namespace
 * @param authentications what a client must pass; none means everyone
 * @param mode whether it is in force
 */
public record DenyPolicyModel(
    ObjectRef ref,
    String origin,
    Reference target,
    List<Reference> authentications,
    EnforcementMode mode)
    implements ClientPolicyModel {
  /** Copies the list. */
  public DenyPolicyModel {
    authentications = List.copyOf(authentications);
  }
}
