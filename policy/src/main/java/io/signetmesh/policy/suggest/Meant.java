package io.signetmesh.policy.suggest;

import io.signetmesh.policy.model.PolicyObject;

/**
 * A part of an object, as its author meant it.
 *
 * @param value the part
 * @param text what its author would have written
 */
record Meant<T>(T value, String text) {
  /** The correction of an object that has this part. */
  Correction in(PolicyObject object) {
    return new Correction(object, text);
  }
}
