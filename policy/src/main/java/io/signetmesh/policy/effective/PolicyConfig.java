package io.signetmesh.policy.effective;

import io.signetmesh.cluster.ClusterDefaults;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.List;
import java.util.Optional;

/**
 * What policy means in this mesh, apart from its objects.
 *
 * @param controlPlaneNamespace namespace of the control plane, a part of every identity
 * @param trustDomain identity trust domain
 * @param clusterNetworks what the {@code cluster-*} default policies and ServerAuthorizations
 *     without networks mean
 * @param probeNetworks clients that may reach the probe paths of a workload without a grant; none
 *     switches probe routes off
 * @param defaultPolicy policy of ports that neither a Server nor an annotation speaks about
 * @param defaultOpaquePorts opaque ports of workloads that neither their own nor their namespace's
 *     annotation speaks about
 */
public record PolicyConfig(
    String controlPlaneNamespace,
    String trustDomain,
    List<Cidr> clusterNetworks,
    List<Cidr> probeNetworks,
    AccessPolicy defaultPolicy,
    PortSet defaultOpaquePorts) {
  /** Copies its lists; refuses an empty list of cluster networks, which would grant no one. */
  public PolicyConfig {
    clusterNetworks = List.copyOf(clusterNetworks);
    probeNetworks = List.copyOf(probeNetworks);
    if (clusterNetworks.isEmpty()) {
      throw new IllegalArgumentException("cluster networks: expected at least one network");
    }
  }

  /**
   * The product's defaults: private networks are the cluster, probes come from anywhere, the
   * well-known ports of protocols in which the server speaks first are opaque, and {@code deny}
   * holds where nothing else is said. Linkerd's own default is {@code all-unauthenticated}.
   */
  public static PolicyConfig defaults(String controlPlaneNamespace, String trustDomain) {
    return new PolicyConfig(
        controlPlaneNamespace,
        trustDomain,
        ClusterDefaults.clusterNetworks(),
        List.of(Cidr.parse("0.0.0.0/0"), Cidr.parse("::/0")),
        AccessPolicy.DENY,
        ClusterDefaults.opaquePorts());
  }

  /** The same with another default policy. */
  public PolicyConfig withDefaultPolicy(AccessPolicy policy) {
    return new PolicyConfig(
        controlPlaneNamespace,
        trustDomain,
        clusterNetworks,
        probeNetworks,
        policy,
        defaultOpaquePorts);
  }

  /** The same with other cluster networks. */
  public PolicyConfig withClusterNetworks(List<Cidr> networks) {
    return new PolicyConfig(
        controlPlaneNamespace,
        trustDomain,
        networks,
        probeNetworks,
        defaultPolicy,
        defaultOpaquePorts);
  }

  /** The same with other probe networks. */
  public PolicyConfig withProbeNetworks(List<Cidr> networks) {
    return new PolicyConfig(
        controlPlaneNamespace,
        trustDomain,
        clusterNetworks,
        networks,
        defaultPolicy,
        defaultOpaquePorts);
  }

  /** The same with other opaque ports. */
  public PolicyConfig withDefaultOpaquePorts(PortSet ports) {
    return new PolicyConfig(
        controlPlaneNamespace, trustDomain, clusterNetworks, probeNetworks, defaultPolicy, ports);
  }

  /** The identity of a service account. */
  public String identity(String serviceAccount, String namespace) {
    return serviceAccount + "." + identitySuffix(namespace);
  }

  /**
   * Why no certificate can be issued for a service account: its identity is no DNS name, or too
   * long for one; empty when one can.
   */
  public Optional<String> identityProblem(String serviceAccount, String namespace) {
    try {
      var unused =
          new WorkloadIdentity(serviceAccount, namespace, controlPlaneNamespace, trustDomain);
      return Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /** What the identities of all service accounts of a namespace end with. */
  public String identitySuffix(String namespace) {
    return namespace + ".serviceaccount.identity." + controlPlaneNamespace + "." + trustDomain;
  }
}
