package io.signetmesh.policy.index;

import io.signetmesh.policy.facts.ServerFact;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** A Server, the workloads that it has ports of, and its policies as far as someone asked. */
final class ServerState {
  final ServerFact fact;

  /** Those that it has a port of in either world. */
  final Set<WorkloadState> workloads = new LinkedHashSet<>();

  private final Policies enforced = new Policies();
  private final Policies tried = new Policies();

  ServerState(ServerFact fact) {
    this.fact = fact;
  }

  /** Whatever the Server's policy is made of has changed. */
  void invalidate() {
    enforced.invalidate();
    tried.invalidate();
  }

  /** The policy of ports with these probe paths: those that are alike share one. */
  WorldPolicy policy(World world, List<String> probes, Supplier<WorldPolicy> make) {
    return (world == World.ENFORCED ? enforced : tried).get(probes, make);
  }

  /** The policy of any of its ports: they differ by their probes, and are of the same objects. */
  WorldPolicy anyPolicy(World world, Supplier<WorldPolicy> make) {
    Policies policies = world == World.ENFORCED ? enforced : tried;
    return policies.current.isEmpty()
        ? policies.get(List.of(), make)
        : policies.current.values().iterator().next();
  }

  /** The policies of a world by probe paths. */
  private static final class Policies {
    private final Map<List<String>, WorldPolicy> current = new HashMap<>(0);

    /** A policy that comes out as before is the same object, so that comparing ports is quick. */
    private final Map<List<String>, WorldPolicy> former = new HashMap<>(0);

    void invalidate() {
      former.putAll(current);
      current.clear();
    }

    WorldPolicy get(List<String> probes, Supplier<WorldPolicy> make) {
      WorldPolicy policy = current.get(probes);
      if (policy == null) {
        policy = make.get();
        WorldPolicy before = former.remove(probes);
        if (before != null && before.isLike(policy)) {
          policy = before;
        }
        current.put(probes, policy);
      }
      return policy;
    }
  }
}
