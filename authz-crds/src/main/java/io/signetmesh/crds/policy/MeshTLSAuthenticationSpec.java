package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Items;
import java.util.List;

/**
 * Spec of a {@link MeshTLSAuthentication}. Exactly one of the lists is set.
 *
 * @param identities mesh identities: exact (a DNS-like name or a SPIFFE ID), {@code *.suffix}, or
 *     {@code *} for any
 * @param identityRefs ServiceAccounts, or Namespaces with all their ServiceAccounts
 */
@ExactlyOneOf({"identities", "identityRefs"})
public record MeshTLSAuthenticationSpec(
    @Items(min = 1) List<String> identities,
    @Items(min = 1) List<NamespacedTargetRef> identityRefs) {
  /** Copies the lists; null becomes an empty list. */
  public MeshTLSAuthenticationSpec {
    identities = identities == null ? List.of() : List.copyOf(identities);
    identityRefs = identityRefs == null ? List.of() : List.copyOf(identityRefs);
  }
}
