package io.signetmesh.cli.matrix;

import io.signetmesh.proxy.authorize.ResourceRef;
import org.jspecify.annotations.Nullable;

/**
 * What may be called: a route of a Server, or of a port that has none.
 *
 * @param namespace namespace of the workloads
 * @param server the Server, or the default policy of a port without one
 * @param port {@code workload:port}, of the first workload in the order of names
 * @param workloads number of workload ports that the Server has
 * @param route route; null where connections and not requests are decided about
 */
public record Target(
    String namespace, ResourceRef server, String port, int workloads, @Nullable ResourceRef route) {
  /** {@code shop/web}, {@code shop/web-0:9000} for a port without Server. */
  public String serverText() {
    return server.kind().equals("default")
        ? namespace + "/" + port + " (" + server.name() + ")"
        : namespace + "/" + server.name();
  }

  /** Name of the route; {@code *} for all that reaches the port. */
  public String routeText() {
    return route == null || (route.kind().equals("default") && route.name().equals("default"))
        ? "*"
        : route.name();
  }
}
