package io.signetmesh.discovery.topology;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.ServiceSpec;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Endpoint;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.LabelMatcher;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.crds.policy.Server;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Services and workloads of one namespace, as a view of the cluster has them. What is equal to what
 * was read before is the same object.
 *
 * @param services services by name
 * @param workloads workloads by kind and name
 */
record NamespaceTopology(
    Map<String, ResolvedService> services, Map<WorkloadRef, PeerWorkload> workloads) {
  static final NamespaceTopology EMPTY = new NamespaceTopology(Map.of(), Map.of());

  private static final String OPAQUE_PORTS = "config.linkerd.io/opaque-ports";
  private static final String REMOTE_CLUSTER = "multicluster.linkerd.io/remote-discovery";

  /** Above all ports: no service defines it, so it asks for the addresses alone. */
  private static final int NO_PORT = 65_536;

  boolean isEmpty() {
    return services.isEmpty() && workloads.isEmpty();
  }

  static NamespaceTopology read(ClusterView view, String namespace, NamespaceTopology before) {
    List<OpaqueServer> opaqueServers = new ArrayList<>();
    for (Server server : view.servers(namespace)) {
      if (server.spec().proxyProtocol() == ProxyProtocol.OPAQUE) {
        opaqueServers.add(OpaqueServer.of(server));
      }
    }
    Map<WorkloadRef, PeerWorkload> workloads = new LinkedHashMap<>();
    for (Workload workload : view.workloads(namespace)) {
      Set<Integer> opaque = new HashSet<>();
      for (OpaqueServer server : opaqueServers) {
        server.addPorts(workload, opaque);
      }
      PeerWorkload read =
          PeerWorkloadReader.read(workload, opaque, portSet(workload.annotations()));
      PeerWorkload old = before.workloads.get(workload.ref());
      workloads.put(workload.ref(), read.equals(old) ? old : read);
    }
    Map<String, ResolvedService> services = new TreeMap<>();
    for (Service object : view.services(namespace)) {
      String name = object.getMetadata().getName();
      ResolvedService read = service(view, namespace, object, workloads);
      ResolvedService old = before.services.get(name);
      services.put(name, read.equals(old) ? old : read);
    }
    return new NamespaceTopology(services, workloads);
  }

  private static ResolvedService service(
      ClusterView view,
      String namespace,
      Service object,
      Map<WorkloadRef, PeerWorkload> workloads) {
    ServiceSpec spec = object.getSpec() == null ? new ServiceSpec() : object.getSpec();
    boolean externalName = "ExternalName".equals(spec.getType());
    List<ResolvedService.Port> ports = new ArrayList<>();
    for (ServicePort port : spec.getPorts()) {
      boolean tcp = port.getProtocol() == null || port.getProtocol().equals("TCP");
      if (tcp && port.getPort() != null) {
        ports.add(
            new ResolvedService.Port(
                port.getName() == null ? "" : port.getName(),
                port.getPort(),
                port.getAppProtocol()));
      }
    }
    Map<String, String> labels = object.getMetadata().getLabels();
    return new ResolvedService(
        new ObjectKey(namespace, object.getMetadata().getName()),
        List.copyOf(ClusterView.clusterIps(object)),
        ports,
        portSet(object.getMetadata().getAnnotations()),
        externalName,
        "Local".equals(spec.getInternalTrafficPolicy()),
        labels == null ? null : labels.get(REMOTE_CLUSTER),
        endpoints(view, object, ports, workloads));
  }

  /** Endpoints of all ports, each with the target ports that it has. */
  private static List<ResolvedService.ResolvedEndpoint> endpoints(
      ClusterView view,
      Service service,
      List<ResolvedService.Port> ports,
      Map<WorkloadRef, PeerWorkload> workloads) {
    Map<EndpointKey, Map<String, Integer>> targets = new LinkedHashMap<>();
    Map<EndpointKey, Endpoint> found = new HashMap<>();
    for (ResolvedService.Port port : ports) {
      for (Endpoint endpoint : view.endpoints(service, port.number())) {
        EndpointKey key = EndpointKey.of(endpoint);
        found.putIfAbsent(key, endpoint);
        targets
            .computeIfAbsent(key, absent -> new HashMap<>())
            .putIfAbsent(port.name(), endpoint.port());
      }
    }
    for (Endpoint endpoint : view.endpoints(service, NO_PORT)) {
      EndpointKey key = EndpointKey.of(endpoint);
      found.putIfAbsent(key, endpoint);
      targets.computeIfAbsent(key, absent -> new HashMap<>());
    }
    List<ResolvedService.ResolvedEndpoint> endpoints = new ArrayList<>(targets.size());
    targets.forEach(
        (key, byName) -> {
          Endpoint endpoint = found.get(key);
          if (endpoint == null) {
            return;
          }
          // A slice that names a workload of another namespace is not believed.
          PeerWorkload workload = key.workload() == null ? null : workloads.get(key.workload());
          endpoints.add(
              new ResolvedService.ResolvedEndpoint(
                  endpoint.ip(),
                  byName,
                  endpoint.hostname(),
                  endpoint.nodeName(),
                  endpoint.zone(),
                  endpoint.forZones().stream().sorted().toList(),
                  endpoint.ready(),
                  workload));
        });
    return endpoints;
  }

  private static @Nullable PortSet portSet(@Nullable Map<String, String> annotations) {
    String text = annotations == null ? null : annotations.get(OPAQUE_PORTS);
    return text == null ? null : PortSet.parse(text);
  }

  /** What tells endpoints of a service apart, but for their ports. */
  private record EndpointKey(
      InetAddress ip, @Nullable WorkloadRef workload, String hostname, boolean ready) {
    static EndpointKey of(Endpoint endpoint) {
      return new EndpointKey(
          endpoint.ip(),
          endpoint.workload().map(Workload::ref).orElse(null),
          endpoint.hostname(),
          endpoint.ready());
    }
  }

  /** A Server that declares a port opaque. */
  private record OpaqueServer(Server server, LabelMatcher selector, WorkloadRef.Kind kind) {
    static OpaqueServer of(Server server) {
      return server.spec().podSelector() != null
          ? new OpaqueServer(
              server, LabelMatcher.of(server.spec().podSelector()), WorkloadRef.Kind.POD)
          : new OpaqueServer(
              server,
              LabelMatcher.of(server.spec().externalWorkloadSelector()),
              WorkloadRef.Kind.EXTERNAL_WORKLOAD);
    }

    void addPorts(Workload workload, Set<Integer> ports) {
      if (workload.ref().kind() == kind && selector.matches(workload.labels())) {
        ports.addAll(workload.tcpPorts(server.spec().port()));
      }
    }
  }
}
