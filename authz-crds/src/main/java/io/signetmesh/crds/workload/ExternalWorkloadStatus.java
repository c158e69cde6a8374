package io.signetmesh.crds.workload;

import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Status of an {@link ExternalWorkload}.
 *
 * @param conditions conditions, among them {@code Ready}
 */
public record ExternalWorkloadStatus(List<Condition> conditions) {
  /** Copies the conditions; null becomes an empty list. */
  public ExternalWorkloadStatus {
    conditions = conditions == null ? List.of() : List.copyOf(conditions);
  }

  /**
   * One condition.
   *
   * @param type type of the condition
   * @param status {@code True}, {@code False} or {@code Unknown}
   * @param lastProbeTime time of the last check, RFC 3339
   * @param lastTransitionTime time of the last change of {@code status}, RFC 3339
   * @param reason machine-readable reason, in CamelCase
   * @param message explanation for people
   */
  public record Condition(
      @Required @Length(min = 1, max = 316) String type,
      @Required String status,
      @Nullable String lastProbeTime,
      @Nullable String lastTransitionTime,
      @Length(max = 1024) @Nullable String reason,
      @Length(max = 32768) @Nullable String message) {}
}
