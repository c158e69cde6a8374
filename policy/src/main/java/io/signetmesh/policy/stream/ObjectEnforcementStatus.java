package io.signetmesh.policy.stream;

import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.model.ObjectRef;
import java.util.List;

/**
 * How far an object is in force.
 *
 * @param source the object, and whether it is enforced or a dry run
 * @param proxies connected proxies with a port that the object affects
 * @param inForce those of them that have the newest state in force on all such ports
 * @param behind the others, sorted
 * @param generation newest generation that changed such a port
 */
public record ObjectEnforcementStatus(
    PolicySource source, int proxies, int inForce, List<ObjectRef> behind, long generation) {
  /** Copies the list. */
  public ObjectEnforcementStatus {
    behind = List.copyOf(behind);
  }
}
