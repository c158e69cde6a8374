package io.signetmesh.policy.index;

import io.signetmesh.policy.effective.AssembledPolicy;
import io.signetmesh.policy.effective.PolicyMode;
import io.signetmesh.policy.model.ServerModel;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** A Server, the workloads whose ports it has, and its policies as far as somebody asked. */
final class ServerState {
  final ServerModel model;

  /** The workloads of which it has a port in either mode. */
  final Set<WorkloadState> workloads = new LinkedHashSet<>();

  private final Policies enforced = new Policies();
  private final Policies dryRun = new Policies();

  ServerState(ServerModel model) {
    this.model = model;
  }

  /** Whatever the Server's policy is made of has changed. */
  void invalidate() {
    enforced.invalidate();
    dryRun.invalidate();
  }

  /** The policy of ports with these probe paths: those that are alike share one. */
  AssembledPolicy policy(PolicyMode mode, List<String> probes, Supplier<AssembledPolicy> make) {
    return (mode == PolicyMode.ENFORCED ? enforced : dryRun).get(probes, make);
  }

  /**
   * The policy of any of its ports. They differ by their probes only, and come from the same
   * objects.
   */
  AssembledPolicy anyPolicy(PolicyMode mode, Supplier<AssembledPolicy> make) {
    Policies policies = mode == PolicyMode.ENFORCED ? enforced : dryRun;
    return policies.current.isEmpty()
        ? policies.get(List.of(), make)
        : policies.current.values().iterator().next();
  }

  /** The policies of a mode by probe paths. */
  private static final class Policies {
    private final Map<List<String>, AssembledPolicy> current = new HashMap<>(0);

    /** A policy that comes out as before is the same object, so that comparing ports is quick. */
    private final Map<List<String>, AssembledPolicy> former = new HashMap<>(0);

    void invalidate() {
      former.putAll(current);
      current.clear();
    }

    AssembledPolicy get(List<String> probes, Supplier<AssembledPolicy> make) {
      AssembledPolicy policy = current.get(probes);
      if (policy == null) {
        policy = make.get();
        AssembledPolicy before = former.remove(probes);
        if (before != null && before.isLike(policy)) {
          policy = before;
        }
        current.put(probes, policy);
      }
      return policy;
    }
  }
}
