package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.MeshTlsFact;
import io.signetmesh.policy.facts.NamespaceFact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.PolicyAnnotations;
import io.signetmesh.policy.facts.Reference;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.ServiceAccountFact;
import io.signetmesh.policy.facts.UnusableFact;
import io.signetmesh.policy.facts.WorkloadFact;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The effective inbound policy of every workload port, kept up to date as objects change.
 *
 * <p>Each change is followed along the references between objects: an authentication leads to the
 * policies that require it, a policy to its target, a target to Servers, a Server to the workloads
 * that it has ports of. Only watched ports at the end of such a path are worked out again, and only
 * those whose message differs are told about and take the new generation. Messages are
 * deterministic: equal states are equal bytes. Ports that are alike share one message.
 *
 * <p>Generations start at the Unix time in seconds at which the index was made and grow by one with
 * every change, so they grow over restarts too.
 *
 * <p>Safe for use by several threads.
 */
public final class PolicyIndex {
  private static final int MAX_DEFAULT_MESSAGES = 4_096;

  private final ReentrantLock lock = new ReentrantLock();
  private final PolicyConfig config;
  private final Grants grants;
  private final Map<ObjectRef, Fact> facts = new HashMap<>();
  private final Map<String, NamespaceState> namespaces = new HashMap<>();

  /** Policies by the authentication that they require. */
  private final Map<ObjectRef, Set<ObjectRef>> dependants = new HashMap<>();

  private final Map<DefaultPort, Server> defaultMessages = new HashMap<>();
  private long generation;

  /** An index without objects. */
  public PolicyIndex(PolicyConfig config, InstantSource clock) {
    this.config = config;
    this.grants = new Grants(config);
    this.generation = clock.instant().getEpochSecond();
  }

  /** Settings that the index was made with. */
  public PolicyConfig config() {
    return config;
  }

