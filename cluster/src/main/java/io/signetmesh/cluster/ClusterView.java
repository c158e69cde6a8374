package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.Finding;
import io.signetmesh.crds.manifest.Position;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.EgressNetwork;
import io.signetmesh.crds.policy.HTTPLocalRateLimitPolicy;
import io.signetmesh.crds.policy.MeshTLSAuthentication;
import io.signetmesh.crds.policy.NetworkAuthentication;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerAuthorization;
import io.signetmesh.crds.profile.ServiceProfile;
import io.signetmesh.crds.route.GatewayHttpRoute;
import io.signetmesh.crds.route.GrpcRoute;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.route.TcpRoute;
import io.signetmesh.crds.route.TlsRoute;
import io.signetmesh.crds.workload.ExternalWorkload;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An immutable, indexed snapshot of the objects of a cluster. Lists are in the order of namespace
 * and name. Objects outside of namespaces (Namespace, Node) have the namespace "".
 */
public final class ClusterView {
  /** The view without objects, revision 0. */
  public static final ClusterView EMPTY =
      new ClusterView(0, new TreeMap<>(), Map.of(), List.of(), Map.of());

  private final long revision;
  private final Map<ResourceKey, HasMetadata> objects;
  private final Map<ResourceKey, Position> positions;
  private final List<Finding> findings;
  private final Map<Class<?>, TreeMap<String, TreeMap<String, HasMetadata>>> byKind;
  private final Map<WorkloadRef, Workload> workloads;
  private final Map<String, List<Workload>> workloadsByNamespace;
  private final Map<InetAddress, List<Workload>> workloadsByIp;
  private final Map<InetAddress, List<Workload>> workloadsByHostIp;
  private final Map<InetAddress, List<Service>> servicesByIp;
  private final Map<String, Map<String, List<EndpointSlice>>> slices;

  /**
   * @param former workloads that may be used again for the very objects they were made from
   */
  private ClusterView(
      long revision,
      TreeMap<ResourceKey, HasMetadata> objects,
      Map<ResourceKey, Position> positions,
      List<Finding> findings,
      Map<WorkloadRef, Workload> former) {
    this.revision = revision;
    this.objects = Collections.unmodifiableMap(objects);
    this.positions = Map.copyOf(positions);
    this.findings = List.copyOf(findings);
    this.byKind = new HashMap<>();
    this.workloads = new TreeMap<>();
    this.workloadsByNamespace = new HashMap<>();
    this.workloadsByIp = new HashMap<>();
    this.workloadsByHostIp = new HashMap<>();
    this.servicesByIp = new HashMap<>();
    this.slices = new HashMap<>();
    objects.forEach((key, object) -> index(key, object, former));
    for (Workload workload : workloads.values()) {
      workloadsByNamespace
          .computeIfAbsent(workload.ref().namespace(), _ -> new ArrayList<>())
          .add(workload);
      if (!workload.hostNetwork()) {
        for (InetAddress ip : workload.ips()) {
          workloadsByIp.computeIfAbsent(ip, _ -> new ArrayList<>()).add(workload);
        }
      }
      workload
          .hostIp()
          .ifPresent(
              ip -> workloadsByHostIp.computeIfAbsent(ip, _ -> new ArrayList<>()).add(workload));
    }
  }

  /**
   * A view of these objects, revision 1 and without positions.
   *
   * @throws IllegalArgumentException when two objects have the same key
   */
  public static ClusterView of(Collection<? extends HasMetadata> objects) {
    return of(1, objects, Map.of());
  }

  /**
   * A view of these objects.
   *
   * @param revision grows from view to view of a source
   * @param positions where objects were read
   * @throws IllegalArgumentException when two objects have the same key
   */
  public static ClusterView of(
      long revision,
      Collection<? extends HasMetadata> objects,
      Map<ResourceKey, Position> positions) {
    return new ClusterView(revision, byKey(objects), positions, List.of(), Map.of());
  }

