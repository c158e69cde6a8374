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
  /** Conditions that are not given are none. */
  public ExternalWorkloadStatus {
    conditions = conditions == null ? List.of() : List.copyOf(conditions);
  }

  /**
   * One condition.
   *
   * @param type what it is about
   * @param status {@code True}, {@code False} or {@code Unknown}
   * @param lastProbeTime when it was last looked at, RFC 3339
   * @param lastTransitionTime when it last changed, RFC 3339
   * @param reason why, in one word
   * @param message why, for people
   */
  public record Condition(
      @Required @Length(min = 1, max = 316) String type,
      @Required String status,
      @Nullable String lastProbeTime,
      @Nullable String lastTransitionTime,
      @Length(max = 1024) @Nullable String reason,
      @Length(max = 32768) @Nullable String message) {}
}
