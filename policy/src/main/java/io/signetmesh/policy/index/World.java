package io.signetmesh.policy.index;

import io.signetmesh.crds.policy.EnforcementMode;

/** Which objects are there when a policy is worked out. */
enum World {
  /** Those in force. */
  ENFORCED,
  /** Those in force and those that are only tried. */
  TRIAL;

  /** Whether objects of that mode are there. */
  boolean has(EnforcementMode mode) {
    return this == TRIAL || mode == EnforcementMode.ENFORCE;
  }
}