  /**
   * The objects by their keys.
   *
   * @throws IllegalArgumentException when two objects have the same key
   */
  static TreeMap<ResourceKey, HasMetadata> byKey(Collection<? extends HasMetadata> objects) {
    TreeMap<ResourceKey, HasMetadata> byKey = new TreeMap<>();
    for (HasMetadata object : objects) {
      ResourceKey key = ResourceKey.of(object);
      if (byKey.put(key, object) != null) {
        throw new IllegalArgumentException(key + " is given twice");
      }
    }
    return byKey;
  }

  /**
   * The view that follows this one: the next revision, with the very objects of this one wherever
   * they are equal. When nothing differs, it is this view itself.
   */
  ClusterView next(
      Map<ResourceKey, ? extends HasMetadata> newer,
      Map<ResourceKey, Position> newerPositions,
      List<Finding> newerFindings) {
    TreeMap<ResourceKey, HasMetadata> shared = new TreeMap<>();
    boolean same = newer.size() == objects.size();
    for (Map.Entry<ResourceKey, ? extends HasMetadata> entry : newer.entrySet()) {
      HasMetadata object = entry.getValue();
      HasMetadata old = objects.get(entry.getKey());
      boolean equal = old == object || object.equals(old);
      shared.put(entry.getKey(), equal && old != null ? old : object);
      same &= equal;
    }
    if (same && positions.equals(newerPositions) && findings.equals(newerFindings)) {
      return this;
    }
    return new ClusterView(revision + 1, shared, newerPositions, newerFindings, workloads);
  }

  /** Grows from view to view of a source. */
  public long revision() {
    return revision;
  }

  /**
   * What is wrong, or looks wrong, with the state that this view was read from, warnings too. An
   * object with an error is in the view as it was last valid, or not at all.
   */
  public List<Finding> findings() {
    return findings;
  }

  /** All objects. */
  public Map<ResourceKey, HasMetadata> objects() {
    return objects;
  }

  /** The object of that key. */
  public Optional<HasMetadata> find(ResourceKey key) {
    return Optional.ofNullable(objects.get(key));
  }

  /** Where the object of that key was read; empty when it did not come from a manifest. */
  public Optional<Position> positionOf(ResourceKey key) {
    return Optional.ofNullable(positions.get(key));
  }

  /** Where the object was read; empty when it did not come from a manifest. */
  public Optional<Position> positionOf(HasMetadata object) {
    return positionOf(ResourceKey.of(object));
  }

  /** The object of that kind and name. */
  public <T extends HasMetadata> Optional<T> get(Class<T> kind, String namespace, String name) {
    TreeMap<String, TreeMap<String, HasMetadata>> namespaces = byKind.get(kind);
    TreeMap<String, HasMetadata> names = namespaces == null ? null : namespaces.get(namespace);
    return names == null ? Optional.empty() : Optional.ofNullable(names.get(name)).map(kind::cast);
  }

  /** The objects of that kind in a namespace. */
  public <T extends HasMetadata> List<T> list(Class<T> kind, String namespace) {
    TreeMap<String, TreeMap<String, HasMetadata>> namespaces = byKind.get(kind);
    TreeMap<String, HasMetadata> names = namespaces == null ? null : namespaces.get(namespace);
    return names == null ? List.of() : names.values().stream().map(kind::cast).toList();
  }

  /** The objects of that kind in all namespaces. */
  public <T extends HasMetadata> List<T> all(Class<T> kind) {
    TreeMap<String, TreeMap<String, HasMetadata>> namespaces = byKind.get(kind);
    return namespaces == null
        ? List.of()
        : namespaces.values().stream()
            .flatMap(names -> names.values().stream())
            .map(kind::cast)
            .toList();
  }

  /** Names of all namespaces that are declared or have objects. */
  public Set<String> namespaceNames() {
    Set<String> names = new TreeSet<>();
    objects
        .keySet()
        .forEach(
            key ->
                names.add(
                    key.kind().equals("Namespace") && key.group().isEmpty()
                        ? key.name()
                        : key.namespace()));
    names.remove("");
    return names;
  }

