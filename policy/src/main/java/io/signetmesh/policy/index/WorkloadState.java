package io.signetmesh.policy.index;

import io.signetmesh.policy.facts.WorkloadFact;
import java.util.ArrayList;
import java.util.List;
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

  List<Conflict> conflicts = new ArrayList<>();
  final Map<Integer, PortState> watched = new TreeMap<>();

  WorkloadState(WorkloadFact fact, WorkloadSettings settings) {
    this.fact = fact;
    this.settings = settings;
  }

  /** The Servers of its ports in a world. */
  Map<Integer, ServerState> servers(World world) {
    return world == World.ENFORCED ? servers : tried;
  }

  /**
   * Two Servers claim a port.
   *
   * @param port the port
   * @param winner the older Server, which has it
   * @param loser the younger one
   */
  record Conflict(int port, ServerState winner, ServerState loser) {}
}
