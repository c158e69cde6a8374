package io.signetmesh.discovery.config;

import io.signetmesh.cluster.ClusterDefaults;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.network.PortSet;
import java.util.List;

/**
 * Settings on which the answers of discovery depend, besides the cluster.
 *
 * @param controlPlaneNamespace namespace of this control plane; only proxies that belong to it are
 *     meshed peers
 * @param trustDomain trust domain of identities, a DNS name
 * @param clusterDomain DNS domain of the cluster, without leading and trailing dots
 * @param clusterNetworks networks whose addresses belong to the cluster; connections to other
 *     addresses are forwarded unchanged
 * @param defaultOpaquePorts ports that are opaque where neither the Service nor the workload says
 *     otherwise
 * @param transportHeader whether proxies connect to the inbound port of a meshed endpoint's proxy,
 *     with the transport header, instead of to the endpoint's own port
 * @param http2Upgrade whether proxies may carry HTTP/1 between them over HTTP/2
 * @param ipv6 whether IPv6 endpoints are announced; endpoints with both families are then announced
 *     with IPv6 only
 * @param allowRequestHeaders whether clients may override retries and timeouts with {@code l5d-*}
 *     request headers
 */
public record DiscoveryConfig(
    String controlPlaneNamespace,
    String trustDomain,
    String clusterDomain,
    List<Cidr> clusterNetworks,
    PortSet defaultOpaquePorts,
    boolean transportHeader,
    boolean http2Upgrade,
    boolean ipv6,
    boolean allowRequestHeaders) {

  /** Copies the networks. */
  public DiscoveryConfig {
    clusterNetworks = List.copyOf(clusterNetworks);
  }

  /** The default settings. */
  public static DiscoveryConfig defaults(String controlPlaneNamespace, String trustDomain) {
    return new DiscoveryConfig(
        controlPlaneNamespace,
        trustDomain,
        "cluster.local",
        ClusterDefaults.clusterNetworks(),
        ClusterDefaults.opaquePorts(),
        true,
        true,
        false,
        false);
  }
}
