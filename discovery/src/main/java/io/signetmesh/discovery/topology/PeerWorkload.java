package io.signetmesh.discovery.topology;

import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.network.PortSet;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A Pod or an ExternalWorkload, reduced to what its peers use. A change of the Kubernetes object
 * that peers cannot notice gives an equal value.
 *
 * @param ref identifies the workload
 * @param addresses its IP addresses, of all families
 * @param hostNetwork whether it is on the host network, and so shares the addresses of its node
 * @param hostPorts ports of the node that lead to the workload
 * @param serviceAccount ServiceAccount of a Pod; empty for an ExternalWorkload
 * @param node node of a Pod; empty when unknown
 * @param owner controller of the workload; null when it has none
 * @param mesh its proxy; null when it is not in the mesh
 * @param podTemplateHash label {@code pod-template-hash}; empty when it has none
 * @param tcpPorts declared TCP ports
 * @param namedPorts number of each port name
 * @param opaquePorts the workload's own list of opaque ports; null when it has none
 * @param serverOpaquePorts ports that a Server declares opaque
 * @param running whether it is running; {@link ResolvedService.ResolvedEndpoint} has the readiness
 */
public record PeerWorkload(
    WorkloadRef ref,
    List<InetAddress> addresses,
    boolean hostNetwork,
    List<HostPort> hostPorts,
    String serviceAccount,
    String node,
    @Nullable Owner owner,
    @Nullable Mesh mesh,
    String podTemplateHash,
    Set<Integer> tcpPorts,
    Map<String, Integer> namedPorts,
    @Nullable PortSet opaquePorts,
    Set<Integer> serverOpaquePorts,
    boolean running) {

  /** Copies the collections. */
  public PeerWorkload {
    addresses = List.copyOf(addresses);
    hostPorts = List.copyOf(hostPorts);
    tcpPorts = Set.copyOf(tcpPorts);
    namedPorts = Map.copyOf(namedPorts);
    serverOpaquePorts = Set.copyOf(serverOpaquePorts);
  }

  /**
   * Whether a port of the workload is opaque: proxies do not detect its protocol.
   *
   * @param defaults opaque ports where the workload has no list of its own
   */
  public boolean opaque(int port, PortSet defaults) {
    PortSet own = opaquePorts;
    boolean stated = own == null ? defaults.contains(port) : own.contains(port, namedPorts);
    return stated || serverOpaquePorts.contains(port);
  }

  /**
   * The controller of a workload, such as a Deployment.
   *
   * @param kind kind in lower case
   * @param name name of the controller
   */
  public record Owner(String kind, String name) {}

  /**
   * A port of the node that leads to a workload's port.
   *
   * @param address address of the node
   * @param port port of the node
   * @param workloadPort port of the workload
   */
  public record HostPort(InetAddress address, int port, int workloadPort) {}

  /**
   * The proxy of a workload.
   *
   * @param controlPlaneNamespace control plane that the proxy belongs to; empty for an
   *     ExternalWorkload
   * @param skippedPorts ports that bypass the proxy
   * @param inboundPort port of the proxy's inbound listener, which accepts the transport header, or
   *     {@link #UNREADABLE_PORT}
   * @param adminPort port of the proxy's admin server, or {@link #UNREADABLE_PORT}
   * @param controlPort port of the proxy's tap server, or {@link #UNREADABLE_PORT}
   * @param external identity of an ExternalWorkload; null for a Pod, whose ServiceAccount gives the
   *     identity
   */
  public record Mesh(
      String controlPlaneNamespace,
      PortSet skippedPorts,
      int inboundPort,
      int adminPort,
      int controlPort,
      Workload.@Nullable MeshIdentity external) {
    /** A port that is declared but malformed. Where the proxy listens is then unknown. */
    public static final int UNREADABLE_PORT = 0;
  }
}
