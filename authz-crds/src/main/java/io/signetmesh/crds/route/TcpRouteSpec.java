package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of a TCPRoute.
 *
 * @param parentRefs objects that the route attaches to
 * @param rules rules; only one is supported
 */
public record TcpRouteSpec(
    @Items(max = 32) List<ParentRef> parentRefs,
    @Required @Items(min = 1, max = 16) List<Rule> rules) {
  /** Copies the lists; null becomes an empty list. */
  public TcpRouteSpec {
    parentRefs = parentRefs == null ? List.of() : List.copyOf(parentRefs);
    rules = rules == null ? List.of() : List.copyOf(rules);
  }

  /**
   * Where connections go.
   *
   * @param name name of the rule
   * @param backendRefs backends
   */
  public record Rule(
      @Text(TextFormat.SECTION) @Nullable String name,
      @Items(min = 1, max = 16) List<BackendRef> backendRefs) {
    /** Copies the lists; null becomes an empty list. */
    public Rule {
      backendRefs = backendRefs == null ? List.of() : List.copyOf(backendRefs);
    }
  }
}
