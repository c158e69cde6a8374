package io.signetmesh.discovery.topology;

import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.network.PortSet;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A pod or an external workload, as far as its peers have to know it.
 *
 * @param kind pod or external workload
 * @param key namespace and name
 * @param addresses addresses, all families
 * @param hostNetwork whether the addresses are those of the node, shared with others
 * @param hostPorts ports of the node that lead to the workload
 * @param serviceAccount service account of a pod; empty for external workloads
 * @param node node of a pod; empty when not known
 * @param owner what made the workload; null when nothing did
 * @param mesh how it takes part in the mesh; null when it does not
 * @param podTemplateHash hash of the template that it was made from; empty for none
 * @param tcpPorts TCP ports that it declares
 * @param namedPorts port numbers by name
 * @param opaquePorts the workload's own list of opaque ports; null when it states none
 * @param serverOpaquePorts ports that some Server declares opaque
 * @param running whether it is running; readiness is a matter of the endpoint
 */
public record Workload(
    WorkloadRef.Kind kind,
    ObjectKey key,
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
  public Workload {
    addresses = List.copyOf(addresses);
    hostPorts = List.copyOf(hostPorts);
    tcpPorts = Set.copyOf(tcpPorts);
    namedPorts = Map.copyOf(namedPorts);
    serverOpaquePorts = Set.copyOf(serverOpaquePorts);
  }

  /** Whether connections to a port of the workload are to be treated as bytes. */
  public boolean opaque(int port, PortSet defaults) {
    PortSet own = opaquePorts;
    boolean stated = own == null ? defaults.contains(port) : own.contains(port, namedPorts);
    return stated || serverOpaquePorts.contains(port);
  }

  /**
   * What made a workload.
   *
   * @param kind lower-case kind
   * @param name name
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
   * The proxy in front of a workload.
   *
   * @param controlPlaneNamespace control plane that the proxy belongs to; empty for external
   *     workloads
   * @param skippedPorts ports that bypass the proxy
   * @param inboundPort port of the proxy's inbound listener, which takes the transport header, or
   *     {@link #UNREADABLE_PORT}
   * @param adminPort port of the proxy's admin server, likewise
   * @param controlPort port of the proxy's tap server, likewise
   * @param external identity of an external workload; null for pods, which are named by their
   *     service account
   */
  public record Mesh(
      String controlPlaneNamespace,
      PortSet skippedPorts,
      int inboundPort,
      int adminPort,
      int controlPort,
      @Nullable ExternalIdentity external) {
    /** Stands for a port that is stated and cannot be read: nobody knows where the proxy is. */
    public static final int UNREADABLE_PORT = 0;
  }

  /**
   * Identity of an external workload.
   *
   * @param uri SPIFFE id
   * @param serverName SNI that reaches it
   */
  public record ExternalIdentity(String uri, String serverName) {}
}
