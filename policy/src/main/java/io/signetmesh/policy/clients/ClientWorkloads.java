package io.signetmesh.policy.clients;

import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Workload;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.net.InetAddress;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Finds the workload that an operator means by a client's identity or address. An address proves
 * nothing, so no decision may depend on the answer.
 */
public final class ClientWorkloads {
  private final ClusterView view;
  private final Function<ObjectRef, Optional<WorkloadModel>> known;

  /**
   * @param view the workloads
   * @param known what policy knows of a workload; empty for one without proxy
   */
  public ClientWorkloads(ClusterView view, Function<ObjectRef, Optional<WorkloadModel>> known) {
    this.view = view;
    this.known = known;
  }

  /** The first workload that has an address and that identity. */
  public Optional<ClientWorkload> withIdentity(String identity) {
    return view.workloads().stream()
        .filter(workload -> !workload.ips().isEmpty() && identity.equals(identity(workload)))
        .findFirst()
        .map(workload -> new ClientWorkload(workload.ref(), workload.ips().getFirst(), identity));
  }

  /** The first workload that runs and has the address to itself. */
  public Optional<ClientWorkload> at(InetAddress ip) {
    return view.workloadsByIp(ip).stream()
        .filter(Workload::running)
        .findFirst()
        .map(workload -> new ClientWorkload(workload.ref(), ip, identity(workload)));
  }

  private @Nullable String identity(Workload workload) {
    return known.apply(PolicyModel.refOf(workload.ref())).map(WorkloadModel::identity).orElse(null);
  }
}
