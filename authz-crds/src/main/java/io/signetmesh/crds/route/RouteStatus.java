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
 * @param parents what controllers say about it, by parent
 */
public record RouteStatus(@Required @Items(max = 32) List<Parent> parents) {
  /** Lists that are not given are empty. */
  public RouteStatus {
    parents = parents == null ? List.of() : List.copyOf(parents);
  }

  /**
   * What one controller says about one parent.
   *
   * @param parentRef the parent
   * @param controllerName the controller
   * @param conditions conditions, among them {@code Accepted} and {@code ResolvedRefs}
   */
  public record Parent(
      @Required ParentRef parentRef,
      @Required @Length(min = 1, max = 253) String controllerName,
      @Items(min = 1, max = 8) @UniqueBy("type") List<Condition> conditions) {
    /** Lists that are not given are empty. */
    public Parent {
      conditions = conditions == null ? List.of() : List.copyOf(conditions);
    }
  }
}
