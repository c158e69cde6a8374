package io.signetmesh.identity.channel;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/**
 * The addresses that one host has at hand: the address in IPv4, its /64 in IPv6.
 *
 * @param ipv6 whether the prefix is one of IPv6
 * @param prefix the address in IPv4, its first 64 bits in IPv6
 */
record AddressBlock(boolean ipv6, long prefix) {
  static AddressBlock of(InetAddress address) {
    ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
    return bytes.remaining() == Integer.BYTES
        ? new AddressBlock(false, bytes.getInt())
        : new AddressBlock(true, bytes.getLong());
  }
}
