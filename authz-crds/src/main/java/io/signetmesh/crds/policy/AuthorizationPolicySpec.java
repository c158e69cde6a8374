package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Required;
import java.util.List;

/**
 * What an {@link AuthorizationPolicy} says.
 *
 * @param targetRef a server, a route, or the policy's own namespace
 * @param requiredAuthenticationRefs authentications that a client has to meet, all of them; an
 *     empty list grants access to everyone
 */
public record AuthorizationPolicySpec(
    @Required LocalTargetRef targetRef,
    @Required List<NamespacedTargetRef> requiredAuthenticationRefs) {
  /** Keeps a copy of the list; refuses null, which must not read as "no requirement". */
  public AuthorizationPolicySpec {
    requiredAuthenticationRefs = List.copyOf(requiredAuthenticationRefs);
  }
}
