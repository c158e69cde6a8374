package io.signetmesh.crds.policy;

import io.fabric8.kubernetes.api.model.Condition;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;

/**
 * Status of an {@link HTTPLocalRateLimitPolicy}.
 *
 * @param conditions conditions, among them {@code Accepted}
 * @param targetRef the target that the conditions describe
 */
public record HTTPLocalRateLimitPolicyStatus(
    List<Condition> conditions, @Required TargetRef targetRef) {
  /** Copies the conditions; null becomes an empty list. */
  public HTTPLocalRateLimitPolicyStatus {
    conditions = conditions == null ? List.of() : List.copyOf(conditions);
  }

  /**
   * The target.
   *
   * @param group API group
   * @param kind kind
   * @param name name
   */
  public record TargetRef(
      @Default("policy.linkerd.io") @Text(TextFormat.GROUP) String group,
      @Default("Server") @Text(TextFormat.KIND) String kind,
      @Required @Text(TextFormat.NAME) String name) {}
}
