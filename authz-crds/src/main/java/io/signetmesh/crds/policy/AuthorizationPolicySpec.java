package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Required;
import java.util.List;

/**
 * Spec of an {@link AuthorizationPolicy}.
 *
 * @param targetRef a Server, a route, or the policy's own namespace
 * @param requiredAuthenticationRefs authentications, all of which a client must meet; an empty list
 *     allows everyone
 */
public record AuthorizationPolicySpec(
    @Required LocalTargetRef targetRef,
    @Required List<NamespacedTargetRef> requiredAuthenticationRefs) {
  /**
   * Copies the list. Null is an error, so that it can never mean "no requirement".
   *
   * @throws NullPointerException when the list is null
   */
  public AuthorizationPolicySpec {
    requiredAuthenticationRefs = List.copyOf(requiredAuthenticationRefs);
  }
}
