package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One match of a route as it was compiled.
 *
 * @param ref the route resource
 * @param filters filters of the rule
 * @param denials denials of the route; null when it has none
 * @param own authorizations of the route itself; null when it has none
 */
record CompiledRoute(
    ResourceRef ref,
    List<Filter> filters,
    @Nullable AuthorizationIndex denials,
    @Nullable AuthorizationIndex own)
    implements Route {
  CompiledRoute {
    filters = List.copyOf(filters);
  }
}
