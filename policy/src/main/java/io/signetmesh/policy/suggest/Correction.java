package io.signetmesh.policy.suggest;

import io.signetmesh.policy.model.PolicyObject;

/**
 * An object with a typo corrected.
 *
 * @param object the object without the typo
 * @param meant what its author would have written: {@code front}, {@code app=web}
 */
record Correction(PolicyObject object, String meant) {}
