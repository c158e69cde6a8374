package io.signetmesh.discovery.topology;

import io.signetmesh.crds.network.PortSet;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A Service with its endpoints, reduced to what its clients use.
 *
 * @param key namespace and name
 * @param clusterIps cluster IPs of all families; empty for a headless Service
 * @param ports ports of the Service
 * @param opaquePorts the Service's own list of opaque ports; null when it has none, so that the
 *     default list applies
 * @param externalName whether the Service is of type ExternalName, and so has no endpoints
 * @param localTrafficOnly whether clients may use only endpoints on their own node ({@code
 *     internalTrafficPolicy: Local})
 * @param remoteCluster cluster whose Service this one mirrors; null for a Service of this cluster
 * @param endpoints endpoints, ready or not
 */
public record ResolvedService(
    ObjectKey key,
    List<InetAddress> clusterIps,
    List<Port> ports,
    @Nullable PortSet opaquePorts,
    boolean externalName,
    boolean localTrafficOnly,
    @Nullable String remoteCluster,
    List<ResolvedEndpoint> endpoints) {

  /** Copies the lists. */
  public ResolvedService {
    clusterIps = List.copyOf(clusterIps);
    ports = List.copyOf(ports);
    endpoints = List.copyOf(endpoints);
  }

  /** The port with this number; null when the Service does not declare it. */
  public @Nullable Port port(int number) {
    for (Port port : ports) {
      if (port.number() == number) {
        return port;
      }
    }
    return null;
  }

  /**
   * Whether a port of the Service is opaque: proxies do not detect its protocol.
   *
   * @param defaults opaque ports where the Service has no list of its own
   */
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
   * A port of a Service.
   *
   * @param name name, by which endpoints are matched; empty for the only port of a Service without
   *     port names
   * @param number port number that clients use, 1 to 65535
   * @param appProtocol {@code appProtocol} of the port; null for none
   */
  public record Port(String name, int number, @Nullable String appProtocol) {}

  /**
   * One endpoint of a Service.
   *
   * @param address IP address
   * @param ports target port number for each name of a Service port
   * @param hostname host name of the endpoint in a headless Service; empty for none
   * @param node its node; empty when unknown
   * @param zone its zone; empty when unknown
   * @param forZones zones in its topology hints; empty without hints
   * @param ready whether it can receive traffic
   * @param workload workload with this address; null when there is none
   */
  public record ResolvedEndpoint(
      InetAddress address,
      Map<String, Integer> ports,
      String hostname,
      String node,
      String zone,
      List<String> forZones,
      boolean ready,
      @Nullable PeerWorkload workload) {

    /** Copies the collections. */
    public ResolvedEndpoint {
      ports = Map.copyOf(ports);
      forZones = List.copyOf(forZones);
    }
  }
}
