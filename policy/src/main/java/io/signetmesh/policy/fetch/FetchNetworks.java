package io.signetmesh.policy.fetch;

import io.signetmesh.crds.network.Cidr;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Addresses that documents may be fetched from: those of the internet, and networks that the
 * operator names. Whoever may write an authentication could else make the controller ask servers
 * that only it can reach. The special networks are those of the IANA registries (RFC 6890).
 */
public final class FetchNetworks {
  private static final List<Cidr> SPECIAL_IPV4 =
      cidrs(
          "0.0.0.0/8", // this network
          "10.0.0.0/8", // private
          "100.64.0.0/10", // shared
          "127.0.0.0/8", // loopback
          "169.254.0.0/16", // link-local, with the metadata services of clouds
          "172.16.0.0/12", // private
          "192.0.0.0/24", // protocol assignments
          "192.0.2.0/24", // documentation
          "192.88.99.0/24", // relays
          "192.168.0.0/16", // private
          "198.18.0.0/15", // benchmarks
          "198.51.100.0/24", // documentation
          "203.0.113.0/24", // documentation
          "224.0.0.0/4", // multicast
          "240.0.0.0/4"); // reserved, broadcast

  /** All that is not here is special: loopback, unique-local, link-local, multicast and others. */
  private static final Cidr GLOBAL_IPV6 = Cidr.parse("2000::/3");

  private static final List<Cidr> SPECIAL_IPV6 =
      cidrs(
          "2001::/23", // protocol assignments, tunnels
          "2001:db8::/32", // documentation
          "2002::/16", // IPv4 by way of relays
          "3fff::/20"); // documentation

  /** IPv4 addresses as IPv6 networks translate them (RFC 6052). */
  private static final Cidr TRANSLATED = Cidr.parse("64:ff9b::/96");

  private final List<Cidr> allowed;

  /**
   * @param allowed networks that are taken besides the internet
   */
  public FetchNetworks(List<Cidr> allowed) {
    this.allowed = List.copyOf(allowed);
  }

  /** Whether documents may be fetched from an address. */
  public boolean allow(InetAddress address) {
    byte[] bytes = address.getAddress();
    if (isIn(allowed, bytes)) {
      return true;
    }
    if (bytes.length == 4) {
      return !isIn(SPECIAL_IPV4, bytes);
    }
    if (TRANSLATED.contains(bytes)) {
      return !isIn(SPECIAL_IPV4, Arrays.copyOfRange(bytes, 12, 16));
    }
    return GLOBAL_IPV6.contains(bytes) && !isIn(SPECIAL_IPV6, bytes);
  }

  private static boolean isIn(List<Cidr> networks, byte[] address) {
    return networks.stream().anyMatch(network -> network.contains(address));
  }

  private static List<Cidr> cidrs(String... networks) {
    return Stream.of(networks).map(Cidr::parse).toList();
  }
}
