package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link DenyPolicy} says.
 *
 * @param targetRef a server, a route, or the policy's own namespace, which here means every port of
 *     its workloads, those without a Server too
 * @param requiredAuthenticationRefs authentications; a client that meets all of them is refused, so
 *     an empty list refuses everyone
 * @param mode whether it is enforced or a dry run
 */
public record DenyPolicySpec(
    @Required LocalTargetRef targetRef,
    @Required List<NamespacedTargetRef> requiredAuthenticationRefs,
    @Default("enforce") @Nullable EnforcementMode mode) {
  /** Keeps a copy of the list; a mode that is not given is {@link EnforcementMode#ENFORCE}. */
  public DenyPolicySpec {
    requiredAuthenticationRefs = List.copyOf(requiredAuthenticationRefs);
    mode = mode == null ? EnforcementMode.ENFORCE : mode;
  }
}
