package io.signetmesh.crds.egress;

import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;

/**
 * Status of an {@link EgressNetwork}.
 *
 * @param conditions conditions, among them {@code Accepted}
 */
public record EgressNetworkStatus(List<Condition> conditions) {
  /** Copies the conditions; null becomes an empty list. */
  public EgressNetworkStatus {
    conditions = conditions == null ? List.of() : List.copyOf(conditions);
  }
}
