package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.HTTPGetAction;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodCondition;
import io.fabric8.kubernetes.api.model.PodIP;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodStatus;
import io.fabric8.kubernetes.api.model.Probe;
import io.signetmesh.crds.workload.ExternalWorkload;
import io.signetmesh.crds.workload.ExternalWorkloadSpec;
import io.signetmesh.crds.workload.ExternalWorkloadStatus;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Pod or an ExternalWorkload, reduced to what policy and discovery use.
 *
 * @param ref its name
 * @param labels its labels
 * @param annotations its annotations
 * @param ips its IP addresses, in the order of the manifest; invalid ones are left out
 * @param hostNetwork whether it is on the host network, and so shares the addresses of its node
 * @param hostIp IP address of its node, if known
 * @param serviceAccount its ServiceAccount; empty for an ExternalWorkload
 * @param ports declared ports, including those of init containers
 * @param httpProbes HTTP probes of the kubelet
 * @param meshIdentity identity and server name that an ExternalWorkload declares
 * @param nodeName its node, if known
 * @param running whether it may serve. For a Pod: its phase is Running or missing, and it is not
 *     being deleted
 * @param ready the condition Ready; without that condition, {@code running}
 * @param owners its owner references
 * @param object the Kubernetes object
 */
public record Workload(
    WorkloadRef ref,
    Map<String, String> labels,
    Map<String, String> annotations,
    List<InetAddress> ips,
    boolean hostNetwork,
    Optional<InetAddress> hostIp,
    String serviceAccount,
    List<Port> ports,
    List<HttpProbe> httpProbes,
    Optional<MeshIdentity> meshIdentity,
    Optional<String> nodeName,
    boolean running,
    boolean ready,
    List<OwnerReference> owners,
    HasMetadata object) {
  /** Label of a Pod with a proxy: the namespace of the control plane that the proxy belongs to. */
  public static final String CONTROL_PLANE_NAMESPACE_LABEL = "linkerd.io/control-plane-ns";

  private static final String TCP = "TCP";

  /**
   * A declared port.
   *
   * @param name its name; empty when it has none
   * @param port its number, 1 to 65535
   * @param protocol TCP, UDP or SCTP
   * @param hostPort port of the node that leads to it; 0 for none
   */
  public record Port(String name, int port, String protocol, int hostPort) {}

  /**
   * An HTTP probe of the kubelet.
   *
   * @param port probed port
   * @param path path without the query; "/" if the probe has none
   */
  public record HttpProbe(int port, String path) {}

  /**
   * Identity of an ExternalWorkload.
   *
   * @param identity identity in its certificate
   * @param serverName server name (SNI) of connections to it
   */
  public record MeshIdentity(String identity, String serverName) {}

  /** Reads a pod. */
  static Workload of(Pod pod) {
    PodSpec spec = pod.getSpec() == null ? new PodSpec() : pod.getSpec();
    PodStatus status = pod.getStatus() == null ? new PodStatus() : pod.getStatus();
    List<Container> containers =
        Stream.concat(spec.getInitContainers().stream(), spec.getContainers().stream()).toList();
    Set<InetAddress> ips = new LinkedHashSet<>();
    Addresses.parse(status.getPodIP()).ifPresent(ips::add);
    for (PodIP ip : status.getPodIPs()) {
      Addresses.parse(ip.getIp()).ifPresent(ips::add);
    }
    String phase = status.getPhase();
    boolean running =
        (phase == null || phase.equals("Running"))
            && pod.getMetadata().getDeletionTimestamp() == null;
    return new Workload(
        WorkloadRef.pod(pod.getMetadata().getNamespace(), pod.getMetadata().getName()),
        copy(pod.getMetadata().getLabels()),
        copy(pod.getMetadata().getAnnotations()),
        List.copyOf(ips),
        Boolean.TRUE.equals(spec.getHostNetwork()),
        Addresses.parse(status.getHostIP()),
        serviceAccountOf(spec),
        portsOf(containers),
        probesOf(containers),
        Optional.empty(),
        Optional.ofNullable(spec.getNodeName()).filter(name -> !name.isEmpty()),
        running,
        running
            && status.getConditions().stream()
                .filter(condition -> "Ready".equals(condition.getType()))
                .map(PodCondition::getStatus)
                .allMatch("True"::equals),
        List.copyOf(pod.getMetadata().getOwnerReferences()),
        pod);
  }

  /** Reads an external workload. */
  static Workload of(ExternalWorkload external) {
    List<InetAddress> ips =
        external.spec().workloadIPs().stream()
            .flatMap(ip -> Addresses.parse(ip.ip()).stream())
            .toList();
    List<Port> ports = new ArrayList<>();
    for (ExternalWorkloadSpec.Port port : external.spec().ports()) {
      String name = port.name();
      ports.add(new Port(name == null ? "" : name, port.port(), port.protocol(), 0));
    }
    ExternalWorkloadStatus status = external.status();
    boolean running = external.getMetadata().getDeletionTimestamp() == null;
    return new Workload(
        WorkloadRef.externalWorkload(external.namespace(), external.name()),
        copy(external.getMetadata().getLabels()),
        copy(external.getMetadata().getAnnotations()),
        ips,
        false,
        Optional.empty(),
        "",
        List.copyOf(ports),
        List.of(),
        Optional.of(
            new MeshIdentity(
                external.spec().meshTLS().identity(), external.spec().meshTLS().serverName())),
        Optional.empty(),
        running,
        running
            && (status == null
                || status.conditions().stream()
                    .filter(condition -> condition.type().equals("Ready"))
                    .allMatch(condition -> condition.status().equals("True"))),
        List.copyOf(external.getMetadata().getOwnerReferences()),
        external);
  }

  /**
   * Namespace of the control plane that the workload's proxy belongs to; empty when it is not in
   * the mesh.
   */
  public Optional<String> controlPlaneNamespace() {
    return Optional.ofNullable(labels.get(CONTROL_PLANE_NAMESPACE_LABEL))
        .filter(name -> !name.isEmpty());
  }

  /**
   * Numbers of the TCP ports of this name. There can be several: each container may use the name.
   */
  public Set<Integer> tcpPortsNamed(String name) {
    Set<Integer> numbers = new LinkedHashSet<>();
    for (Port port : ports) {
      if (port.protocol().equals(TCP) && !name.isEmpty() && port.name().equals(name)) {
        numbers.add(port.port());
      }
    }
    return numbers;
  }

  /**
   * Numbers of the TCP ports that a Server's {@code port} selects: the number itself, or the ports
   * of that name.
   */
  public Set<Integer> tcpPorts(IntOrString port) {
    Integer number = port.getIntVal();
    if (number != null) {
      return Set.of(number);
    }
    String name = port.getStrVal();
    return name == null ? Set.of() : tcpPortsNamed(name);
  }

  /** Paths of the HTTP probes on a port. */
  public Set<String> probePaths(int port) {
    Set<String> paths = new LinkedHashSet<>();
    for (HttpProbe probe : httpProbes) {
      if (probe.port() == port) {
        paths.add(probe.path());
      }
    }
    return paths;
  }

  private static String serviceAccountOf(PodSpec spec) {
    String name = spec.getServiceAccountName();
    if (name == null || name.isEmpty()) {
      name = spec.getServiceAccount();
    }
    return name == null || name.isEmpty() ? "default" : name;
  }

  private static List<Port> portsOf(List<Container> containers) {
    List<Port> ports = new ArrayList<>();
    for (Container container : containers) {
      for (ContainerPort port : container.getPorts()) {
        if (port.getContainerPort() != null) {
          ports.add(
              new Port(
                  port.getName() == null ? "" : port.getName(),
                  port.getContainerPort(),
                  port.getProtocol() == null ? TCP : port.getProtocol(),
                  port.getHostPort() == null ? 0 : port.getHostPort()));
        }
      }
    }
    return List.copyOf(ports);
  }

  private static List<HttpProbe> probesOf(List<Container> containers) {
    Set<HttpProbe> probes = new LinkedHashSet<>();
    for (Container container : containers) {
      addProbe(probes, container, container.getLivenessProbe());
      addProbe(probes, container, container.getReadinessProbe());
      addProbe(probes, container, container.getStartupProbe());
    }
    return List.copyOf(probes);
  }

  private static void addProbe(Set<HttpProbe> probes, Container container, @Nullable Probe probe) {
    HTTPGetAction get = probe == null ? null : probe.getHttpGet();
    if (get == null || get.getPort() == null) {
      return;
    }
    Integer port = get.getPort().getIntVal();
    if (port == null) {
      String name = get.getPort().getStrVal();
      for (ContainerPort candidate : container.getPorts()) {
        if (name != null && name.equals(candidate.getName())) {
          port = candidate.getContainerPort();
        }
      }
    }
    if (port != null) {
      probes.add(new HttpProbe(port, pathOf(get.getPath())));
    }
  }

  private static String pathOf(@Nullable String path) {
    if (path == null || path.isEmpty()) {
      return "/";
    }
    int query = path.indexOf('?');
    String bare = query < 0 ? path : path.substring(0, query);
    return bare.startsWith("/") ? bare : "/" + bare;
  }

  private static Map<String, String> copy(@Nullable Map<String, String> map) {
    return map == null ? Map.of() : Map.copyOf(map);
  }
}
