package io.signetmesh.identity.live;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/**
 * The block of addresses that one host typically controls: a single IPv4 address, or an IPv6 /64.
 *
 * @param ipv6 whether the prefix is an IPv6 prefix
 * @param prefix the IPv4 address, or the first 64 bits of the IPv6 address
 */
public record AddressBlock(boolean ipv6, long prefix) {
  /**
   * The block of a caller's address, {@code host:port}. Returns the text itself when it is not an
   * IP address, for instance a process.
   */
  public static Object ofText(String address) {
    int port = address.lastIndexOf(':');
    String host = port < 0 ? address : address.substring(0, port);
    try {
      return of(InetAddress.ofLiteral(host));
    } catch (IllegalArgumentException e) {
      return host;
    }
  }

  /** The block that contains an address. */
  public static AddressBlock of(InetAddress address) {
    ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
    return bytes.remaining() == Integer.BYTES
        ? new AddressBlock(false, bytes.getInt())
        : new AddressBlock(true, bytes.getLong());
  }
}
