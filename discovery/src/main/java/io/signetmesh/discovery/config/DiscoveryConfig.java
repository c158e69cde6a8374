package io.signetmesh.discovery.config;

import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.network.PortSet;
import java.util.List;

/**
 * What the answers of discovery depend on besides the cluster.
 *
 * @param controlPlaneNamespace namespace of this control plane; only its proxies are meshed peers
 * @param trustDomain identity trust domain, a DNS name
 * @param clusterDomain DNS domain of the cluster, without dots at its ends
 * @param clusterNetworks networks whose addresses belong to the cluster; what lies outside is
 *     forwarded as it is
 * @param defaultOpaquePorts ports that are opaque where neither service nor workload says anything
 * @param transportHeader whether meshed endpoints are reached at their proxy's inbound port with
 *     the transport header, and not at their own port only
 * @param http2Upgrade whether HTTP/1 may cross between proxies as HTTP/2
 * @param ipv6 whether endpoints with IPv6 addresses are announced; those that have both families
 *     are then announced with IPv6 only
 * @param allowRequestHeaders whether {@code l5d-*} request headers may override retries and
 *     timeouts
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

  /** The settings of a control plane that was not told otherwise. */
  public static DiscoveryConfig defaults(String controlPlaneNamespace, String trustDomain) {
    return new DiscoveryConfig(
        controlPlaneNamespace,
        trustDomain,
        "cluster.local",
        List.of(
            Cidr.parse("10.0.0.0/8"),
            Cidr.parse("100.64.0.0/10"),
            Cidr.parse("172.16.0.0/12"),
            Cidr.parse("192.168.0.0/16"),
            Cidr.parse("fd00::/8")),
        PortSet.parse("25,587,3306,4444,5432,6379,9300,11211"),
        true,
        true,
        false,
        false);
  }
}
