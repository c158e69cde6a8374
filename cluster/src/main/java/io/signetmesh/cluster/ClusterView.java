package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.egress.EgressNetwork;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.Position;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.HTTPLocalRateLimitPolicy;
import io.signetmesh.crds.policy.MeshTLSAuthentication;
import io.signetmesh.crds.policy.NetworkAuthentication;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerAuthorization;
import io.signetmesh.crds.profile.ServiceProfile;
import io.signetmesh.crds.route.GatewayHttpRoute;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.route.TcpRoute;
import io.signetmesh.crds.route.TlsRoute;
import io.signetmesh.crds.route.grpc.GrpcRoute;
import io.signetmesh.crds.workload.ExternalWorkload;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * An immutable, indexed snapshot of the objects of a cluster. Lists are sorted by namespace and
 * name. Cluster-scoped objects (Namespace, Node) have the namespace "".
 */
public final class ClusterView {
  /** The view without objects, revision 0. */
  public static final ClusterView EMPTY =
      new ClusterView(0, new TreeMap<>(), Map.of(), List.of(), new TreeMap<>());

  private final long revision;
  private final Map<ResourceKey, HasMetadata> objects;
  private final Map<ResourceKey, Position> positions;
  private final List<ManifestFinding> findings;
  private final TreeMap<String, NamespaceObjects> namespaces;
  private volatile @Nullable AddressIndex addresses;

  /** Made when it is first asked for: who decides about policy never asks. */
  private record AddressIndex(
      Map<InetAddress, List<Workload>> workloads,
      Map<InetAddress, List<Workload>> workloadsByHost,
      Map<InetAddress, List<Service>> services) {}

  private ClusterView(
      long revision,
      TreeMap<ResourceKey, HasMetadata> objects,
      Map<ResourceKey, Position> positions,
      List<ManifestFinding> findings,
      TreeMap<String, NamespaceObjects> namespaces) {
    this.revision = revision;
    this.objects = Collections.unmodifiableMap(objects);
    this.positions = Collections.unmodifiableMap(positions);
    this.findings = List.copyOf(findings);
    this.namespaces = namespaces;
  }

  /**
   * A view of these objects, with revision 1 and without positions.
   *
   * @throws IllegalArgumentException when two objects have the same key
   */
  public static ClusterView of(Collection<? extends HasMetadata> objects) {
    return of(1, objects, Map.of());
  }

