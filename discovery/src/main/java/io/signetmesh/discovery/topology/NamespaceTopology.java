package io.signetmesh.discovery.topology;

import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.ServiceSpec;
import io.signetmesh.cluster.ClusterView;
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
record NamespaceTopology(Map<String, Service> services, Map<WorkloadRef, Workload> workloads) {
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
    Map<WorkloadRef, Workload> workloads = new LinkedHashMap<>();
    for (io.signetmesh.cluster.Workload workload : view.workloads(namespace)) {
      Set<Integer> opaque = new HashSet<>();
      for (OpaqueServer server : opaqueServers) {
        server.addPorts(workload, opaque);
      }
      Workload read = WorkloadReader.read(workload, opaque, portSet(workload.annotations()));
      Workload old = before.workloads.get(workload.ref());
      workloads.put(workload.ref(), read.equals(old) ? old : read);
    }
    Map<String, Service> services = new TreeMap<>();
    for (io.fabric8.kubernetes.api.model.Service object : view.services(namespace)) {
      String name = object.getMetadata().getName();
      Service read = service(view, namespace, object, workloads);
      Service old = before.services.get(name);
      services.put(name, read.equals(old) ? old : read);
    }
    return new NamespaceTopology(services, workloads);
  }

  private static Service service(
      ClusterView view,
      String namespace,
      io.fabric8.kubernetes.api.model.Service object,
      Map<WorkloadRef, Workload> workloads) {
    ServiceSpec spec = object.getSpec() == null ? new ServiceSpec() : object.getSpec();
    boolean externalName = "ExternalName".equals(spec.getType());
    List<Service.Port> ports = new ArrayList<>();
    for (ServicePort port : spec.getPorts()) {
      boolean tcp = port.getProtocol() == null || port.getProtocol().equals("TCP");
      if (tcp && port.getPort() != null) {
        ports.add(
            new Service.Port(
                port.getName() == null ? "" : port.getName(),
                port.getPort(),
                port.getAppProtocol()));
      }
    }
    Map<String, String> labels = object.getMetadata().getLabels();
    return new Service(
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
  private static List<Service.Endpoint> endpoints(
      ClusterView view,
      io.fabric8.kubernetes.api.model.Service service,
      List<Service.Port> ports,
      Map<WorkloadRef, Workload> workloads) {
    Map<EndpointKey, Map<String, Integer>> targets = new LinkedHashMap<>();
    Map<EndpointKey, io.signetmesh.cluster.Endpoint> found = new HashMap<>();
    for (Service.Port port : ports) {
      for (io.signetmesh.cluster.Endpoint endpoint : view.endpoints(service, port.number())) {
        EndpointKey key = EndpointKey.of(endpoint);
        found.putIfAbsent(key, endpoint);
        targets
            .computeIfAbsent(key, absent -> new HashMap<>())
            .putIfAbsent(port.name(), endpoint.port());
      }
    }
    for (io.signetmesh.cluster.Endpoint endpoint : view.endpoints(service, NO_PORT)) {
      EndpointKey key = EndpointKey.of(endpoint);
      found.putIfAbsent(key, endpoint);
      targets.computeIfAbsent(key, absent -> new HashMap<>());
    }
    List<Service.Endpoint> endpoints = new ArrayList<>(targets.size());
    targets.forEach(
        (key, byName) -> {
          io.signetmesh.cluster.Endpoint endpoint = found.get(key);
          if (endpoint == null) {
            return;
          }
          // A slice that names a workload of another namespace is not believed.
          Workload workload = key.workload() == null ? null : workloads.get(key.workload());
          endpoints.add(
              new Service.Endpoint(
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
    static EndpointKey of(io.signetmesh.cluster.Endpoint endpoint) {
      return new EndpointKey(
          endpoint.ip(),
          endpoint.workload().map(io.signetmesh.cluster.Workload::ref).orElse(null),
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

    void addPorts(io.signetmesh.cluster.Workload workload, Set<Integer> ports) {
      if (workload.ref().kind() == kind && selector.matches(workload.labels())) {
        ports.addAll(workload.tcpPorts(server.spec().port()));
      }
    }
  }
}
