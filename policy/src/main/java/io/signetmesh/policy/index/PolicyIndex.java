package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.ClientPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.MeshTlsFact;
import io.signetmesh.policy.facts.NamespaceFact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.PolicyAnnotations;
import io.signetmesh.policy.facts.RateLimitFact;
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
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
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

  /** Suggestions worked out for one port at a time. */
  private static final int MAX_SUGGESTIONS = 16;

  private final ReentrantLock lock = new ReentrantLock();
  private final PolicyConfig config;
  private final Grants grants;
  private final Map<ObjectRef, Fact> facts = new HashMap<>();
  private final Map<String, NamespaceState> namespaces = new HashMap<>();

  /** Policies by the authentication that they require. */
  private final Map<ObjectRef, Set<ObjectRef>> dependants = new HashMap<>();

  private final Map<DefaultPort, WorldPolicy> defaultMessages = new HashMap<>();
  private long generation;

  /** Taken before the other lock. */
  private final ReentrantLock diagnosisLock = new ReentrantLock();

  private @Nullable Diagnosis diagnosis;
  private long diagnosed;
  private @Nullable Reached reached;

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
          watched != null ? watched.policy : new EffectivePolicy(policy(state, port), generation));
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
                  new PortState(number, new EffectivePolicy(policy(state, number), generation)));
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

  /**
   * What is wrong with the objects now, sorted. The first call of a generation looks at all of
   * them, and takes its time; changes do not wait for it.
   */
  public List<Finding> findings() {
    return diagnosis().all();
  }

  /**
   * What is wrong with objects that bear on a port, or that would if they were mended, most telling
   * first: a policy whose target is misspelt, a policy on its Server that refers to nothing.
   *
   * @return empty as well when there is no such workload
   */
  public List<Finding> findings(ObjectRef workload, int port) {
    return workload(workload).map(fact -> diagnosis().of(fact, port)).orElse(List.of());
  }

  /**
   * What is probably meant where findings that bear on a port are about slips of the pen, each with
   * the policy that the port would have if that one alone were mended. Of very many the first are
   * looked at, so that a namespace full of slips keeps nobody waiting. Takes a time for each that
   * grows with the number of objects of the namespace.
   */
  public Map<Finding, Suggestion> suggestions(ObjectRef workload, int port) {
    WorkloadFact fact = workload(workload).orElse(null);
    if (fact == null) {
      return Map.of();
    }
    Diagnosis now = diagnosis();
    Mending mending = now.mending(config);
    Map<Finding, Suggestion> suggestions = new HashMap<>();
    for (Finding finding : now.of(fact, port)) {
      if (suggestions.size() == MAX_SUGGESTIONS) {
        break;
      }
      mending.suggest(finding, fact, port).ifPresent(found -> suggestions.put(finding, found));
    }
    return suggestions;
  }

  /**
   * The Servers, authorizations, denials, routes and rate limits, sorted, each with whether it
   * bears on any port of any workload, and why not. The first call of a generation takes its time;
   * a change waits for the look at one namespace at most.
   */
  public List<ObjectReach> reaches() {
    diagnosisLock.lock();
    try {
      // Of its generation or a later one, which makes another diagnosis with the next call.
      Diagnosis now = diagnosis();
      Reached last = reached;
      if (last == null || last.diagnosis != now) {
        last = new Reached(now, now.reaches(bearing()));
        reached = last;
      }
      return last.reaches;
    } finally {
      diagnosisLock.unlock();
    }
  }

  private record Reached(Diagnosis diagnosis, List<ObjectReach> reaches) {}

  /** The objects that bear on a port of a workload. */
  private Set<ObjectRef> bearing() {
    List<String> names;
    lock.lock();
    try {
      names = List.copyOf(namespaces.keySet());
    } finally {
      lock.unlock();
    }
    Set<ObjectRef> bearing = new HashSet<>();
    for (String name : names) {
      lock.lock();
      try {
        NamespaceState namespace = namespaces.get(name);
        if (namespace != null && !namespace.workloads.isEmpty()) {
          bearing(namespace, bearing);
        }
      } finally {
        lock.unlock();
      }
    }
    return bearing;
  }

  private void bearing(NamespaceState namespace, Set<ObjectRef> bearing) {
    for (World world : World.values()) {
      // No workload has a Server at each of its ports.
      bearing.addAll(namespace.denials(world, grants, facts::get).objects());
      Set<ServerState> servers = Collections.newSetFromMap(new IdentityHashMap<>());
      namespace.workloads.values().forEach(one -> servers.addAll(one.servers(world).values()));
      for (ServerState server : servers) {
        bearing.addAll(
            server.anyPolicy(world, () -> serverPolicy(world, server.fact, List.of())).objects());
      }
    }
  }

  private Diagnosis diagnosis() {
    diagnosisLock.lock();
    try {
      Map<ObjectRef, Fact> copy;
      lock.lock();
      try {
        if (diagnosis != null && diagnosed == generation) {
          return diagnosis;
        }
        copy = new TreeMap<>(facts);
        diagnosed = generation;
        diagnosis = null;
      } finally {
        lock.unlock();
      }
      diagnosis = new Findings(copy, config).collect();
      return diagnosis;
    } finally {
      diagnosisLock.unlock();
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
        if (facts.get(policy) instanceof ClientPolicyFact fact) {
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
      case AuthorizationPolicyFact policy ->
          retractPolicy(namespace, namespace.policies, policy, dirty);
      case DenyPolicyFact policy -> retractPolicy(namespace, namespace.denials, policy, dirty);
      case RateLimitFact limits -> {
        String server = limitedServer(limits);
        markServer(namespace, server, dirty);
        namespace.rateLimitsByServer.computeIfPresent(
            server,
            (key, others) -> {
              others.remove(limits);
              return others.isEmpty() ? null : others;
            });
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
      case AuthorizationPolicyFact policy ->
          assertPolicy(namespace, namespace.policies, policy, dirty);
      case DenyPolicyFact policy -> assertPolicy(namespace, namespace.denials, policy, dirty);
      case RateLimitFact limits -> {
        String server = limitedServer(limits);
        namespace.rateLimitsByServer.computeIfAbsent(server, key -> new TreeSet<>()).add(limits);
        markServer(namespace, server, dirty);
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

  private <P extends ClientPolicyFact> void assertPolicy(
      NamespaceState namespace,
      Map<Target, NavigableMap<String, P>> policies,
      P policy,
      Dirty dirty) {
    Target.of(policy)
        .ifPresent(
            target ->
                policies
                    .computeIfAbsent(target, key -> new TreeMap<>())
                    .put(policy.ref().name(), policy));
    for (ObjectRef authentication : authentications(policy)) {
      dependants.computeIfAbsent(authentication, key -> new HashSet<>()).add(policy.ref());
    }
    markTarget(namespace, policy, dirty);
  }

  private <P extends ClientPolicyFact> void retractPolicy(
      NamespaceState namespace,
      Map<Target, NavigableMap<String, P>> policies,
      P policy,
      Dirty dirty) {
    markTarget(namespace, policy, dirty);
    Target.of(policy)
        .ifPresent(
            target ->
                policies.computeIfPresent(
                    target,
                    (key, others) -> {
                      others.remove(policy.ref().name());
                      return others.isEmpty() ? null : others;
                    }));
    for (ObjectRef authentication : authentications(policy)) {
      dependants.computeIfPresent(
          authentication,
          (key, others) -> {
            others.remove(policy.ref());
            return others.isEmpty() ? null : others;
          });
    }
  }

  /** Name of the Server that is limited; no Server's name when the target is none. */
  private static String limitedServer(RateLimitFact limits) {
    return limits.target().isA(ObjectRef.Kind.SERVER) ? limits.target().name() : "";
  }

  private void removeWorkload(NamespaceState namespace, ObjectRef ref) {
    WorkloadState state = namespace.workloads.remove(ref);
    if (state == null) {
      return;
    }
    state.servers.values().forEach(server -> server.workloads.remove(state));
    state.tried.values().forEach(server -> server.workloads.remove(state));
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
      @Nullable NamespaceState namespace, ClientPolicyFact policy, Dirty dirty) {
    Target target = Target.of(policy).orElse(null);
    if (namespace == null || target == null) {
      return;
    }
    switch (target) {
      case Target.OneServer(String name) -> markServer(namespace, name, dirty);
      case Target.WholeNamespace whole -> {
        dirty.servers.addAll(namespace.servers.values());
        if (policy instanceof DenyPolicyFact) {
          namespace.invalidateDenials();
          dirty.unserved.addAll(namespace.workloads.values());
        }
      }
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

  private static Set<ObjectRef> authentications(ClientPolicyFact policy) {
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
      server.invalidate();
      for (WorkloadState workload : server.workloads) {
        for (PortState port : workload.watched.values()) {
          if (workload.servers.get(port.port) == server
              || workload.tried.get(port.port) == server) {
            ports.put(port, workload);
          }
        }
      }
    }
    for (WorkloadState workload : dirty.unserved) {
      for (PortState port : workload.watched.values()) {
        if (!workload.servers.containsKey(port.port) || !workload.tried.containsKey(port.port)) {
          ports.put(port, workload);
        }
      }
    }
    int touched = 0;
    for (Map.Entry<PortState, WorkloadState> entry : ports.entrySet()) {
      PortState port = entry.getKey();
      PortPolicy policy = policy(entry.getValue(), port.port);
      if (!port.policy.is(policy)) {
        port.policy = new EffectivePolicy(policy, generation);
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
    workload.tried.values().forEach(server -> server.workloads.remove(workload));
    List<ServerState> selecting = new ArrayList<>();
    boolean trial = false;
    for (ServerState server : namespace.serversByAge) {
      if (server.fact.selects(workload.fact)) {
        selecting.add(server);
        trial |= !World.ENFORCED.has(server.fact.mode());
      }
    }
    workload.servers = assign(World.ENFORCED, selecting, workload);
    workload.tried = trial ? assign(World.TRIAL, selecting, workload) : workload.servers;
    workload.servers.values().forEach(server -> server.workloads.add(workload));
    workload.tried.values().forEach(server -> server.workloads.add(workload));
  }

  private static Map<Integer, ServerState> assign(
      World world, List<ServerState> selecting, WorkloadState workload) {
    Map<Integer, ServerState> assigned = new TreeMap<>();
    for (ServerState server : selecting) {
      if (!world.has(server.fact.mode())) {
        continue;
      }
      Set<Integer> claimed =
          switch (server.fact.port()) {
            case ServerFact.Port.ByNumber(int number) -> Set.of(number);
            case ServerFact.Port.ByName(String name) -> workload.fact.portsNamed(name);
          };
      for (int port : claimed) {
        assigned.putIfAbsent(port, server);
      }
    }
    return assigned;
  }

  // --- Policies ---

  /** The policy of a port in both worlds. */
  private PortPolicy policy(WorkloadState workload, int port) {
    WorldPolicy enforced = policy(World.ENFORCED, workload, port);
    if (!enforced.leftOut() && workload.servers.get(port) == workload.tried.get(port)) {
      return enforced.alone();
    }
    return enforced.with(policy(World.TRIAL, workload, port));
  }

  private WorldPolicy policy(World world, WorkloadState workload, int port) {
    ServerState server = workload.servers(world).get(port);
    if (server == null) {
      NamespaceState namespace =
          Objects.requireNonNull(namespaces.get(workload.fact.ref().namespace()));
      DefaultPort key =
          new DefaultPort(
              workload.settings.policyOf(port),
              workload.settings.opaquePorts().contains(port),
              workload.fact.probePaths(port),
              namespace.denials(world, grants, facts::get));
      WorldPolicy known = defaultMessages.get(key);
      if (known == null) {
        if (defaultMessages.size() >= MAX_DEFAULT_MESSAGES) {
          defaultMessages.clear();
        }
        known = defaultPolicy(key);
        defaultMessages.put(key, known);
      }
      return known;
    }
    List<String> probes =
        Messages.hasHttpRoutes(server.fact.protocol())
            ? workload.fact.probePaths(port)
            : List.<String>of();
    return server.policy(world, probes, () -> serverPolicy(world, server.fact, probes));
  }

  private WorldPolicy defaultPolicy(DefaultPort port) {
    List<HttpRoute> routes = new ArrayList<>();
    routes.add(Messages.defaultHttpRoute());
    Messages.probeRoute(grants.probe(), port.probes()).ifPresent(routes::add);
    return new WorldPolicy(
        Messages.server(
            Messages.protocol(
                port.opaque() ? ProxyProtocol.OPAQUE : ProxyProtocol.UNKNOWN,
                routes,
                List.of(),
                null),
            grants.of(port.policy()).stream().toList(),
            port.denials().authz(),
            "",
            "default",
            port.policy().wireName()),
        port.denials().objects(),
        port.denials().leftOut());
  }

  private WorldPolicy serverPolicy(World world, ServerFact server, List<String> probes) {
    NamespaceState namespace = Objects.requireNonNull(namespaces.get(server.ref().namespace()));
    return new ServerAssembly(world, namespace, grants, facts::get).assemble(server, probes);
  }

  /** What must be worked out again. */
  private static final class Dirty {
    final Set<WorkloadState> workloads = new LinkedHashSet<>();
    final Set<ServerState> servers = new LinkedHashSet<>();

    /** Those whose ports without a Server have another policy. */
    final Set<WorkloadState> unserved = new LinkedHashSet<>();
  }

  /**
   * All that a port without Server depends on.
   *
   * @param policy default policy in force
   * @param opaque whether its bytes are looked at
   * @param probes probe paths on it
   * @param denials denials of the namespace
   */
  private record DefaultPort(
      AccessPolicy policy, boolean opaque, List<String> probes, NamespaceState.Denials denials) {}
}