  /**
   * A view of these objects, without findings.
   *
   * @param revision revision, which grows from view to view of a source
   * @param positions positions of the objects in manifests
   * @throws IllegalArgumentException when two objects have the same key
   */
  public static ClusterView of(
      long revision,
      Collection<? extends HasMetadata> objects,
      Map<ResourceKey, Position> positions) {
    TreeMap<ResourceKey, HasMetadata> byKey = byKey(objects);
    TreeMap<String, NamespaceObjects> namespaces = new TreeMap<>();
    byKey.keySet().forEach(key -> namespaces.put(key.namespace(), NamespaceObjects.NONE));
    namespaces.replaceAll((name, _) -> indexed(byKey, name, NamespaceObjects.NONE));
    return new ClusterView(revision, byKey, Map.copyOf(positions), List.of(), namespaces);
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
   *
   * @param newerPositions not changed any more
   */
  ClusterView next(
      Map<ResourceKey, ? extends HasMetadata> newer,
      Map<ResourceKey, Position> newerPositions,
      List<ManifestFinding> newerFindings) {
    // Most of it is as before, so the copy is made in one go and only what differs is looked up.
    TreeMap<ResourceKey, HasMetadata> all = new TreeMap<>(objects);
    Set<String> touched = new TreeSet<>();
    Set<HasMetadata> present = Collections.newSetFromMap(new IdentityHashMap<>(objects.size()));
    present.addAll(objects.values());
    newer.forEach(
        (key, object) -> {
          if (!present.contains(object) && !object.equals(objects.get(key))) {
            all.put(key, object);
            touched.add(key.namespace());
          }
        });
    if (all.size() != newer.size()) {
      all.keySet()
          .removeIf(
              key -> {
                boolean gone = !newer.containsKey(key);
                if (gone) {
                  touched.add(key.namespace());
                }
                return gone;
              });
    }
    if (touched.isEmpty() && positions.equals(newerPositions) && findings.equals(newerFindings)) {
      return this;
    }
    TreeMap<String, NamespaceObjects> indexes = new TreeMap<>(namespaces);
    for (String name : touched) {
      NamespaceObjects former = indexes.getOrDefault(name, NamespaceObjects.NONE);
      NamespaceObjects index = indexed(all, name, former);
      if (index == NamespaceObjects.NONE) {
        indexes.remove(name);
      } else {
        indexes.put(name, index);
      }
    }
    return new ClusterView(revision + 1, all, newerPositions, newerFindings, indexes);
  }

  /** The index of a namespace; {@link NamespaceObjects#NONE} when it has no objects. */
  private static NamespaceObjects indexed(
      TreeMap<ResourceKey, HasMetadata> objects, String namespace, NamespaceObjects former) {
    Map<ResourceKey, HasMetadata> own = new LinkedHashMap<>();
    // The least key of the namespace: keys are in the order of namespaces.
    for (Map.Entry<ResourceKey, HasMetadata> entry :
        objects.tailMap(new ResourceKey("", "", namespace, ""), true).entrySet()) {
      if (!entry.getKey().namespace().equals(namespace)) {
        break;
      }
      own.put(entry.getKey(), entry.getValue());
    }
    return own.isEmpty() ? NamespaceObjects.NONE : new NamespaceObjects(own, former);
  }

  private NamespaceObjects in(String namespace) {
    return namespaces.getOrDefault(namespace, NamespaceObjects.NONE);
  }

  /** Revision, which grows from view to view of a source; 0 for {@link #EMPTY}. */
  public long revision() {
    return revision;
  }

  /**
   * Errors and warnings about the state from which this view was read. An object with an error is
   * in the view in its last valid form, or not at all.
   */
  public List<ManifestFinding> findings() {
    return findings;
  }

  /** All objects. */
  public Map<ResourceKey, HasMetadata> objects() {
    return objects;
  }

  /** The object with this key. */
  public Optional<HasMetadata> find(ResourceKey key) {
    return Optional.ofNullable(objects.get(key));
  }

  /** Position of the object with this key; empty when it was not read from a manifest. */
  public Optional<Position> positionOf(ResourceKey key) {
    return Optional.ofNullable(positions.get(key));
  }

  /** Position of the object; empty when it was not read from a manifest. */
  public Optional<Position> positionOf(HasMetadata object) {
    return positionOf(ResourceKey.of(object));
  }

  /** The object of this kind and name. */
  public <T extends HasMetadata> Optional<T> get(Class<T> kind, String namespace, String name) {
    return Optional.ofNullable(in(namespace).ofKind(kind).get(name)).map(kind::cast);
  }

  /** The objects of this kind in a namespace. */
  public <T extends HasMetadata> List<T> list(Class<T> kind, String namespace) {
    return in(namespace).ofKind(kind).values().stream().map(kind::cast).toList();
  }

  /** The objects of this kind in all namespaces. */
  public <T extends HasMetadata> List<T> all(Class<T> kind) {
    return namespaces.values().stream()
        .flatMap(namespace -> namespace.ofKind(kind).values().stream())
        .map(kind::cast)
        .toList();
  }

  /** Names of all namespaces that are declared or contain objects. */
  public Set<String> namespaceNames() {
    Set<String> names = new TreeSet<>(namespaces.keySet());
    names.remove("");
    names.addAll(in("").ofKind(Namespace.class).keySet());
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

  /** The Service of this name. */
  public Optional<Service> service(String namespace, String name) {
    return get(Service.class, namespace, name);
  }

  /** Service accounts of a namespace. */
  public List<ServiceAccount> serviceAccounts(String namespace) {
    return list(ServiceAccount.class, namespace);
  }

  /**
   * The Namespace object; empty for a namespace that is not declared, although it may contain
   * objects.
   */
  public Optional<Namespace> namespace(String name) {
    return get(Namespace.class, "", name);
  }

  /** The Node of this name. */
  public Optional<Node> node(String name) {
    return get(Node.class, "", name);
  }

  /** EndpointSlices of a namespace. */
  public List<EndpointSlice> endpointSlices(String namespace) {
    return list(EndpointSlice.class, namespace);
  }

  /** ExternalWorkloads of a namespace. */
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

  /** The MeshTLSAuthentication of this name. */
  public Optional<MeshTLSAuthentication> meshTlsAuthentication(String namespace, String name) {
    return get(MeshTLSAuthentication.class, namespace, name);
  }

  /** MeshTLSAuthentications of a namespace. */
  public List<MeshTLSAuthentication> meshTlsAuthentications(String namespace) {
    return list(MeshTLSAuthentication.class, namespace);
  }

  /** The NetworkAuthentication of this name. */
  public Optional<NetworkAuthentication> networkAuthentication(String namespace, String name) {
    return get(NetworkAuthentication.class, namespace, name);
  }

  /** NetworkAuthentications of a namespace. */
  public List<NetworkAuthentication> networkAuthentications(String namespace) {
    return list(NetworkAuthentication.class, namespace);
  }

  /** HTTPRoutes of a namespace, of group {@code policy.linkerd.io}. */
  public List<PolicyHttpRoute> policyHttpRoutes(String namespace) {
    return list(PolicyHttpRoute.class, namespace);
  }

  /** HTTPRoutes of a namespace, of group {@code gateway.networking.k8s.io}. */
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

  /** The ServiceProfile of this name, which is the DNS name of its Service. */
  public Optional<ServiceProfile> serviceProfile(String namespace, String name) {
    return get(ServiceProfile.class, namespace, name);
  }

  /** The workload of this name. */
  public Optional<Workload> workload(WorkloadRef ref) {
    return Optional.ofNullable(in(ref.namespace()).workload(ref));
  }

  /** All Pods and ExternalWorkloads. */
  public Collection<Workload> workloads() {
    List<Workload> all = new ArrayList<>();
    namespaces.values().forEach(namespace -> all.addAll(namespace.workloads()));
    return Collections.unmodifiableList(all);
  }

  /** Workloads of a namespace. */
  public List<Workload> workloads(String namespace) {
    return in(namespace).workloads();
  }

  /**
   * Workloads with this address. Pods on the host network are left out: they share their node's
   * address.
   */
  public List<Workload> workloadsByIp(InetAddress ip) {
    return Collections.unmodifiableList(addresses().workloads.getOrDefault(ip, List.of()));
  }

  /**
   * Workloads behind a port of a node: a declared {@code hostPort}, or a declared port of a Pod on
   * the host network.
   *
   * @param hostIp address of the node
   * @param port port of the node
   */
  public List<Workload> workloadsByHostPort(InetAddress hostIp, int port) {
    List<Workload> found = new ArrayList<>();
    for (Workload workload : addresses().workloadsByHost.getOrDefault(hostIp, List.of())) {
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

  /** Cluster IPs of a Service; empty for headless Services and for those of type ExternalName. */
  public static Set<InetAddress> clusterIps(Service service) {
    return ServiceEndpoints.clusterIps(service);
  }

  /** Zone of a node; empty when unknown. */
  public String zoneOf(String node) {
    return ServiceEndpoints.zoneOf(this, node);
  }

  /** Services with this cluster IP. More than one is an error, which the caller reports. */
  public List<Service> servicesByClusterIp(InetAddress ip) {
    return Collections.unmodifiableList(addresses().services.getOrDefault(ip, List.of()));
  }

  /**
   * Endpoints of a port of a Service, ready or not. They come from the Service's EndpointSlices if
   * there are any. Otherwise the Service's selector is matched against Pods and ExternalWorkloads.
   *
   * @param port port of the Service; a port that the Service does not declare is used as the target
   *     port
   */
  public List<Endpoint> endpoints(Service service, int port) {
    String namespace = service.getMetadata().getNamespace();
    List<EndpointSlice> own =
        in(namespace == null ? "" : namespace).slicesOf(service.getMetadata().getName());
    return ServiceEndpoints.of(this, service, own, port);
  }

  private AddressIndex addresses() {
    AddressIndex made = addresses;
    if (made == null) {
      // Made twice when two threads ask at once; both are the same.
      made = new AddressIndex(new HashMap<>(), new HashMap<>(), new HashMap<>());
      for (Workload workload : workloads()) {
        if (!workload.hostNetwork()) {
          for (InetAddress ip : workload.ips()) {
            made.workloads.computeIfAbsent(ip, _ -> new ArrayList<>()).add(workload);
          }
        }
        InetAddress host = workload.hostIp().orElse(null);
        if (host != null) {
          made.workloadsByHost.computeIfAbsent(host, _ -> new ArrayList<>()).add(workload);
        }
      }
      for (Service service : all(Service.class)) {
        for (InetAddress ip : ServiceEndpoints.clusterIps(service)) {
          made.services.computeIfAbsent(ip, _ -> new ArrayList<>()).add(service);
        }
      }
      addresses = made;
    }
    return made;
  }
}
