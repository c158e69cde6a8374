package io.signetmesh.proxy.memory;

import java.net.Inet6Address;
import java.net.InetAddress;

/**
 * What a client without identity is known by: its address in IPv4, and in IPv6 the /64, of which a
 * client usually has all addresses (RFC 6177 2).
 *
 * @param ipv6 whether it is a /64 of IPv6
 * @param bits the address of IPv4, or the high 64 bits of IPv6
 */
public record ClientNetwork(boolean ipv6, long bits) {
  /** The network of an address. */
  public static ClientNetwork of(InetAddress address) {
    byte[] bytes = address.getAddress();
    boolean ipv6 = address instanceof Inet6Address;
    long bits = 0;
    for (int i = 0; i < (ipv6 ? 8 : 4); i++) {
      bits = bits << 8 | (bytes[i] & 0xff);
    }
    return new ClientNetwork(ipv6, bits);
  }
}
