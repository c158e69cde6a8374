package io.signetmesh.discovery.caller;

import io.grpc.Status;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.PeerWorkload;
import io.signetmesh.discovery.topology.Topology;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.node.WorkloadAuthorizer;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Checks what a request claims about its caller against the identity in the caller's certificate.
 * For a claim that names a Pod or an ExternalWorkload, the identity must be that workload's, or
 * that of the node that the Pod is placed on. For a claim that names only a namespace, the identity
 * must be of that namespace; nodes cannot make such a claim.
 */
public final class CallerCheck {
  private final String controlPlaneNamespace;
  private final String trustDomain;
  private final WorkloadAuthorizer authorizer;

  /**
   * Creates a check.
   *
   * @param controlPlaneNamespace namespace of the control plane, a part of the identities
   * @param trustDomain trust domain, a part of the identities
   */
  public CallerCheck(String controlPlaneNamespace, String trustDomain) {
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
    this.authorizer = new WorkloadAuthorizer(controlPlaneNamespace, trustDomain);
  }

  /** Whether a caller speaks for workloads as their node, see {@link NodeStreams}. */
  boolean isNode(Caller caller) {
    return authorizer.isNode(caller);
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
      case Caller.Identified(PeerIdentity identity) -> verify(caller, identity, claim, topology);
      case Caller.Unidentified() ->
          throw Status.UNAUTHENTICATED
              .withDescription(caller + ": expected a workload's certificate")
              .asRuntimeException();
    };
  }

  private Client verify(
      Caller caller, PeerIdentity identity, CallerClaim claim, Topology topology) {
    String pod = claim.pod();
    if (pod != null) {
      ObjectKey key = new ObjectKey(claim.namespace(), pod);
      require(caller, identity, "pod " + key, topology.pod(key));
      return client(claim, topology, claim.namespace());
    }
    String external = claim.externalWorkload();
    if (external != null) {
      ObjectKey key = new ObjectKey(claim.namespace(), external);
      require(caller, identity, "external workload " + key, topology.externalWorkload(key));
      return client(claim, topology, claim.namespace());
    }
    if (authorizer.isNode(caller)) {
      throw denied(
          "caller " + identity + " is a node: expected the name of a pod that is placed on it");
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

  private void require(
      Caller caller, PeerIdentity identity, String name, @Nullable PeerWorkload workload) {
    if (workload == null) {
      throw denied(name + " is not known, so " + identity + " cannot be its identity");
    }
    authorizer.require(
        caller, new WorkloadAuthorizer.Subject(name, identityOf(workload), workload.node()));
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
