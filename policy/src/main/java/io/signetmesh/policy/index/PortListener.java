package io.signetmesh.policy.index;

import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.model.WorkloadModel;

/**
 * Listens to the policy of one workload port. Calls come one at a time, in the order of the
 * changes, while the index is locked: an implementation notes the policy and returns.
 */
public interface PortListener {
  /** The policy differs from the one of the last call, or this is the first call. */
  void onPolicy(EffectivePolicy policy);

  /** The workload is gone, or has another identity. No call follows. */
  void onWorkloadGone();

  /** The workload is on another node, or on none. A policy that follows from that comes later. */
  default void onWorkloadMoved(WorkloadModel workload) {}
}
