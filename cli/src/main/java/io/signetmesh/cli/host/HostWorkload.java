package io.signetmesh.cli.host;

import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.identity.node.NodeIdentity;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * A Pod that runs on this host, with a proxy of its own.
 *
 * @param namespace its namespace
 * @param name its name
 * @param serviceAccount its service account
 * @param address its IP address, one of this host's
 * @param ports port numbers that its containers declare
 * @param outbound listeners of its proxy for the upstreams that it calls
 * @param inbound listeners of its proxy that replace the redirection of packets
 * @param audit variables of its proxy that say how decisions are recorded
 */
public record HostWorkload(
    String namespace,
    String name,
    String serviceAccount,
    InetAddress address,
    List<Integer> ports,
    List<OutboundListener> outbound,
    List<InboundListener> inbound,
    Map<String, String> audit) {
  /** A workload of which all decisions are recorded, as by default. */
  public HostWorkload(
      String namespace,
      String name,
      String serviceAccount,
      InetAddress address,
      List<Integer> ports,
      List<OutboundListener> outbound,
      List<InboundListener> inbound) {
    this(namespace, name, serviceAccount, address, ports, outbound, inbound, Map.of());
  }

  /** Port to which the proxies of peers connect, with the transport header. */
  public static final int INBOUND_PORT = 4143;

  /** Port on which the proxy serves health checks and metrics. */
  public static final int ADMIN_PORT = 4191;

  /**
   * Reads a workload. Empty unless it has a proxy of this control plane and an address of this
   * host.
   *
   * @throws IllegalArgumentException when an annotation is malformed, the message names workload,
   *     annotation and entry; or when its ServiceAccount is reserved for nodes
   */
  public static Optional<HostWorkload> of(Workload workload, String controlPlaneNamespace) {
    if (workload.ref().kind() != WorkloadRef.Kind.POD
        || !workload.running()
        || workload.hostNetwork()
        || !workload.controlPlaneNamespace().equals(Optional.of(controlPlaneNamespace))) {
      return Optional.empty();
    }
    if (workload.ref().namespace().equals(controlPlaneNamespace)
        && workload.serviceAccount().startsWith(NodeIdentity.PREFIX)) {
      throw new IllegalArgumentException(
          "pod "
              + workload.ref()
              + ": serviceAccountName "
              + workload.serviceAccount()
              + " is reserved for nodes: expected one that does not start with "
              + NodeIdentity.PREFIX);
    }
    return workload.ips().stream()
        .filter(HostWorkload::isOfThisHost)
        .findFirst()
        .map(
            address ->
                new HostWorkload(
                    workload.ref().namespace(),
                    workload.ref().name(),
                    workload.serviceAccount(),
                    address,
                    workload.ports().stream()
                        .filter(port -> port.protocol().equals("TCP"))
                        .map(Workload.Port::port)
                        .distinct()
                        .toList(),
                    annotation(workload, OutboundListener.ANNOTATION, OutboundListener::parse),
                    annotation(workload, InboundListener.ANNOTATION, InboundListener::parse),
                    audit(workload)));
  }

  private static Map<String, String> audit(Workload workload) {
    try {
      return AuditAnnotations.variables(workload.annotations());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("pod " + workload.ref() + ": " + e.getMessage(), e);
    }
  }

  private static <T> List<T> annotation(
      Workload workload, String name, Function<String, List<T>> parser) {
    String value = workload.annotations().get(name);
    if (value == null) {
      return List.of();
    }
    try {
      return parser.apply(value);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "pod " + workload.ref() + ": annotation " + name + ": " + e.getMessage(), e);
    }
  }

  private static boolean isOfThisHost(InetAddress address) {
    if (address.isLoopbackAddress()) {
      return true;
    }
    try {
      return NetworkInterface.getByInetAddress(address) != null;
    } catch (SocketException e) {
      return false;
    }
  }

  /** {@code namespace/name}, as in commands and records. */
  public String qualifiedName() {
    return namespace + "/" + name;
  }

  /** Address on which the proxy serves health checks and metrics. */
  public InetSocketAddress admin() {
    return new InetSocketAddress(address, ADMIN_PORT);
  }

  /** Address to which the proxies of peers connect. */
  public InetSocketAddress direct() {
    return new InetSocketAddress(address, INBOUND_PORT);
  }
}
