package io.signetmesh.cli.controlplane;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.policy.effective.PolicyConfig;
import java.util.List;

/**
 * Settings that policy and discovery share.
 *
 * @param names names in the identities of the mesh
 * @param networks networks whose addresses belong to the cluster
 * @param defaultPolicy policy of ports that no Server selects
 * @param probeNetworks networks from which probes are allowed without an authorization; empty
 *     allows none
 * @param opaquePorts ports that are opaque where no annotation says otherwise
 */
public record ClusterSettings(
    MeshNames names,
    List<Cidr> networks,
    AccessPolicy defaultPolicy,
    List<Cidr> probeNetworks,
    PortSet opaquePorts) {
  /** Copies the networks. */
  public ClusterSettings {
    networks = List.copyOf(networks);
    probeNetworks = List.copyOf(probeNetworks);
  }

  /** Settings with the probe networks and opaque ports of {@link PolicyConfig#defaults}. */
  public ClusterSettings(MeshNames names, List<Cidr> networks, AccessPolicy defaultPolicy) {
    this(names, networks, defaultPolicy, defaults(names));
  }

  private ClusterSettings(
      MeshNames names, List<Cidr> networks, AccessPolicy defaultPolicy, PolicyConfig defaults) {
    this(names, networks, defaultPolicy, defaults.probeNetworks(), defaults.defaultOpaquePorts());
  }

  private static PolicyConfig defaults(MeshNames names) {
    return PolicyConfig.defaults(names.controlPlaneNamespace(), names.trustDomain());
  }

  /** The settings of the policy controller. */
  public PolicyConfig policy() {
    return defaults(names)
        .withClusterNetworks(networks)
        .withDefaultPolicy(defaultPolicy)
        .withProbeNetworks(probeNetworks)
        .withDefaultOpaquePorts(opaquePorts);
  }

  /** The settings of the discovery server. */
  public DiscoveryConfig discovery() {
    DiscoveryConfig defaults =
        DiscoveryConfig.defaults(names.controlPlaneNamespace(), names.trustDomain());
    return new DiscoveryConfig(
        defaults.controlPlaneNamespace(),
        defaults.trustDomain(),
        defaults.clusterDomain(),
        networks,
        opaquePorts,
        defaults.transportHeader(),
        defaults.http2Upgrade(),
        defaults.ipv6(),
        defaults.allowRequestHeaders());
  }
}
