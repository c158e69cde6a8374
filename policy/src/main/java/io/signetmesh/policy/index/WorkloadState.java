package io.signetmesh.policy.index;

import io.signetmesh.policy.facts.WorkloadFact;
import java.util.Map;
import java.util.TreeMap;

/** A workload and the Servers that took its ports. */
final class WorkloadState {
  WorkloadFact fact;
  WorkloadSettings settings;

  /** Servers of its ports in the enforced world. */
  Map<Integer, ServerState> servers = new TreeMap<>();

  /** Servers of its ports in the trial world; the same map when no Server is tried on it. */
  Map<Integer, ServerState> tried = servers;

  final Map<Integer, PortState> watched = new TreeMap<>();

  WorkloadState(WorkloadFact fact, WorkloadSettings settings) {
    this.fact = fact;
    this.settings = settings;
  }

  /** The Servers of its ports in a world. */
  Map<Integer, ServerState> servers(World world) {
    return world == World.ENFORCED ? servers : tried;
  }
}
