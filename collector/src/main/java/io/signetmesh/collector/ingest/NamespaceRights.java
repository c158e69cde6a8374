package io.signetmesh.collector.ingest;

import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.node.NodeIdentity;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.Optional;

/**
 * What follows from identities alone, without a view of the cluster: a writer speaks for the
 * workloads of its own namespace, and a component in the namespace of the control plane delivers
 * acts. A node speaks for nobody: which workloads it has is not known here.
 *
 * @param controlPlaneNamespace namespace of the control plane
 * @param trustDomain the mesh's own trust domain
 */
public record NamespaceRights(String controlPlaneNamespace, String trustDomain)
    implements WriterRights {
  @Override
  public boolean speaksFor(Caller writer, String workload) {
    if (writer instanceof Caller.TrustedLocal) {
      return true;
    }
    int slash = workload.indexOf('/');
    return slash > 0
        && identity(writer)
            .filter(identity -> !NodeIdentity.isReserved(identity))
            .filter(identity -> identity.namespace().equals(workload.substring(0, slash)))
            .isPresent();
  }

  @Override
  public boolean isControlPlane(Caller writer) {
    return writer instanceof Caller.TrustedLocal
        || identity(writer)
            .filter(identity -> !NodeIdentity.isReserved(identity))
            .filter(identity -> identity.namespace().equals(controlPlaneNamespace))
            .isPresent();
  }

  private Optional<WorkloadIdentity> identity(Caller writer) {
    if (!(writer instanceof Caller.Identified(PeerIdentity peer)) || peer.federated()) {
      return Optional.empty();
    }
    try {
      WorkloadIdentity identity =
          peer.name().startsWith("spiffe:")
              ? WorkloadIdentity.parseSpiffeId(peer.name(), controlPlaneNamespace)
              : WorkloadIdentity.parseDnsName(peer.name());
      return identity.trustDomain().equals(trustDomain)
              && identity.controlPlaneNamespace().equals(controlPlaneNamespace)
          ? Optional.of(identity)
          : Optional.empty();
    } catch (IllegalArgumentException notOfAServiceAccount) {
      return Optional.empty();
    }
  }
}
