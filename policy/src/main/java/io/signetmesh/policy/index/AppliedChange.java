package io.signetmesh.policy.index;

import io.signetmesh.policy.model.ObjectRef;
import java.util.List;

/**
 * The result of a change to the objects.
 *
 * @param generation generation of the index after it
 * @param objects objects that differ, sorted
 * @param portsEvaluated watched ports whose policy was worked out again
 * @param portsTouched watched ports whose policy differs
 */
public record AppliedChange(
    long generation, List<ObjectRef> objects, int portsEvaluated, int portsTouched) {
  /** Copies the list. */
  public AppliedChange {
    objects = List.copyOf(objects);
  }
}
