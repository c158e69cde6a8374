package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.effective.PolicyMode;
import io.signetmesh.policy.effective.PortPolicyMessages;
import io.signetmesh.policy.effective.WorkloadSettings;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * The effective inbound policy of every workload port, kept up to date as objects change.
 *
 * <p>A change is followed along the references between objects: from an authentication to the
 * policies that require it, from a policy to its target, from a target to Servers, from a Server to
 * the workloads whose ports it has. Only watched ports at the end of such a path are worked out
 * again. Only ports whose message differs take the new generation, and only their listeners are
 * told. Messages are deterministic: equal states are equal bytes. Ports that are alike share one
 * message.
 *
 * <p>Generations start at the Unix time in seconds at which the index was made and grow by one with
 * every change, so they grow over restarts too.
 *
 * <p>Safe for use by several threads.
 */
public final class PolicyIndex {
  private final ReentrantLock lock = new ReentrantLock();
  private final PolicyConfig config;
  private final ObjectGraph graph;
  private final PortAssembly policies;
  private long generation;

  /** An index without objects. */
  public PolicyIndex(PolicyConfig config, InstantSource clock) {
    this.config = config;
    this.graph = new ObjectGraph(config);
    this.policies = new PortAssembly(config, graph);
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
   * Applies a change as a whole. Objects that are equal to what is known change nothing. When none
   * differs, the generation stays.
   *
   * @param upserts objects that are new or differ
   * @param removals objects that are gone
   */
  public AppliedChange apply(
      Collection<? extends PolicyObject> upserts, Collection<ObjectRef> removals) {
    lock.lock();
    try {
      Map<ObjectRef, Optional<PolicyObject>> changes = new TreeMap<>();
      for (ObjectRef ref : removals) {
        if (graph.objects().containsKey(ref)) {
          changes.put(ref, Optional.empty());
        }
      }
      for (PolicyObject object : upserts) {
        if (object.equals(graph.objects().get(object.ref()))) {
          changes.remove(object.ref());
        } else {
          changes.put(object.ref(), Optional.of(object));
        }
      }
      if (changes.isEmpty()) {
        return new AppliedChange(generation, List.of(), 0, 0);
      }
      generation++;
      Affected affected = new Affected();
      changes.forEach((ref, object) -> graph.replace(ref, object.orElse(null), affected));
      return settle(affected, List.copyOf(changes.keySet()));
    } finally {
      lock.unlock();
    }
  }

  /** The policy of a port now; empty when there is no such workload. */
  public Optional<EffectivePolicy> policy(ObjectRef workload, int port) {
    lock.lock();
    try {
      WorkloadState state = graph.workload(workload);
      if (state == null) {
        return Optional.empty();
      }
      PortState watched = state.watched.get(port);
      return Optional.of(
          watched != null
              ? watched.policy
              : new EffectivePolicy(policies.of(state, port), generation));
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
    return watch(workload, port, listener, model -> {});
  }

  /**
   * Watches a port, if its workload passes a check.
   *
   * @param check called while the index is locked, so that the listener is told of each change
   *     after it; what it throws is thrown, and nothing is watched
   * @return closes the watch; empty when there is no such workload
   */
  public Optional<Watch> watch(
      ObjectRef workload, int port, PortListener listener, Consumer<WorkloadModel> check) {
    lock.lock();
    try {
      WorkloadState state = graph.workload(workload);
      if (state == null) {
        return Optional.empty();
      }
      check.accept(state.model);
      PortState watched =
          state.watched.computeIfAbsent(
              port,
              number ->
                  new PortState(
                      number, new EffectivePolicy(policies.of(state, number), generation)));
      watched.listeners.add(listener);
      listener.onPolicy(watched.policy);
      return Optional.of(() -> unwatch(workload, port, listener));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Follows a workload, and not its policy, if it passes a check.
   *
   * @param listener told that the workload is gone or on another node
   * @param check as for {@link #watch(ObjectRef, int, PortListener, Consumer)}
   * @return closes the watch; empty when there is no such workload
   */
  public Optional<Watch> follow(
      ObjectRef workload, PortListener listener, Consumer<WorkloadModel> check) {
    lock.lock();
    try {
      WorkloadState state = graph.workload(workload);
      if (state == null) {
        return Optional.empty();
      }
      check.accept(state.model);
      state.followers.add(listener);
      return Optional.of(() -> unfollow(workload, listener));
    } finally {
      lock.unlock();
    }
  }

  private void unfollow(ObjectRef workload, PortListener listener) {
    lock.lock();
    try {
      WorkloadState state = graph.workload(workload);
      if (state != null) {
        state.followers.remove(listener);
      }
    } finally {
      lock.unlock();
    }
  }

  /** The workload; empty when it is not known. */
  public Optional<WorkloadModel> workload(ObjectRef ref) {
    lock.lock();
    try {
      return Optional.ofNullable(graph.workload(ref)).map(state -> state.model);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Names of the JWTAuthentications that the policy of a watched port of the workload refers to,
   * enforced or in dry run; empty as well when there is no such workload.
   */
  public Set<String> tokens(ObjectRef workload) {
    lock.lock();
    try {
      WorkloadState state = graph.workload(workload);
      Set<String> names = new HashSet<>();
      if (state != null) {
        for (PortState port : state.watched.values()) {
          Server server = port.policy.server();
          server.getSignetJwtAuthenticationsList().forEach(one -> names.add(one.getName()));
          server
              .getSignetTrial()
              .getSignetJwtAuthenticationsList()
              .forEach(one -> names.add(one.getName()));
        }
      }
      return names;
    } finally {
      lock.unlock();
    }
  }

  /** Those of some authentications that a policy requires, whatever its target is. */
  public Set<ObjectRef> required(Collection<ObjectRef> authentications) {
    Set<ObjectRef> required = new HashSet<>();
    lock.lock();
    try {
      for (ObjectRef authentication : authentications) {
        if (graph.isRequired(authentication)) {
          required.add(authentication);
        }
      }
    } finally {
      lock.unlock();
    }
    return required;
  }

  /** Number of ports that are watched now. */
  public int watchedPorts() {
    lock.lock();
    try {
      return graph.namespaces().values().stream()
          .flatMap(namespace -> namespace.workloads.values().stream())
          .mapToInt(workload -> workload.watched.size())
          .sum();
    } finally {
      lock.unlock();
    }
  }

  /** The objects now. Takes a copy of all of them while changes wait: ask once for a generation. */
  public PolicySnapshot snapshot() {
    lock.lock();
    try {
      return new PolicySnapshot(generation, config, graph.objects());
    } finally {
      lock.unlock();
    }
  }

  /**
   * The objects that affect a port of a workload, watched or not. Takes its time; a change waits
   * for one namespace at most. So the answer may be of a later generation than the last snapshot.
   */
  public Set<ObjectRef> sources() {
    List<String> names;
    lock.lock();
    try {
      names = List.copyOf(graph.namespaces().keySet());
    } finally {
      lock.unlock();
    }
    Set<ObjectRef> sources = new HashSet<>();
    for (String name : names) {
      lock.lock();
      try {
        NamespaceState namespace = graph.namespaces().get(name);
        if (namespace != null && !namespace.workloads.isEmpty()) {
          policies.sources(namespace, sources);
        }
      } finally {
        lock.unlock();
      }
    }
    return sources;
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
      WorkloadState state = graph.workload(workload);
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

  // --- What follows from a change ---

  private AppliedChange settle(Affected affected, List<ObjectRef> objects) {
    Map<PortState, WorkloadState> ports = new LinkedHashMap<>();
    for (WorkloadState workload : affected.workloads) {
      NamespaceState namespace = graph.namespaces().get(workload.model.ref().namespace());
      if (namespace != null && namespace.workloads.get(workload.model.ref()) == workload) {
        assign(namespace, workload);
        workload.watched.values().forEach(port -> ports.put(port, workload));
      }
    }
    for (ServerState server : affected.servers) {
      server.invalidate();
      for (WorkloadState workload : server.workloads) {
        for (PortState port : workload.watched.values()) {
          if (workload.servers.get(port.port) == server
              || workload.dryRun.get(port.port) == server) {
            ports.put(port, workload);
          }
        }
      }
    }
    for (WorkloadState workload : affected.unserved) {
      for (PortState port : workload.watched.values()) {
        if (!workload.servers.containsKey(port.port) || !workload.dryRun.containsKey(port.port)) {
          ports.put(port, workload);
        }
      }
    }
    int touched = 0;
    for (Map.Entry<PortState, WorkloadState> entry : ports.entrySet()) {
      PortState port = entry.getKey();
      PortPolicyMessages policy = policies.of(entry.getValue(), port.port);
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
    workload.settings = WorkloadSettings.of(workload.model, namespace.annotations, config);
    workload.servers.values().forEach(server -> server.workloads.remove(workload));
    workload.dryRun.values().forEach(server -> server.workloads.remove(workload));
    List<ServerState> selecting = new ArrayList<>();
    boolean dryRun = false;
    for (ServerState server : namespace.serversByAge) {
      if (server.model.selects(workload.model)) {
        selecting.add(server);
        dryRun |= !PolicyMode.ENFORCED.includes(server.model.mode());
      }
    }
    workload.servers = assign(PolicyMode.ENFORCED, selecting, workload);
    workload.dryRun = dryRun ? assign(PolicyMode.DRY_RUN, selecting, workload) : workload.servers;
    workload.servers.values().forEach(server -> server.workloads.add(workload));
    workload.dryRun.values().forEach(server -> server.workloads.add(workload));
  }

  private static Map<Integer, ServerState> assign(
      PolicyMode mode, List<ServerState> selecting, WorkloadState workload) {
    Map<Integer, ServerState> assigned = new TreeMap<>();
    for (ServerState server : selecting) {
      if (!mode.includes(server.model.mode())) {
        continue;
      }
      Set<Integer> claimed =
          switch (server.model.port()) {
            case ServerModel.Port.ByNumber(int number) -> Set.of(number);
            case ServerModel.Port.ByName(String name) -> workload.model.portsNamed(name);
          };
      for (int port : claimed) {
        assigned.putIfAbsent(port, server);
      }
    }
    return assigned;
  }
}
