package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of a {@link DenyPolicy}.
 *
 * @param targetRef a Server, a route, or the policy's own namespace, which means every port of its
 *     workloads, also those without a Server
 * @param requiredAuthenticationRefs authentications; a client that meets all of them is denied, so
 *     an empty list denies everyone
 * @param mode enforced or dry run
 */
public record DenyPolicySpec(
    @Required LocalTargetRef targetRef,
    @Required List<NamespacedTargetRef> requiredAuthenticationRefs,
    @Default("enforce") @Nullable EnforcementMode mode) {
  /**
   * Copies the list. A mode that is null becomes {@link EnforcementMode#ENFORCE}.
   *
   * @throws NullPointerException when the list is null
   */
  public DenyPolicySpec {
    requiredAuthenticationRefs = List.copyOf(requiredAuthenticationRefs);
    mode = mode == null ? EnforcementMode.ENFORCE : mode;
  }
}
