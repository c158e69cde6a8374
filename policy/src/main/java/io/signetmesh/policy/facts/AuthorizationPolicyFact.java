package io.signetmesh.policy.facts;

import java.util.List;

/**
 * An AuthorizationPolicy: grants its target to clients that pass all of its authentications.
 *
 * @param ref the object
 * @param origin where it is written
 * @param target what it grants, in its own namespace
 * @param authentications what a client must pass; none means everyone
 */
public record AuthorizationPolicyFact(
    ObjectRef ref, String origin, Reference target, List<Reference> authentications)
    implements Fact {
  /** Copies the list. */
  public AuthorizationPolicyFact {
    authentications = List.copyOf(authentications);
  }
}
