package io.signetmesh.cluster;

import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.network.PortSet;
import java.util.List;
import java.util.stream.Stream;

/**
 * Defaults of policy and discovery for a cluster without other settings. The values are Linkerd's.
 */
public final class ClusterDefaults {
  /** Private IPv4 networks (RFC 1918, RFC 6598), separated by commas. */
  public static final String IPV4_NETWORKS =
      "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16";

  /** Private IPv6 network (RFC 4193). */
  public static final String IPV6_NETWORKS = "fd00::/8";

  /**
   * Ports of protocols in which the server sends first, which cannot be detected; separated by
   * commas.
   */
  public static final String OPAQUE_PORTS = "25,587,3306,4444,5432,6379,9300,11211";

  private ClusterDefaults() {}

  /**
   * Networks whose addresses belong to the cluster: {@link #IPV4_NETWORKS} and {@link
   * #IPV6_NETWORKS}.
   */
  public static List<Cidr> clusterNetworks() {
    return Stream.of((IPV4_NETWORKS + "," + IPV6_NETWORKS).split(",", -1))
        .map(Cidr::parse)
        .toList();
  }

  /** The ports of {@link #OPAQUE_PORTS}. */
  public static PortSet opaquePorts() {
    return PortSet.parse(OPAQUE_PORTS);
  }
}
