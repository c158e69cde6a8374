package io.signetmesh.identity.node;

import io.grpc.Status;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides who may speak for a workload in calls to the control plane: the workload itself, by its
 * own identity, or the node that the cluster places it on, by the node's identity. Everybody else
 * is refused. A node's identity counts as a node only, whatever a workload says of its identity.
 *
 * <p>A decision holds for one view of the cluster. Decide again when the workload has changed.
 */
public final class WorkloadAuthorizer {
  private final String controlPlaneNamespace;
  private final String trustDomain;

  /**
   * Creates an authorizer.
   *
   * @param controlPlaneNamespace namespace of the control plane, and of the identities of nodes
   * @param trustDomain the mesh's own trust domain; no caller of another one speaks for a workload
   */
  public WorkloadAuthorizer(String controlPlaneNamespace, String trustDomain) {
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
  }

  /**
   * A workload as the cluster knows it.
   *
   * @param name its kind and name, for messages
   * @param identities names, any of which its own certificate may have; empty when it has none
   * @param node name of the node that it is placed on; empty when it is on none
   */
  public record Subject(String name, List<String> identities, String node) {
    /** Copies the list. */
    public Subject {
      identities = List.copyOf(identities);
    }
  }

  /**
   * Whether a caller is a node: its certificate has a name that is reserved for nodes of this mesh.
   * Such a caller speaks for the workloads that are placed on it, and has no other rights in the
   * control plane.
   */
  public boolean isNode(Caller caller) {
    return caller instanceof Caller.Identified(PeerIdentity identity)
        && !identity.federated()
        && identity.names().stream().anyMatch(this::isReserved);
  }

  /**
   * Why a caller may not speak for a workload.
   *
   * @return null when it may
   */
  public @Nullable Status refusal(Caller caller, Subject subject) {
    return switch (caller) {
      case Caller.TrustedLocal() -> null;
      case Caller.Unidentified() ->
          Status.UNAUTHENTICATED.withDescription(caller + ": expected a workload's certificate");
      case Caller.Identified(PeerIdentity identity) -> refusal(caller, identity, subject);
    };
  }

  private @Nullable Status refusal(Caller caller, PeerIdentity identity, Subject subject) {
    if (isNode(caller)) {
      return ofNode(identity, subject);
    }
    List<String> own = subject.identities().stream().filter(name -> !isReserved(name)).toList();
    if (own.stream().anyMatch(caller::is)) {
      return null;
    }
    if (own.isEmpty()) {
      return denied(
          subject.name()
              + (subject.identities().isEmpty()
                  ? " has no identity"
                  : " has an identity that is reserved for nodes")
              + ", so no caller can be its proxy");
    }
    return denied(
        "caller is "
            + identity
            + ", and not "
            + subject.name()
            + ": expected "
            + WorkloadIdentity.printable(own.getFirst()));
  }

  private @Nullable Status ofNode(PeerIdentity identity, Subject subject) {
    if (subject.node().isEmpty()) {
      return denied("caller is " + identity + ", and " + subject.name() + " is on no node");
    }
    WorkloadIdentity expected;
    try {
      expected = NodeIdentity.of(subject.node(), controlPlaneNamespace, trustDomain);
    } catch (IllegalArgumentException e) {
      return denied(
          "caller is " + identity + ", and the node of " + subject.name() + ": " + e.getMessage());
    }
    // Exactly that node: a certificate with more names than the CA gives a node proves nothing.
    List<String> names = List.of(expected.dnsName(), expected.spiffeId());
    if (!identity.name().equals(expected.dnsName()) || !names.containsAll(identity.names())) {
      return denied(
          "caller is "
              + identity
              + ", and "
              + subject.name()
              + " is on node "
              + subject.node()
              + ": expected "
              + expected.dnsName());
    }
    return null;
  }

  /**
   * Refuses a caller that may not speak for a workload.
   *
   * @throws io.grpc.StatusRuntimeException PERMISSION_DENIED, with the reason; UNAUTHENTICATED when
   *     the caller has no certificate
   */
  public void require(Caller caller, Subject subject) {
    Status refusal = refusal(caller, subject);
    if (refusal != null) {
      throw refusal.asRuntimeException();
    }
  }

  private boolean isReserved(String name) {
    return NodeIdentity.isReserved(name, controlPlaneNamespace, trustDomain);
  }

  private static Status denied(String message) {
    return Status.PERMISSION_DENIED.withDescription(message);
  }
}