  /** Pods of a namespace. */
  public List<Pod> pods(String namespace) {
    return list(Pod.class, namespace);
  }

  /** Services of a namespace. */
  public List<Service> services(String namespace) {
    return list(Service.class, namespace);
  }

  /** A service. */
  public Optional<Service> service(String namespace, String name) {
    return get(Service.class, namespace, name);
  }

  /** Service accounts of a namespace. */
  public List<ServiceAccount> serviceAccounts(String namespace) {
    return list(ServiceAccount.class, namespace);
  }

  /** A namespace object; namespaces need not be declared. */
  public Optional<Namespace> namespace(String name) {
    return get(Namespace.class, "", name);
  }

  /** A node. */
  public Optional<Node> node(String name) {
    return get(Node.class, "", name);
  }

  /** EndpointSlices of a namespace. */
  public List<EndpointSlice> endpointSlices(String namespace) {
    return list(EndpointSlice.class, namespace);
  }

  /** External workloads of a namespace. */
  public List<ExternalWorkload> externalWorkloads(String namespace) {
    return list(ExternalWorkload.class, namespace);
  }

  /** Servers of a namespace. */
  public List<Server> servers(String namespace) {
    return list(Server.class, namespace);
  }

  /** ServerAuthorizations of a namespace. */
  public List<ServerAuthorization> serverAuthorizations(String namespace) {
    return list(ServerAuthorization.class, namespace);
  }

  /** AuthorizationPolicies of a namespace. */
  public List<AuthorizationPolicy> authorizationPolicies(String namespace) {
    return list(AuthorizationPolicy.class, namespace);
  }

  /** A MeshTLSAuthentication. */
  public Optional<MeshTLSAuthentication> meshTlsAuthentication(String namespace, String name) {
    return get(MeshTLSAuthentication.class, namespace, name);
  }

  /** MeshTLSAuthentications of a namespace. */
  public List<MeshTLSAuthentication> meshTlsAuthentications(String namespace) {
    return list(MeshTLSAuthentication.class, namespace);
  }

  /** A NetworkAuthentication. */
  public Optional<NetworkAuthentication> networkAuthentication(String namespace, String name) {
    return get(NetworkAuthentication.class, namespace, name);
  }

  /** NetworkAuthentications of a namespace. */
  public List<NetworkAuthentication> networkAuthentications(String namespace) {
    return list(NetworkAuthentication.class, namespace);
  }

  /** HTTPRoutes of the policy API of a namespace. */
  public List<PolicyHttpRoute> policyHttpRoutes(String namespace) {
    return list(PolicyHttpRoute.class, namespace);
  }

  /** HTTPRoutes of the Gateway API of a namespace. */
  public List<GatewayHttpRoute> gatewayHttpRoutes(String namespace) {
    return list(GatewayHttpRoute.class, namespace);
  }

  /** GRPCRoutes of a namespace. */
  public List<GrpcRoute> grpcRoutes(String namespace) {
    return list(GrpcRoute.class, namespace);
  }

  /** TLSRoutes of a namespace. */
  public List<TlsRoute> tlsRoutes(String namespace) {
    return list(TlsRoute.class, namespace);
  }

  /** TCPRoutes of a namespace. */
  public List<TcpRoute> tcpRoutes(String namespace) {
    return list(TcpRoute.class, namespace);
  }

  /** HTTPLocalRateLimitPolicies of a namespace. */
  public List<HTTPLocalRateLimitPolicy> rateLimitPolicies(String namespace) {
    return list(HTTPLocalRateLimitPolicy.class, namespace);
  }

  /** EgressNetworks of a namespace. */
  public List<EgressNetwork> egressNetworks(String namespace) {
    return list(EgressNetwork.class, namespace);
  }

