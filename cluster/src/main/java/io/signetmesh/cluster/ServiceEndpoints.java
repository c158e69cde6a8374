package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.ObjectReference;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.ServiceSpec;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointPort;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.signetmesh.crds.LabelMatcher;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Works out the addresses behind a service port. */
final class ServiceEndpoints {
  static final String SERVICE_NAME_LABEL = "kubernetes.io/service-name";
  private static final String ZONE_LABEL = "topology.kubernetes.io/zone";
  private static final String TCP = "TCP";

  private ServiceEndpoints() {}

  /** Addresses of the service itself; none for headless services. */
  static Set<InetAddress> clusterIps(Service service) {
    Set<InetAddress> ips = new LinkedHashSet<>();
    ServiceSpec spec = service.getSpec();
    if (spec != null && !"ExternalName".equals(spec.getType())) {
      Addresses.parse(spec.getClusterIP()).ifPresent(ips::add);
      for (String ip : spec.getClusterIPs()) {
        Addresses.parse(ip).ifPresent(ips::add);
      }
    }
    return ips;
  }

  static List<Endpoint> of(
      ClusterView view, Service service, List<EndpointSlice> slices, int port) {
    ServiceSpec spec = service.getSpec();
    if (spec == null || "ExternalName".equals(spec.getType())) {
      return List.of();
    }
    ServicePort declared = null;
    for (ServicePort candidate : spec.getPorts()) {
      if (candidate.getPort() != null
          && candidate.getPort() == port
          && isTcp(candidate.getProtocol())) {
        declared = candidate;
      }
    }
    return slices.isEmpty()
        ? fromSelector(view, service, spec, declared, port)
        : fromSlices(view, slices, declared, port);
  }

  private static List<Endpoint> fromSlices(
      ClusterView view, List<EndpointSlice> slices, @Nullable ServicePort declared, int port) {
    List<Endpoint> endpoints = new ArrayList<>();
    for (EndpointSlice slice : slices) {
      Integer target = declared == null ? Integer.valueOf(port) : portOf(slice, declared);
      if (target == null) {
        continue;
      }
      for (io.fabric8.kubernetes.api.model.discovery.v1.Endpoint endpoint : slice.getEndpoints()) {
        Boolean ready =
            endpoint.getConditions() == null ? null : endpoint.getConditions().getReady();
        Set<String> zones = new TreeSet<>();
        if (endpoint.getHints() != null) {
          endpoint.getHints().getForZones().forEach(zone -> zones.add(zone.getName()));
        }
        Optional<Workload> workload =
            workloadOf(view, slice.getMetadata().getNamespace(), endpoint.getTargetRef());
        for (String address : endpoint.getAddresses()) {
          Addresses.parse(address)
              .ifPresent(
                  ip ->
                      endpoints.add(
                          new Endpoint(
                              ip,
                              target,
                              ready == null || ready,
                              workload,
                              orEmpty(endpoint.getHostname()),
                              orEmpty(endpoint.getNodeName()),
                              orEmpty(endpoint.getZone()),
                              Set.copyOf(zones),
                              orEmpty(slice.getMetadata().getLabels()),
                              orEmpty(slice.getMetadata().getAnnotations()))));
        }
      }
    }
    return List.copyOf(endpoints);
  }

  private static @Nullable Integer portOf(EndpointSlice slice, ServicePort declared) {
    for (EndpointPort candidate : slice.getPorts()) {
      if (orEmpty(candidate.getName()).equals(orEmpty(declared.getName()))
          && isTcp(candidate.getProtocol())) {
        return candidate.getPort();
      }
    }
    return null;
  }

  private static Optional<Workload> workloadOf(
      ClusterView view, @Nullable String sliceNamespace, @Nullable ObjectReference reference) {
    if (reference == null || reference.getName() == null || reference.getKind() == null) {
      return Optional.empty();
    }
    String namespace = reference.getNamespace() == null ? sliceNamespace : reference.getNamespace();
    try {
      return switch (reference.getKind()) {
        case "Pod" -> view.workload(WorkloadRef.pod(orEmpty(namespace), reference.getName()));
        case "ExternalWorkload" ->
            view.workload(WorkloadRef.externalWorkload(orEmpty(namespace), reference.getName()));
        default -> Optional.empty();
      };
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static List<Endpoint> fromSelector(
      ClusterView view,
      Service service,
      ServiceSpec spec,
      @Nullable ServicePort declared,
      int port) {
    if (spec.getSelector() == null || spec.getSelector().isEmpty()) {
      return List.of();
    }
    LabelMatcher selector = LabelMatcher.ofLabels(spec.getSelector());
    boolean headless = "None".equals(spec.getClusterIP());
    boolean unreadyToo = Boolean.TRUE.equals(spec.getPublishNotReadyAddresses());
    List<Endpoint> endpoints = new ArrayList<>();
    for (Workload workload : view.workloads(orEmpty(service.getMetadata().getNamespace()))) {
      if (!selector.matches(workload.labels()) || !workload.running()) {
        continue;
      }
      Integer target = targetPort(workload, declared, port);
      if (target == null) {
        continue;
      }
      String node = workload.nodeName().orElse("");
      for (InetAddress ip : workload.ips()) {
        endpoints.add(
            new Endpoint(
                ip,
                target,
                unreadyToo || workload.ready(),
                Optional.of(workload),
                hostname(workload, service, headless),
                node,
                zone(view, workload, node),
                Set.of(),
                Map.of(),
                Map.of()));
      }
    }
    return List.copyOf(endpoints);
  }

  private static @Nullable Integer targetPort(
      Workload workload, @Nullable ServicePort declared, int port) {
    IntOrString target = declared == null ? null : declared.getTargetPort();
    Integer number = target == null ? Integer.valueOf(port) : target.getIntVal();
    if (number == null && target != null && target.getStrVal() != null) {
      return workload.tcpPortsNamed(target.getStrVal()).stream().findFirst().orElse(null);
    }
    if (number == null || number == 0) {
      number = port;
    }
    int wanted = number;
    boolean open =
        workload.ref().kind() == WorkloadRef.Kind.POD
            || workload.ports().stream()
                .anyMatch(candidate -> candidate.port() == wanted && isTcp(candidate.protocol()));
    return open ? number : null;
  }

  private static String hostname(Workload workload, Service service, boolean headless) {
    if (workload.object() instanceof Pod pod) {
      String hostname = pod.getSpec() == null ? null : pod.getSpec().getHostname();
      boolean own =
          hostname != null && service.getMetadata().getName().equals(pod.getSpec().getSubdomain());
      return own && hostname != null ? hostname : "";
    }
    return headless ? workload.ref().name() : "";
  }

  private static String zone(ClusterView view, Workload workload, String node) {
    if (workload.ref().kind() == WorkloadRef.Kind.EXTERNAL_WORKLOAD) {
      return workload.labels().getOrDefault(ZONE_LABEL, "");
    }
    return zoneOf(view, node);
  }

  /** The zone of a node; empty when it is not known. */
  static String zoneOf(ClusterView view, String node) {
    return view.node(node)
        .map(Node::getMetadata)
        .map(metadata -> metadata.getLabels() == null ? null : metadata.getLabels().get(ZONE_LABEL))
        .orElse("");
  }

  private static boolean isTcp(@Nullable String protocol) {
    return protocol == null || protocol.equals(TCP);
  }

  private static String orEmpty(@Nullable String text) {
    return text == null ? "" : text;
  }

  private static Map<String, String> orEmpty(@Nullable Map<String, String> map) {
    return map == null ? Map.of() : Map.copyOf(map);
  }
}
