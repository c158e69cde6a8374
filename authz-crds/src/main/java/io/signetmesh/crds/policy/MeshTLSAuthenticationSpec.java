package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Items;
import java.util.List;

/**
 * What a {@link MeshTLSAuthentication} says: identities or references to them, not both.
 *
 * @param identities identities: exact (DNS-like or SPIFFE), {@code *.suffix} or {@code *}
 * @param identityRefs service accounts, or namespaces with all their service accounts
 */
@ExactlyOneOf({"identities", "identityRefs"})
public record MeshTLSAuthenticationSpec(
    @Items(min = 1) List<String> identities,
    @Items(min = 1) List<NamespacedTargetRef> identityRefs) {
  /** Lists that are not given are empty. */
  public MeshTLSAuthenticationSpec {
    identities = identities == null ? List.of() : List.copyOf(identities);
    identityRefs = identityRefs == null ? List.of() : List.copyOf(identityRefs);
  }
}
