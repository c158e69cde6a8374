package io.signetmesh.policy.index;

import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * The objects of an index at one generation. It does not change.
 *
 * @param generation generation of this state
 * @param config what policy means in the mesh, apart from its objects
 * @param objects all objects, sorted by reference
 */
public record PolicySnapshot(
    long generation, PolicyConfig config, Map<ObjectRef, PolicyObject> objects) {
  /** Copies and sorts the objects. */
  public PolicySnapshot {
    objects = Collections.unmodifiableMap(new TreeMap<>(objects));
  }
}
