package io.signetmesh.policy.index;

import io.signetmesh.policy.effective.EffectivePolicy;

/**
 * Told about one workload port. Calls come one after another, in the order of the changes, while
 * the index is locked: an implementation only notes the news and returns.
 */
public interface PortListener {
  /** The policy differs from what was told before, or is told for the first time. */
  void onPolicy(EffectivePolicy policy);

  /** The workload is gone, or is no longer who it was. Nothing follows. */
  void onWorkloadGone();
}