  /** Generation of the newest state. */
  public long generation() {
    lock.lock();
    try {
      return generation;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes over a change as a whole. Objects that are equal to what is known change nothing; when
   * none differs, the generation stays.
   *
   * @param upserts objects that are new or differ
   * @param removals objects that are gone
   */
  public AppliedChange apply(Collection<? extends Fact> upserts, Collection<ObjectRef> removals) {
    lock.lock();
    try {
      Map<ObjectRef, Optional<Fact>> changes = new TreeMap<>();
      for (ObjectRef ref : removals) {
        if (facts.containsKey(ref)) {
          changes.put(ref, Optional.empty());
        }
      }
      for (Fact fact : upserts) {
        if (fact.equals(facts.get(fact.ref()))) {
          changes.remove(fact.ref());
        } else {
          changes.put(fact.ref(), Optional.of(fact));
        }
      }
      if (changes.isEmpty()) {
        return new AppliedChange(generation, List.of(), 0, 0);
      }
      generation++;
      Dirty dirty = new Dirty();
      changes.forEach((ref, fact) -> replace(ref, fact.orElse(null), dirty));
      return settle(dirty, List.copyOf(changes.keySet()));
    } finally {
      lock.unlock();
    }
  }

  /** The policy of a port now; empty when there is no such workload. */
  public Optional<EffectivePolicy> policy(ObjectRef workload, int port) {
    lock.lock();
    try {
      WorkloadState state = workloadState(workload);
      if (state == null) {
        return Optional.empty();
      }
      PortState watched = state.watched.get(port);
      return Optional.of(
          watched != null ? watched.policy : new EffectivePolicy(message(state, port), generation));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Watches a port. The listener is told the current policy before this method returns.
   *
   * @return closes the watch; empty when there is no such workload
   */
  public Optional<Watch> watch(ObjectRef workload, int port, PortListener listener) {
    lock.lock();
    try {
      WorkloadState state = workloadState(workload);
      if (state == null) {
        return Optional.empty();
      }
      PortState watched =
          state.watched.computeIfAbsent(
              port,
              number ->
                  new PortState(number, new EffectivePolicy(message(state, number), generation)));
      watched.listeners.add(listener);
      listener.onPolicy(watched.policy);
      return Optional.of(() -> unwatch(workload, port, listener));
    } finally {
      lock.unlock();
    }
  }

  /** The workload; empty when it is not known. */
  public Optional<WorkloadFact> workload(ObjectRef ref) {
    lock.lock();
    try {
      return Optional.ofNullable(workloadState(ref)).map(state -> state.fact);
    } finally {
      lock.unlock();
    }
  }

  /** Number of ports that are watched now. */
  public int watchedPorts() {
    lock.lock();
    try {
      return namespaces.values().stream()
          .flatMap(namespace -> namespace.workloads.values().stream())
          .mapToInt(workload -> workload.watched.size())
          .sum();
    } finally {
      lock.unlock();
    }
  }

  /** What is wrong with the objects now, sorted. Looks at all of them. */
  public List<Finding> findings() {
    lock.lock();
    try {
      return new Findings(facts, namespaces, grants).collect();
    } finally {
      lock.unlock();
    }
  }

  /** Ends a watch. */
  @FunctionalInterface
  public interface Watch extends AutoCloseable {
    /** Nothing is told after this returns. Closing again does nothing. */
    @Override
    void close();
  }

  private void unwatch(ObjectRef workload, int port, PortListener listener) {
    lock.lock();
    try {
      WorkloadState state = workloadState(workload);
      PortState watched = state == null ? null : state.watched.get(port);
      if (state != null
          && watched != null
          && watched.listeners.remove(listener)
          && watched.listeners.isEmpty()) {
        state.watched.remove(port);
      }
    } finally {
      lock.unlock();
    }
  }

  private @Nullable WorkloadState workloadState(ObjectRef ref) {
    NamespaceState namespace = namespaces.get(ref.namespace());
    return namespace == null ? null : namespace.workloads.get(ref);
  }

  // --- A change, object by object ---

  private void replace(ObjectRef ref, @Nullable Fact after, Dirty dirty) {
    Fact before = after == null ? facts.remove(ref) : facts.put(ref, after);
    String name = ref.kind() == ObjectRef.Kind.NAMESPACE ? ref.name() : ref.namespace();
    NamespaceState namespace = namespaces.computeIfAbsent(name, key -> new NamespaceState());
    if (before != null) {
      retract(namespace, before, after, dirty);
    }
    if (after != null) {
      assertFact(namespace, after, dirty);
    }
    if (ref.kind() == ObjectRef.Kind.MESH_TLS_AUTHENTICATION
        || ref.kind() == ObjectRef.Kind.NETWORK_AUTHENTICATION) {
      for (ObjectRef policy : dependants.getOrDefault(ref, Set.of())) {
        if (facts.get(policy) instanceof AuthorizationPolicyFact fact) {
          markTarget(namespaces.get(policy.namespace()), fact, dirty);
        }
      }
    }
    if (namespace.isEmpty()) {
      namespaces.remove(name);
    }
  }

  private void retract(NamespaceState namespace, Fact before, @Nullable Fact after, Dirty dirty) {
    switch (before) {
      case WorkloadFact workload -> {
        if (!(after instanceof WorkloadFact successor)
            || !Objects.equals(workload.identity(), successor.identity())) {
          removeWorkload(namespace, workload.ref());
        }
      }
      case NamespaceFact fact -> {
        namespace.annotations = PolicyAnnotations.NONE;
        dirty.workloads.addAll(namespace.workloads.values());
      }
      case ServerFact server -> removeServer(namespace, server, dirty);
      case AuthorizationPolicyFact policy -> {
        markTarget(namespace, policy, dirty);
        Target.of(policy)
            .ifPresent(
                target ->
                    namespace.policies.computeIfPresent(
                        target,
                        (key, policies) -> {
                          policies.remove(policy.ref().name());
                          return policies.isEmpty() ? null : policies;
                        }));
        for (ObjectRef authentication : authentications(policy)) {
          dependants.computeIfPresent(
              authentication,
              (key, policies) -> {
                policies.remove(policy.ref());
                return policies.isEmpty() ? null : policies;
              });
        }
      }
      case ServerAuthorizationFact authorization -> {
        markServers(namespace, authorization, dirty);
        namespace.serverAuthorizations.remove(authorization.ref().name());
      }
      case RouteFact route -> {
        for (String server : route.servers()) {
          markServer(namespace, server, dirty);
          namespace.routesByServer.computeIfPresent(
              server,
              (key, routes) -> {
                routes.remove(route);
                return routes.isEmpty() ? null : routes;
              });
        }
      }
      case MeshTlsFact fact -> {}
      case NetworkFact fact -> {}
      case ServiceAccountFact fact -> {}
      case UnusableFact fact -> {}
    }
  }

  private void assertFact(NamespaceState namespace, Fact after, Dirty dirty) {
    switch (after) {
      case WorkloadFact workload -> {
        WorkloadState state =
            namespace.workloads.computeIfAbsent(
                workload.ref(),
                ref ->
                    new WorkloadState(
                        workload, WorkloadSettings.of(workload, namespace.annotations, config)));
        state.fact = workload;
        dirty.workloads.add(state);
      }
      case NamespaceFact fact -> {
        namespace.annotations = fact.annotations();
        dirty.workloads.addAll(namespace.workloads.values());
      }
      case ServerFact server -> addServer(namespace, server, dirty);
      case AuthorizationPolicyFact policy -> {
        Target.of(policy)
            .ifPresent(
                target ->
                    namespace
                        .policies
                        .computeIfAbsent(target, key -> new TreeMap<>())
                        .put(policy.ref().name(), policy));
        for (ObjectRef authentication : authentications(policy)) {
          dependants.computeIfAbsent(authentication, key -> new HashSet<>()).add(policy.ref());
        }
        markTarget(namespace, policy, dirty);
      }
      case ServerAuthorizationFact authorization -> {
        namespace.serverAuthorizations.put(authorization.ref().name(), authorization);
        markServers(namespace, authorization, dirty);
      }
      case RouteFact route -> {
        for (String server : route.servers()) {
          namespace.routesByServer.computeIfAbsent(server, key -> new TreeSet<>()).add(route);
          markServer(namespace, server, dirty);
        }
      }
      case MeshTlsFact fact -> {}
      case NetworkFact fact -> {}
      case ServiceAccountFact fact -> {}
      case UnusableFact fact -> {}
    }
  }

  private void removeWorkload(NamespaceState namespace, ObjectRef ref) {
    WorkloadState state = namespace.workloads.remove(ref);
    if (state == null) {
      return;
    }
    state.servers.values().forEach(server -> server.workloads.remove(state));
    for (PortState port : state.watched.values()) {
      port.listeners.forEach(PortListener::onWorkloadGone);
    }
    state.watched.clear();
  }

  private void addServer(NamespaceState namespace, ServerFact fact, Dirty dirty) {
    ServerState server = new ServerState(fact);
    namespace.servers.put(fact.ref().name(), server);
    namespace.serversByAge.add(server);
    markSelected(namespace, fact, dirty);
  }

  private void removeServer(NamespaceState namespace, ServerFact fact, Dirty dirty) {
    ServerState server = namespace.servers.remove(fact.ref().name());
    if (server != null) {
      namespace.serversByAge.remove(server);
      markSelected(namespace, fact, dirty);
    }
  }

  private static void markSelected(NamespaceState namespace, ServerFact server, Dirty dirty) {
    for (WorkloadState workload : namespace.workloads.values()) {
      if (server.selects(workload.fact)) {
        dirty.workloads.add(workload);
      }
    }
  }

  private static void markTarget(
      @Nullable NamespaceState namespace, AuthorizationPolicyFact policy, Dirty dirty) {
    Target target = Target.of(policy).orElse(null);
    if (namespace == null || target == null) {
      return;
    }
    switch (target) {
      case Target.OneServer(String name) -> markServer(namespace, name, dirty);
      case Target.WholeNamespace whole -> dirty.servers.addAll(namespace.servers.values());
      case Target.OneRoute route ->
          namespace.routesByServer.forEach(
              (server, routes) -> {
                if (routes.stream()
                    .anyMatch(
                        candidate ->
                            Target.route(candidate.ref().kind(), candidate.ref().name())
                                .equals(route))) {
                  markServer(namespace, server, dirty);
                }
              });
    }
  }

  private static void markServers(
      NamespaceState namespace, ServerAuthorizationFact authorization, Dirty dirty) {
    for (ServerState server : namespace.servers.values()) {
      if (authorization.selects(server.fact)) {
        dirty.servers.add(server);
      }
    }
  }

  private static void markServer(NamespaceState namespace, String name, Dirty dirty) {
    ServerState server = namespace.servers.get(name);
    if (server != null) {
      dirty.servers.add(server);
    }
  }

  private static Set<ObjectRef> authentications(AuthorizationPolicyFact policy) {
    Set<ObjectRef> refs = new LinkedHashSet<>();
    for (Reference reference : policy.authentications()) {
      reference.resolve(policy.ref().namespace()).ifPresent(refs::add);
    }
    return refs;
  }

  // --- What follows from a change ---

  private AppliedChange settle(Dirty dirty, List<ObjectRef> objects) {
    Map<PortState, WorkloadState> ports = new LinkedHashMap<>();
    for (WorkloadState workload : dirty.workloads) {
      NamespaceState namespace = namespaces.get(workload.fact.ref().namespace());
      if (namespace != null && namespace.workloads.get(workload.fact.ref()) == workload) {
        assign(namespace, workload);
        workload.watched.values().forEach(port -> ports.put(port, workload));
      }
    }
    for (ServerState server : dirty.servers) {
      server.messages.clear();
      for (WorkloadState workload : server.workloads) {
        for (PortState port : workload.watched.values()) {
          if (workload.servers.get(port.port) == server) {
            ports.put(port, workload);
          }
        }
      }
    }
    int touched = 0;
    for (Map.Entry<PortState, WorkloadState> entry : ports.entrySet()) {
      PortState port = entry.getKey();
      Server message = message(entry.getValue(), port.port);
      if (!message.equals(port.policy.server())) {
        port.policy = new EffectivePolicy(message, generation);
        port.listeners.forEach(listener -> listener.onPolicy(port.policy));
        touched++;
      }
    }
    return new AppliedChange(generation, objects, ports.size(), touched);
  }

  /** Gives each port of the workload to the first Server that claims it. */
  private void assign(NamespaceState namespace, WorkloadState workload) {
    workload.settings = WorkloadSettings.of(workload.fact, namespace.annotations, config);
    workload.servers.values().forEach(server -> server.workloads.remove(workload));
    Map<Integer, ServerState> assigned = new TreeMap<>();
    List<WorkloadState.Conflict> conflicts = new ArrayList<>();
    for (ServerState server : namespace.serversByAge) {
      if (!server.fact.selects(workload.fact)) {
        continue;
      }
      Set<Integer> claimed =
          switch (server.fact.port()) {
            case ServerFact.Port.ByNumber(int number) -> Set.of(number);
            case ServerFact.Port.ByName(String name) -> workload.fact.portsNamed(name);
          };
      for (int port : claimed) {
        ServerState winner = assigned.putIfAbsent(port, server);
        if (winner != null) {
          conflicts.add(new WorkloadState.Conflict(port, winner, server));
        }
      }
    }
    workload.servers = assigned;
    workload.conflicts = conflicts;
    assigned.values().forEach(server -> server.workloads.add(workload));
  }

  // --- Messages ---

  private Server message(WorkloadState workload, int port) {
    ServerState server = workload.servers.get(port);
    if (server == null) {
      DefaultPort key =
          new DefaultPort(
              workload.settings.policyOf(port),
              workload.settings.opaquePorts().contains(port),
              workload.fact.probePaths(port));
      if (defaultMessages.size() >= MAX_DEFAULT_MESSAGES) {
        defaultMessages.clear();
      }
      return defaultMessages.computeIfAbsent(key, this::defaultMessage);
    }
    List<String> probes =
        Messages.hasHttpRoutes(server.fact.protocol())
            ? workload.fact.probePaths(port)
            : List.<String>of();
    Server message = server.messages.get(probes);
    if (message == null) {
      message = serverMessage(server, probes);
      server.messages.put(probes, message);
    }
    return message;
  }

  private Server defaultMessage(DefaultPort port) {
    List<HttpRoute> routes = new ArrayList<>();
    routes.add(Messages.defaultHttpRoute());
    Messages.probeRoute(grants.probe(), port.probes()).ifPresent(routes::add);
    return Messages.server(
        Messages.protocol(
            port.opaque() ? ProxyProtocol.OPAQUE : ProxyProtocol.UNKNOWN, routes, List.of()),
        grants.of(port.policy()).stream().toList(),
        "",
        "default",
        port.policy().wireName());
  }

  private Server serverMessage(ServerState state, List<String> probes) {
    ServerFact server = state.fact;
    NamespaceState namespace = Objects.requireNonNull(namespaces.get(server.ref().namespace()));
    List<Authz> allowed = new ArrayList<>();
    List<HttpRoute> httpRoutes = new ArrayList<>();
    List<GrpcRoute> grpcRoutes = new ArrayList<>();
    if (server.flaw() == null) {
      Map<String, AuthorizationPolicyFact> policies = new TreeMap<>();
      policies.putAll(
          namespace.policies.getOrDefault(
              new Target.OneServer(server.ref().name()), new TreeMap<>()));
      policies.putAll(
          namespace.policies.getOrDefault(new Target.WholeNamespace(), new TreeMap<>()));
      policies.values().forEach(policy -> add(grants.of(policy, facts::get), allowed));
      for (ServerAuthorizationFact authorization : namespace.serverAuthorizations.values()) {
        if (authorization.selects(server)) {
          add(grants.of(authorization), allowed);
        }
      }
      // Last of all, so that a proxy which stops at the first match audits only what nothing else
      // allows.
      grants.of(server.accessPolicy()).ifPresent(allowed::add);
      for (RouteFact route :
          namespace.routesByServer.getOrDefault(server.ref().name(), new TreeSet<>())) {
        List<Authz> own = routeGrants(namespace, route);
        switch (route.rules()) {
          case RouteFact.Rules.Http(List<HttpRoute.Rule> rules) ->
              httpRoutes.add(Messages.httpRoute(route, rules, own));
          case RouteFact.Rules.Grpc(List<GrpcRoute.Rule> rules) ->
              grpcRoutes.add(Messages.grpcRoute(route, rules, own));
        }
      }
      if (httpRoutes.isEmpty()) {
        httpRoutes.add(Messages.defaultHttpRoute());
      }
      if (grpcRoutes.isEmpty()) {
        grpcRoutes.add(Messages.defaultGrpcRoute());
      }
      Messages.probeRoute(grants.probe(), probes).ifPresent(httpRoutes::add);
    } else {
      httpRoutes.add(Messages.defaultHttpRoute());
      grpcRoutes.add(Messages.defaultGrpcRoute());
    }
    return Messages.server(
        Messages.protocol(server.protocol(), httpRoutes, grpcRoutes),
        allowed,
        ObjectRef.Kind.SERVER.group(),
        "server",
        server.ref().name());
  }

  private List<Authz> routeGrants(NamespaceState namespace, RouteFact route) {
    List<Authz> own = new ArrayList<>();
    Target target = Target.route(route.ref().kind(), route.ref().name());
    namespace
        .policies
        .getOrDefault(target, new TreeMap<>())
        .values()
        .forEach(policy -> add(grants.of(policy, facts::get), own));
    return own;
  }

  private static void add(Grant grant, List<Authz> allowed) {
    if (grant instanceof Grant.Allows(Authz authz)) {
      allowed.add(authz);
    }
  }

  /** What must be worked out again. */
  private static final class Dirty {
    final Set<WorkloadState> workloads = new LinkedHashSet<>();
    final Set<ServerState> servers = new LinkedHashSet<>();
  }

  /**
   * All that a port without Server depends on.
   *
   * @param policy default policy in force
   * @param opaque whether its bytes are looked at
   * @param probes probe paths on it
   */
  private record DefaultPort(AccessPolicy policy, boolean opaque, List<String> probes) {}
}
