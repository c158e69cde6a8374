package io.signetmesh.policy.index;

import java.util.LinkedHashSet;
import java.util.Set;

/** What a change affects: all of it is worked out again. */
final class Affected {
  /** Workloads whose ports are assigned to Servers again. */
  final Set<WorkloadState> workloads = new LinkedHashSet<>();

  /** Servers whose policy is put together again. */
  final Set<ServerState> servers = new LinkedHashSet<>();

  /** Workloads whose ports without a Server have another policy. */
  final Set<WorkloadState> unserved = new LinkedHashSet<>();
}
