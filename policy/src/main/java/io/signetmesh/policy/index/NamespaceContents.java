package io.signetmesh.policy.index;

import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.MeshTlsFact;
import io.signetmesh.policy.facts.NamespaceFact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.PolicyAnnotations;
import io.signetmesh.policy.facts.RateLimitFact;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.ServiceAccountFact;
import io.signetmesh.policy.facts.UnusableFact;
import io.signetmesh.policy.facts.WorkloadFact;
import java.util.ArrayList;
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

/** The objects of a namespace, sorted for looking over them. Filled first, then asked. */
final class NamespaceContents {
  PolicyAnnotations annotations = PolicyAnnotations.NONE;
  final Map<String, ServerFact> servers = new TreeMap<>();
  final List<WorkloadFact> workloads = new ArrayList<>();
  final List<AuthorizationPolicyFact> policies = new ArrayList<>();
  final List<DenyPolicyFact> denials = new ArrayList<>();
  final List<ServerAuthorizationFact> serverAuthorizations = new ArrayList<>();
  final List<RouteFact> attached = new ArrayList<>();

  /** The rate limit that counts, by Server. */
  final Map<String, RateLimitFact> limits = new HashMap<>();

  private final Map<ObjectRef.Kind, Map<String, ObjectRef>> routes =
      new EnumMap<>(ObjectRef.Kind.class);
  private final Map<ObjectRef.Kind, Set<String>> names = new EnumMap<>(ObjectRef.Kind.class);
  private final Set<String> grpcServers = new HashSet<>();

  /** Workloads that are alike, as those of one Deployment, are selected by the same Servers. */
  private record Labels(ObjectRef.Kind kind, Map<String, String> labels) {}

  private final Map<Labels, List<ServerFact>> selecting = new HashMap<>();
  private @Nullable Map<ServerFact, Set<String>> declared;
  private @Nullable Set<ServerFact> serving;
  private @Nullable Set<String> accounts;

  void add(Fact fact) {
    ObjectRef ref = fact.ref();
    names.computeIfAbsent(ref.kind(), key -> new TreeSet<>()).add(ref.name());
    if (ref.kind().isRoute()) {
      routes
          .computeIfAbsent(ref.kind(), key -> new TreeMap<>())
          .put(ref.name().toLowerCase(Locale.ROOT), ref);
    }
    switch (fact) {
      case NamespaceFact namespace -> annotations = namespace.annotations();
      case ServerFact server -> servers.put(ref.name(), server);
      case WorkloadFact workload -> workloads.add(workload);
      case AuthorizationPolicyFact policy -> policies.add(policy);
      case DenyPolicyFact policy -> denials.add(policy);
      case ServerAuthorizationFact authorization -> serverAuthorizations.add(authorization);
      case RouteFact route -> {
        attached.add(route);
        if (ref.kind() == ObjectRef.Kind.GRPC_ROUTE) {
          grpcServers.addAll(route.servers());
        }
      }
      case RateLimitFact limit -> {
        if (limit.target().isA(ObjectRef.Kind.SERVER)) {
          limits.merge(
              limit.target().name(),
              limit,
              (one, other) -> one.compareTo(other) <= 0 ? one : other);
        }
      }
      case MeshTlsFact authentication -> {}
      case NetworkFact authentication -> {}
      case ServiceAccountFact account -> {}
      case UnusableFact unusable -> {}
    }
  }

  /** Names of the objects of a kind, whether they are understood or not. */
  Set<String> names(ObjectRef.Kind kind) {
    return names.getOrDefault(kind, Set.of());
  }

  /** Routes of a kind by their name in lower case. */
  Map<String, ObjectRef> routes(ObjectRef.Kind kind) {
    return routes.getOrDefault(kind, Map.of());
  }

  /** Routes of that name, of any kind. */
  Map<ObjectRef.Kind, ObjectRef> routesNamed(String lower) {
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

  /** Whether there is a Server of that name on whose ports no request is seen. */
  boolean isOpaque(String name) {
    ServerFact server = servers.get(name);
    return server != null
        && (server.protocol() == ProxyProtocol.OPAQUE || server.protocol() == ProxyProtocol.TLS);
  }

  /** Whether a GRPCRoute is attached to the Server. */
  boolean hasGrpcRoute(String server) {
    return grpcServers.contains(server);
  }

  /** Names of service accounts that exist; workloads show theirs by their identity. */
  Set<String> accounts(PolicyConfig config) {
    Set<String> found = accounts;
    if (found == null) {
      found = new TreeSet<>(names(ObjectRef.Kind.SERVICE_ACCOUNT));
      for (WorkloadFact workload : workloads) {
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
  List<ServerFact> selecting(WorkloadFact workload) {
    return selecting.computeIfAbsent(
        new Labels(workload.ref().kind(), workload.labels()),
        key ->
            servers.values().stream().filter(server -> server.selects(workload)).sorted().toList());
  }

  /** Ports of the workload that a Server which selects it is about. */
  static Set<Integer> ports(ServerFact server, WorkloadFact workload) {
    return switch (server.port()) {
      case ServerFact.Port.ByNumber(int number) -> Set.of(number);
      case ServerFact.Port.ByName(String name) -> workload.portsNamed(name);
    };
  }

  /** Whether the Server selects a workload. */
  boolean selects(ServerFact server) {
    return declared().containsKey(server);
  }

  /** Whether the Server is about a port of a workload. */
  boolean serves(ServerFact server) {
    declared();
    return serving != null && serving.contains(server);
  }

  /** Names of the ports of all workloads that the Server selects. */
  Set<String> portNames(ServerFact server) {
    return declared().getOrDefault(server, Set.of());
  }

  private Map<ServerFact, Set<String>> declared() {
    Map<ServerFact, Set<String>> found = declared;
    if (found == null) {
      found = new HashMap<>();
      Set<ServerFact> about = new HashSet<>();
      for (WorkloadFact workload : workloads) {
        for (ServerFact server : selecting(workload)) {
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
