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
  Map<Integer, ServerState> servers = new TreeMap<>();
  List<Conflict> conflicts = new ArrayList<>();
  final Map<Integer, PortState> watched = new TreeMap<>();

  WorkloadState(WorkloadFact fact, WorkloadSettings settings) {
    this.fact = fact;
    this.settings = settings;
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
