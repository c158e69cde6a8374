package io.signetmesh.cli.host;

import io.signetmesh.identity.pki.WorkloadIdentity;

/**
 * The two names that every identity of a mesh contains.
 *
 * @param controlPlaneNamespace namespace of the control plane
 * @param trustDomain trust domain, a DNS name
 */
public record MeshNames(String controlPlaneNamespace, String trustDomain) {
  /** Linkerd's defaults: {@code linkerd} and {@code cluster.local}. */
  public static final MeshNames DEFAULT = new MeshNames("linkerd", "cluster.local");

  /** Identity of a ServiceAccount. */
  public WorkloadIdentity identity(String namespace, String serviceAccount) {
    return new WorkloadIdentity(serviceAccount, namespace, controlPlaneNamespace, trustDomain);
  }

  /** Identity of the identity server. */
  public WorkloadIdentity identityServer() {
    return identity(controlPlaneNamespace, "linkerd-identity");
  }

  /** Identity of the discovery server. */
  public WorkloadIdentity discoveryServer() {
    return identity(controlPlaneNamespace, "linkerd-destination");
  }

  /**
   * Identity of the policy controller. Linkerd runs it in the destination Pod, under the same
   * identity.
   */
  public WorkloadIdentity policyServer() {
    return discoveryServer();
  }

  /** Identity of the audit collector. */
  public WorkloadIdentity auditCollector() {
    return identity(controlPlaneNamespace, "signet-audit");
  }
}
