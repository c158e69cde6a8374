package io.signetmesh.cli.matrix;

import io.signetmesh.proxy.authorize.ResourceRef;
import org.jspecify.annotations.Nullable;

/**
 * What is called: a route of a Server, or of a port without a Server.
 *
 * @param namespace namespace of the called workloads
 * @param server the Server, or the default policy of a port without one
 * @param port {@code workload:port} of the workload whose name sorts first
 * @param workloads number of workload ports that the Server selects
 * @param route route; null for ports on which connections, not requests, are decided
 */
public record Target(
    String namespace, ResourceRef server, String port, int workloads, @Nullable ResourceRef route) {
  /** {@code shop/web}; for a port without a Server, {@code shop/web-0:9000 (all-authenticated)}. */
  public String serverText() {
    return server.kind().equals("default")
        ? namespace + "/" + port + " (" + server.name() + ")"
        : namespace + "/" + server.name();
  }

  /** Name of the route; {@code *} for everything that the port receives. */
  public String routeText() {
    return route == null || (route.kind().equals("default") && route.name().equals("default"))
        ? "*"
        : route.name();
  }
}
