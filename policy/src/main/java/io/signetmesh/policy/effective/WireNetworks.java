package io.signetmesh.policy.effective;

import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import java.nio.ByteBuffer;

/** Networks as they go over the wire. */
public final class WireNetworks {
  private WireNetworks() {}

  /** Whether all addresses of the inner network are in the outer one. */
  public static boolean contains(IPNetwork outer, IPNetwork inner) {
    if (outer.getIp().getIpCase() != inner.getIp().getIpCase()
        || outer.getPrefixLen() > inner.getPrefixLen()) {
      return false;
    }
    byte[] left = bytes(outer.getIp());
    byte[] right = bytes(inner.getIp());
    for (int bit = 0; bit < outer.getPrefixLen(); bit++) {
      int mask = 0x80 >> (bit & 7);
      if (((left[bit >> 3] ^ right[bit >> 3]) & mask) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Whether an address is in both; networks are nested or apart. */
  public static boolean overlap(IPNetwork one, IPNetwork other) {
    return contains(one, other) || contains(other, one);
  }

  private static byte[] bytes(IPAddress address) {
    ByteBuffer buffer = ByteBuffer.allocate(16);
    if (address.hasIpv6()) {
      buffer.putLong(address.getIpv6().getFirst()).putLong(address.getIpv6().getLast());
    } else {
      buffer.putInt(address.getIpv4());
    }
    return buffer.array();
  }
}
