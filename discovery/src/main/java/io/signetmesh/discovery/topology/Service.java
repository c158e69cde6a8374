package io.signetmesh.discovery.topology;

import io.signetmesh.crds.network.PortSet;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A Service with the endpoints behind it.
 *
 * @param key namespace and name
 * @param clusterIps cluster addresses of all families; empty for headless services
 * @param ports ports that the service defines
 * @param opaquePorts the service's own list of opaque ports; null when it states none, so that the
 *     controller's default list applies
 * @param externalName whether the service is an alias of a name outside of the cluster, which has
 *     no endpoints to discover
 * @param localTrafficOnly whether only endpoints on the client's node may be used
 *     (internalTrafficPolicy: Local)
 * @param remoteCluster cluster that the service is a mirror of; null for services of this cluster
 * @param endpoints endpoints, ready or not
 */
public record Service(
    ObjectKey key,
    List<InetAddress> clusterIps,
    List<Port> ports,
    @Nullable PortSet opaquePorts,
    boolean externalName,
    boolean localTrafficOnly,
    @Nullable String remoteCluster,
    List<Endpoint> endpoints) {

  /** Copies the lists. */
  public Service {
    clusterIps = List.copyOf(clusterIps);
    ports = List.copyOf(ports);
    endpoints = List.copyOf(endpoints);
  }

  /** The port with a number, or null when the service does not define it. */
  public @Nullable Port port(int number) {
    for (Port port : ports) {
      if (port.number() == number) {
        return port;
      }
    }
    return null;
  }

  /** Whether connections to a port of the service are to be treated as bytes. */
  public boolean opaque(int port, PortSet defaults) {
    PortSet own = opaquePorts;
    if (own == null) {
      return defaults.contains(port);
    }
    return own.contains(
        port,
        ports.stream().collect(Collectors.toMap(Port::name, Port::number, (first, same) -> first)));
  }

  /**
   * A port that a service defines.
   *
   * @param name name, empty when the service's only port has none; endpoints are matched by it
   * @param number port number that clients use
   * @param appProtocol application protocol that the service states; null for none
   */
  public record Port(String name, int number, @Nullable String appProtocol) {}

  /**
   * One endpoint of a service.
   *
   * @param address address
   * @param ports target port numbers by name of the service's port
   * @param hostname name of the endpoint under a headless service; empty for none
   * @param node node that it runs on; empty when not known
   * @param zone zone that it runs in; empty when not known
   * @param forZones zones whose clients should use it; empty without topology hints
   * @param ready whether it takes traffic
   * @param workload what runs there; null when the address stands for itself
   */
  public record Endpoint(
      InetAddress address,
      Map<String, Integer> ports,
      String hostname,
      String node,
      String zone,
      List<String> forZones,
      boolean ready,
      @Nullable Workload workload) {

    /** Copies the collections. */
    public Endpoint {
      ports = Map.copyOf(ports);
      forZones = List.copyOf(forZones);
    }
  }
}