  /** A ServiceProfile; its name is the DNS name of the service. */
  public Optional<ServiceProfile> serviceProfile(String namespace, String name) {
    return get(ServiceProfile.class, namespace, name);
  }

  /** The workload of that name. */
  public Optional<Workload> workload(WorkloadRef ref) {
    return Optional.ofNullable(workloads.get(ref));
  }

  /** All workloads. */
  public Collection<Workload> workloads() {
    return Collections.unmodifiableCollection(workloads.values());
  }

  /** Workloads of a namespace. */
  public List<Workload> workloads(String namespace) {
    return Collections.unmodifiableList(workloadsByNamespace.getOrDefault(namespace, List.of()));
  }

  /** Workloads that have this address to themselves: pods on the host network are left out. */
  public List<Workload> workloadsByIp(InetAddress ip) {
    return Collections.unmodifiableList(workloadsByIp.getOrDefault(ip, List.of()));
  }

  /**
   * Workloads that a port of a node leads to: a declared hostPort, or a declared port of a pod on
   * the host network.
   */
  public List<Workload> workloadsByHostPort(InetAddress hostIp, int port) {
    List<Workload> found = new ArrayList<>();
    for (Workload workload : workloadsByHostIp.getOrDefault(hostIp, List.of())) {
      for (Workload.Port declared : workload.ports()) {
        if (declared.protocol().equals("TCP")
            && (declared.hostPort() == port
                || (workload.hostNetwork() && declared.port() == port))) {
          found.add(workload);
          break;
        }
      }
    }
    return List.copyOf(found);
  }

  /** Services with this cluster address; more than one is a mistake that the caller reports. */
  public List<Service> servicesByClusterIp(InetAddress ip) {
    return Collections.unmodifiableList(servicesByIp.getOrDefault(ip, List.of()));
  }

  /**
   * Addresses behind a port of a service, ready or not. EndpointSlices of the service count where
   * there are any; otherwise its selector is matched against pods and external workloads. A port
   * that the service does not declare is taken as the target port.
   */
  public List<Endpoint> endpoints(Service service, int port) {
    String namespace = service.getMetadata().getNamespace();
    List<EndpointSlice> own =
        slices
            .getOrDefault(namespace == null ? "" : namespace, Map.of())
            .getOrDefault(service.getMetadata().getName(), List.of());
    return ServiceEndpoints.of(this, service, own, port);
  }

  private void index(ResourceKey key, HasMetadata object, Map<WorkloadRef, Workload> former) {
    byKind
        .computeIfAbsent(object.getClass(), _ -> new TreeMap<>())
        .computeIfAbsent(key.namespace(), _ -> new TreeMap<>())
        .put(key.name(), object);
    switch (object) {
      case Pod pod ->
          add(
              former.get(WorkloadRef.pod(key.namespace(), key.name())),
              pod,
              () -> Workload.of(pod));
      case ExternalWorkload external ->
          add(
              former.get(WorkloadRef.externalWorkload(key.namespace(), key.name())),
              external,
              () -> Workload.of(external));
      case Service service -> {
        for (InetAddress ip : ServiceEndpoints.clusterIps(service)) {
          servicesByIp.computeIfAbsent(ip, _ -> new ArrayList<>()).add(service);
        }
      }
      case EndpointSlice slice -> {
        Map<String, String> labels = slice.getMetadata().getLabels();
        String service = labels == null ? null : labels.get(ServiceEndpoints.SERVICE_NAME_LABEL);
        if (service != null) {
          slices
              .computeIfAbsent(key.namespace(), _ -> new HashMap<>())
              .computeIfAbsent(service, _ -> new ArrayList<>())
              .add(slice);
        }
      }
      default -> {}
    }
  }

  private void add(@Nullable Workload former, HasMetadata object, Supplier<Workload> make) {
    Workload workload = former != null && former.object() == object ? former : make.get();
    workloads.put(workload.ref(), workload);
  }
}
