package io.signetmesh.policy.index;

import io.signetmesh.policy.effective.PolicyMode;
import io.signetmesh.policy.effective.WorkloadSettings;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/** A workload and the Servers that took its ports. */
final class WorkloadState {
  WorkloadModel model;
  WorkloadSettings settings;

  /** Servers of its ports in the enforced policy. */
  Map<Integer, ServerState> servers = new TreeMap<>();

  /** Servers of its ports in dry run; the same map when no Server that selects it is a dry run. */
  Map<Integer, ServerState> dryRun = servers;

  final Map<Integer, PortState> watched = new TreeMap<>();

  /** Told of the workload itself, and of no policy. */
  final Set<PortListener> followers = new LinkedHashSet<>();

  WorkloadState(WorkloadModel model, WorkloadSettings settings) {
    this.model = model;
    this.settings = settings;
  }

  void tell(Consumer<PortListener> news) {
    watched.values().forEach(port -> port.listeners.forEach(news));
    followers.forEach(news);
  }

  /** The Servers of its ports in a mode. */
  Map<Integer, ServerState> servers(PolicyMode mode) {
    return mode == PolicyMode.ENFORCED ? servers : dryRun;
  }
}
