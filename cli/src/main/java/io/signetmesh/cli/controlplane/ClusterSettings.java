package io.signetmesh.cli.controlplane;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.discovery.DiscoveryConfig;
import io.signetmesh.discovery.topology.IpNetwork;
import io.signetmesh.policy.index.PolicyConfig;
import java.util.List;

/**
 * What policy and discovery have to agree on.
 *
 * @param names names in the identities of the mesh
 * @param networks networks whose addresses belong to the cluster
 * @param defaultPolicy what holds for ports that no Server selects
 */
public record ClusterSettings(MeshNames names, List<Cidr> networks, AccessPolicy defaultPolicy) {
  /** Copies the networks. */
  public ClusterSettings {
    networks = List.copyOf(networks);
  }

  /** For the policy controller. */
  public PolicyConfig policy() {
    return PolicyConfig.defaults(names.controlPlaneNamespace(), names.trustDomain())
        .withClusterNetworks(networks)
        .withDefaultPolicy(defaultPolicy);
  }

  /** For discovery. */
  public DiscoveryConfig discovery() {
    DiscoveryConfig defaults =
        DiscoveryConfig.defaults(names.controlPlaneNamespace(), names.trustDomain());
    return new DiscoveryConfig(
        defaults.controlPlaneNamespace(),
        defaults.trustDomain(),
        defaults.clusterDomain(),
        networks.stream().map(network -> IpNetwork.parse(network.toString())).toList(),
        defaults.defaultOpaquePorts(),
        defaults.transportHeader(),
        defaults.http2Upgrade(),
        defaults.ipv6(),
        defaults.allowRequestHeaders());
  }
}
