package io.signetmesh.proxy.memory;

import java.net.Inet6Address;
import java.net.InetAddress;

/**
 * The network that stands for a client without identity: its IPv4 address, or the /64 of its IPv6
 * address, because a client usually has all addresses of a /64 (RFC 6177 2).
 *
 * @param ipv6 whether it is an IPv6 /64
 * @param bits the IPv4 address, or the high 64 bits of the IPv6 address
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
