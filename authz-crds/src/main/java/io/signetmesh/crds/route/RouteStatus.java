package io.signetmesh.crds.route;

import io.fabric8.kubernetes.api.model.Condition;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.UniqueBy;
import java.util.List;

/**
 * Status of a route.
 *
 * @param parents status for each parent and controller
 */
public record RouteStatus(@Required @Items(max = 32) List<Parent> parents) {
  /** Copies the lists; null becomes an empty list. */
  public RouteStatus {
    parents = parents == null ? List.of() : List.copyOf(parents);
  }

  /**
   * Status that one controller reports for one parent.
   *
   * @param parentRef the parent
   * @param controllerName name of the controller, such as {@code linkerd.io/policy-controller}
   * @param conditions conditions, among them {@code Accepted} and {@code ResolvedRefs}
   */
  public record Parent(
      @Required ParentRef parentRef,
      @Required @Length(min = 1, max = 253) String controllerName,
      @Items(min = 1, max = 8) @UniqueBy("type") List<Condition> conditions) {
    /** Copies the lists; null becomes an empty list. */
    public Parent {
      conditions = conditions == null ? List.of() : List.copyOf(conditions);
    }
  }
}
