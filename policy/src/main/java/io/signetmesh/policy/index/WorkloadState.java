package io.signetmesh.policy.index;

import io.signetmesh.policy.effective.PolicyMode;
import io.signetmesh.policy.effective.WorkloadSettings;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.Map;
import java.util.TreeMap;

/** A workload and the Servers that took its ports. */
final class WorkloadState {
  WorkloadModel model;
  WorkloadSettings settings;

  /** Servers of its ports in the enforced policy. */
  Map<Integer, ServerState> servers = new TreeMap<>();

  /** Servers of its ports in dry run; the same map when no Server that selects it is a dry run. */
  Map<Integer, ServerState> dryRun = servers;

  final Map<Integer, PortState> watched = new TreeMap<>();

  WorkloadState(WorkloadModel model, WorkloadSettings settings) {
    this.model = model;
    this.settings = settings;
  }

  /** The Servers of its ports in a mode. */
  Map<Integer, ServerState> servers(PolicyMode mode) {
    return mode == PolicyMode.ENFORCED ? servers : dryRun;
  }
}
