package io.signetmesh.policy.model;

import java.util.List;

/**
 * A MeshTLSAuthentication: a set of client identities.
 *
 * @param ref the object
 * @param origin where it is written
 * @param identities matched when any entry matches
 * @param references service accounts and namespaces whose identities match as well
 */
public record MeshTlsModel(
    ObjectRef ref, String origin, List<IdentityMatch> identities, List<Reference> references)
    implements PolicyObject {
  /** Copies its arguments. */
  public MeshTlsModel {
    identities = List.copyOf(identities);
    references = List.copyOf(references);
  }
}
