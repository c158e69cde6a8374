package io.signetmesh.discovery.caller;

import io.grpc.Status;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.PeerWorkload;
import io.signetmesh.discovery.topology.Topology;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Checks what a request claims about its caller against the identity in the caller's certificate.
 * For a claim that names a Pod or an ExternalWorkload, the identity must be that workload's. For a
 * claim that names only a namespace, the identity must be of that namespace.
 */
public final class CallerCheck {
  private final String controlPlaneNamespace;
  private final String trustDomain;

  /**
   * Creates a check.
   *
   * @param controlPlaneNamespace namespace of the control plane, a part of the identities
   * @param trustDomain trust domain, a part of the identities
   */
  public CallerCheck(String controlPlaneNamespace, String trustDomain) {
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
  }

  /**
   * Verifies a claim.
   *
   * @return the caller
   * @throws io.grpc.StatusRuntimeException PERMISSION_DENIED when the claim is false;
   *     UNAUTHENTICATED when the caller has no certificate
   */
  public Client verify(Caller caller, CallerClaim claim, Topology topology) {
    return switch (caller) {
      case Caller.TrustedLocal() -> client(claim, topology, claim.namespace());
      case Caller.Identified(PeerIdentity identity) -> verify(identity, claim, topology);
      case Caller.Unidentified() ->
          throw Status.UNAUTHENTICATED
              .withDescription(caller + ": expected a workload's certificate")
              .asRuntimeException();
    };
  }

  private Client verify(PeerIdentity identity, CallerClaim claim, Topology topology) {
    String name = claim.pod();
    if (name != null) {
      ObjectKey key = new ObjectKey(claim.namespace(), name);
      PeerWorkload pod = topology.pod(key);
      if (pod == null) {
        throw denied("pod " + key + " is not known, so " + identity + " cannot be its identity");
      }
      requireSame(identity, "pod " + key, identityOf(pod));
      return client(claim, topology, claim.namespace());
    }
    String external = claim.externalWorkload();
    if (external != null) {
      ObjectKey key = new ObjectKey(claim.namespace(), external);
      PeerWorkload workload = topology.externalWorkload(key);
      if (workload == null) {
        throw denied(
            "external workload "
                + key
                + " is not known, so "
                + identity
                + " cannot be its identity");
      }
      requireSame(identity, "external workload " + key, identityOf(workload));
      return client(claim, topology, claim.namespace());
    }
    String namespace = claim.namespace();
    List<String> own = namespacesOf(identity, topology);
    if (namespace.isEmpty()) {
      return new Client(own.isEmpty() ? "" : own.getFirst(), "", "");
    }
    if (!own.contains(namespace)) {
      throw denied(
          "caller " + identity + " claims namespace \"" + namespace + "\": expected one of " + own);
    }
    return client(claim, topology, namespace);
  }

  private List<String> namespacesOf(PeerIdentity identity, Topology topology) {
    for (String name : identity.names()) {
      WorkloadIdentity workload = parse(name);
      if (workload != null
          && workload.trustDomain().equals(trustDomain)
          && workload.controlPlaneNamespace().equals(controlPlaneNamespace)) {
        return List.of(workload.namespace());
      }
    }
    return identity.names().stream()
        .flatMap(name -> topology.externalWorkloadsWithIdentity(name).stream())
        .map(workload -> workload.ref().namespace())
        .distinct()
        .toList();
  }

  private @Nullable WorkloadIdentity parse(String name) {
    try {
      return name.startsWith("spiffe://")
          ? WorkloadIdentity.parseSpiffeId(name, controlPlaneNamespace)
          : WorkloadIdentity.parseDnsName(name);
    } catch (IllegalArgumentException notOurForm) {
      return null;
    }
  }

  /** Names that the certificate of a workload carries; empty when it has no identity. */
  private List<String> identityOf(PeerWorkload workload) {
    if (workload.ref().kind() == WorkloadRef.Kind.EXTERNAL_WORKLOAD) {
      PeerWorkload.Mesh mesh = workload.mesh();
      return mesh == null || mesh.external() == null
          ? List.of()
          : List.of(mesh.external().identity());
    }
    WorkloadIdentity identity;
    try {
      identity =
          new WorkloadIdentity(
              workload.serviceAccount(),
              workload.ref().namespace(),
              controlPlaneNamespace,
              trustDomain);
    } catch (IllegalArgumentException notAName) {
      return List.of();
    }
    return List.of(identity.dnsName(), identity.spiffeId());
  }

  private static void requireSame(PeerIdentity identity, String what, List<String> expected) {
    if (expected.stream().noneMatch(identity::matches)) {
      throw denied(
          "caller " + identity + " claims to be " + what + ": expected one of " + expected);
    }
  }

  private static Client client(CallerClaim claim, Topology topology, String namespace) {
    String pod = claim.pod();
    PeerWorkload known = pod == null ? null : topology.pod(new ObjectKey(namespace, pod));
    // What the cluster says about a pod's node comes before what the pod says.
    String node = known == null || known.node().isEmpty() ? claim.node() : known.node();
    return new Client(namespace, node, topology.zoneOf(node));
  }

  private static RuntimeException denied(String message) {
    return Status.PERMISSION_DENIED.withDescription(message).asRuntimeException();
  }

  /**
   * A caller whose claim is true.
   *
   * @param namespace its namespace; empty when unknown
   * @param node its node; empty when unknown
   * @param zone zone of the node; empty when unknown
   */
  public record Client(String namespace, String node, String zone) {}
}
