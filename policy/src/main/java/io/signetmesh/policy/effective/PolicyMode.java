package io.signetmesh.policy.effective;

import io.signetmesh.crds.policy.EnforcementMode;

/** Which objects count when the policy of a port is worked out. */
public enum PolicyMode {
  /** Objects in mode enforce. */
  ENFORCED,
  /** Objects in mode enforce and objects in mode audit. */
  DRY_RUN;

  /** Whether objects of that mode count. */
  public boolean includes(EnforcementMode mode) {
    return this == DRY_RUN || mode == EnforcementMode.ENFORCE;
  }
}
