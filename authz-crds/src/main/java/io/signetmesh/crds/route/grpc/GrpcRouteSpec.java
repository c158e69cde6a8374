package io.signetmesh.crds.route.grpc;

import io.signetmesh.crds.route.ParentRef;
import io.signetmesh.crds.route.SessionPersistence;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of a GRPCRoute.
 *
 * @param parentRefs objects that the route attaches to
 * @param hostnames hosts that the route matches; empty matches all
 * @param rules rules, in order
 */
public record GrpcRouteSpec(
    @Items(max = 32) List<ParentRef> parentRefs,
    @Items(max = 16) @Text(TextFormat.HOST) List<String> hostnames,
    @Items(max = 16) List<Rule> rules) {
  /** Copies the lists; null becomes an empty list. */
  public GrpcRouteSpec {
    parentRefs = parentRefs == null ? List.of() : List.copyOf(parentRefs);
    hostnames = hostnames == null ? List.of() : List.copyOf(hostnames);
    rules = rules == null ? List.of() : List.copyOf(rules);
  }

  /**
   * What happens to requests that match.
   *
   * @param name name of the rule
   * @param matches conditions, of which at least one must hold; empty matches all requests
   * @param filters changes to the request and the response
   * @param backendRefs where requests go
   * @param sessionPersistence how requests of a session stay with one endpoint
   */
  public record Rule(
      @Text(TextFormat.SECTION) @Nullable String name,
      @Items(max = 8) List<GrpcRouteMatch> matches,
      @Items(max = 16) List<GrpcRouteFilter> filters,
      @Items(max = 16) List<GrpcBackendRef> backendRefs,
      @Nullable SessionPersistence sessionPersistence) {
    /** Copies the lists; null becomes an empty list. */
    public Rule {
      matches = matches == null ? List.of() : List.copyOf(matches);
      filters = filters == null ? List.of() : List.copyOf(filters);
      backendRefs = backendRefs == null ? List.of() : List.copyOf(backendRefs);
    }
  }
}
