package io.signetmesh.policy.lint;

import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NamespaceModel;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyAnnotations;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.ServiceAccountModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The objects of one namespace, by kind and name. It is filled first and queried afterwards. */
public final class NamespaceContents {
  PolicyAnnotations annotations = PolicyAnnotations.NONE;
  final Map<String, ServerModel> servers = new TreeMap<>();
  final List<WorkloadModel> workloads = new ArrayList<>();
  final List<AuthorizationPolicyModel> policies = new ArrayList<>();
  final List<DenyPolicyModel> denials = new ArrayList<>();
  final List<ServerAuthorizationModel> serverAuthorizations = new ArrayList<>();
  final List<RouteModel> attached = new ArrayList<>();

  /** The rate limit that counts, by Server. */
  final Map<String, RateLimitModel> limits = new HashMap<>();

  private final Map<ObjectRef.Kind, Map<String, ObjectRef>> routes =
      new EnumMap<>(ObjectRef.Kind.class);
  private final Map<ObjectRef.Kind, Set<String>> names = new EnumMap<>(ObjectRef.Kind.class);
  private final Set<String> grpcServers = new HashSet<>();

  /** Workloads that are alike, as those of one Deployment, are selected by the same Servers. */
  private record Labels(ObjectRef.Kind kind, Map<String, String> labels) {}

  private final Map<Labels, List<ServerModel>> selecting = new HashMap<>();
  private @Nullable Map<ServerModel, Set<String>> declared;
  private @Nullable Set<ServerModel> serving;
  private @Nullable Set<String> accounts;

  /** Servers by name, sorted. */
  public Map<String, ServerModel> servers() {
    return Collections.unmodifiableMap(servers);
  }

  /** Workloads that have a proxy. */
  public List<WorkloadModel> workloads() {
    return Collections.unmodifiableList(workloads);
  }

  void add(PolicyObject object) {
    ObjectRef ref = object.ref();
    names.computeIfAbsent(ref.kind(), key -> new TreeSet<>()).add(ref.name());
    if (ref.kind().isRoute()) {
      routes
          .computeIfAbsent(ref.kind(), key -> new TreeMap<>())
          .put(ref.name().toLowerCase(Locale.ROOT), ref);
    }
    switch (object) {
      case NamespaceModel namespace -> annotations = namespace.annotations();
      case ServerModel server -> servers.put(ref.name(), server);
      case WorkloadModel workload -> workloads.add(workload);
      case AuthorizationPolicyModel policy -> policies.add(policy);
      case DenyPolicyModel policy -> denials.add(policy);
      case ServerAuthorizationModel authorization -> serverAuthorizations.add(authorization);
      case RouteModel route -> {
        attached.add(route);
        if (ref.kind() == ObjectRef.Kind.GRPC_ROUTE) {
          grpcServers.addAll(route.servers());
        }
      }
      case RateLimitModel limit -> {
        if (limit.target().isA(ObjectRef.Kind.SERVER)) {
          limits.merge(
              limit.target().name(),
              limit,
              (one, other) -> one.compareTo(other) <= 0 ? one : other);
        }
      }
      case JwtModel token -> {}
      case RegoModel bundle -> {}
      case MeshTlsModel authentication -> {}
      case NetworkModel authentication -> {}
      case ServiceAccountModel account -> {}
      case UnusableModel unusable -> {}
    }
  }

  /** Names of the objects of a kind, whether they are understood or not. */
  public Set<String> names(ObjectRef.Kind kind) {
    return names.getOrDefault(kind, Set.of());
  }

  /** Routes of a kind by their name in lower case. */
  public Map<String, ObjectRef> routes(ObjectRef.Kind kind) {
    return routes.getOrDefault(kind, Map.of());
  }

  /** Routes of that name, of any kind. */
  public Map<ObjectRef.Kind, ObjectRef> routesNamed(String lower) {
    Map<ObjectRef.Kind, ObjectRef> found = new EnumMap<>(ObjectRef.Kind.class);
    routes.forEach(
        (kind, byName) -> {
          ObjectRef ref = byName.get(lower);
          if (ref != null) {
            found.put(kind, ref);
          }
        });
    return found;
  }

  /** Whether there is a Server of that name whose protocol has no requests. */
  boolean isOpaque(String name) {
    ServerModel server = servers.get(name);
    return server != null
        && (server.protocol() == ProxyProtocol.OPAQUE || server.protocol() == ProxyProtocol.TLS);
  }

  /** Whether a GRPCRoute is attached to the Server. */
  boolean hasGrpcRoute(String server) {
    return grpcServers.contains(server);
  }

  /**
   * Names of service accounts that exist: declared ones, and those that the identities of workloads
   * name.
   */
  public Set<String> accounts(PolicyConfig config) {
    Set<String> found = accounts;
    if (found == null) {
      found = new TreeSet<>(names(ObjectRef.Kind.SERVICE_ACCOUNT));
      for (WorkloadModel workload : workloads) {
        String identity = workload.identity();
        int dot = identity == null ? -1 : identity.indexOf('.');
        if (identity != null && dot > 0) {
          String account = identity.substring(0, dot);
          if (identity.equals(config.identity(account, workload.ref().namespace()))) {
            found.add(account);
          }
        }
      }
      accounts = found;
    }
    return found;
  }

  /** Servers that select the workload, oldest first. */
  List<ServerModel> selecting(WorkloadModel workload) {
    return selecting.computeIfAbsent(
        new Labels(workload.ref().kind(), workload.labels()),
        key ->
            servers.values().stream().filter(server -> server.selects(workload)).sorted().toList());
  }

  /** Ports of the workload that a Server has, if it selects the workload. */
  static Set<Integer> ports(ServerModel server, WorkloadModel workload) {
    return switch (server.port()) {
      case ServerModel.Port.ByNumber(int number) -> Set.of(number);
      case ServerModel.Port.ByName(String name) -> workload.portsNamed(name);
    };
  }

  /** Whether the Server selects a workload. */
  boolean selects(ServerModel server) {
    return declared().containsKey(server);
  }

  /** Whether the Server has a port of a workload. */
  boolean serves(ServerModel server) {
    declared();
    return serving != null && serving.contains(server);
  }

  /** Names of the ports of all workloads that the Server selects. */
  public Set<String> portNames(ServerModel server) {
    return declared().getOrDefault(server, Set.of());
  }

  private Map<ServerModel, Set<String>> declared() {
    Map<ServerModel, Set<String>> found = declared;
    if (found == null) {
      found = new HashMap<>();
      Set<ServerModel> about = new HashSet<>();
      for (WorkloadModel workload : workloads) {
        for (ServerModel server : selecting(workload)) {
          Set<String> ports = found.computeIfAbsent(server, key -> new TreeSet<>());
          workload.ports().forEach(port -> ports.add(port.name()));
          if (!ports(server, workload).isEmpty()) {
            about.add(server);
          }
        }
      }
      declared = found;
      serving = about;
    }
    return found;
  }
}
