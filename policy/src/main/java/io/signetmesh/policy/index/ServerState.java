package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.policy.facts.ServerFact;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A Server, the workloads that it has ports of, and its messages as far as someone asked. */
final class ServerState {
  ServerFact fact;
  final Set<WorkloadState> workloads = new LinkedHashSet<>();

  /** Messages by the probe paths of the port: ports that are alike share one. */
  final Map<List<String>, Server> messages = new HashMap<>();

  ServerState(ServerFact fact) {
    this.fact = fact;
  }
}
