package io.signetmesh.proxy.node.socket;

import io.signetmesh.proxy.node.WorkloadStatus;
import io.signetmesh.v1.WorkloadCondition;
import io.signetmesh.v1.WorkloadState;
import io.signetmesh.v1.WorkloadStates;
import java.util.List;

/** States of workloads as messages. */
final class States {
  /** Longest reason, in characters: a message has room for it. */
  private static final int MAX_REASON = 2048;

  private States() {}

  static WorkloadState of(WorkloadStatus status) {
    int slash = status.name().indexOf('/');
    String reason = status.reason();
    return WorkloadState.newBuilder()
        .setNamespace(status.name().substring(0, slash))
        .setName(status.name().substring(slash + 1))
        .setCondition(
            switch (status.state()) {
              case WAITING -> WorkloadCondition.WORKLOAD_CONDITION_WAITING;
              case READY -> WorkloadCondition.WORKLOAD_CONDITION_READY;
              case DRAINING -> WorkloadCondition.WORKLOAD_CONDITION_DRAINING;
              case FAILED -> WorkloadCondition.WORKLOAD_CONDITION_FAILED;
              case GONE -> WorkloadCondition.WORKLOAD_CONDITION_GONE;
            })
        .setReason(reason.length() > MAX_REASON ? reason.substring(0, MAX_REASON) : reason)
        .build();
  }

  static WorkloadStates of(List<WorkloadStatus> all) {
    WorkloadStates.Builder states = WorkloadStates.newBuilder();
    all.forEach(each -> states.addStates(of(each)));
    return states.build();
  }
}
