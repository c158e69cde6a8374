package io.signetmesh.cli.host;

import io.signetmesh.identity.pki.WorkloadIdentity;

/**
 * The two names that are part of every identity of a mesh.
 *
 * @param controlPlaneNamespace namespace of the control plane
 * @param trustDomain trust domain, a DNS name
 */
public record MeshNames(String controlPlaneNamespace, String trustDomain) {
  /** As Linkerd has them when nothing else is said. */
  public static final MeshNames DEFAULT = new MeshNames("linkerd", "cluster.local");

  /** Identity of a service account. */
  public WorkloadIdentity identity(String namespace, String serviceAccount) {
    return new WorkloadIdentity(serviceAccount, namespace, controlPlaneNamespace, trustDomain);
  }

  /** Identity of the CA's server. */
  public WorkloadIdentity identityServer() {
    return identity(controlPlaneNamespace, "linkerd-identity");
  }

  /** Identity of the discovery server. */
  public WorkloadIdentity discoveryServer() {
    return identity(controlPlaneNamespace, "linkerd-destination");
  }

  /** Identity of the policy controller, which Linkerd runs beside discovery. */
  public WorkloadIdentity policyServer() {
    return discoveryServer();
  }
}
