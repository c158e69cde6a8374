package io.signetmesh.policy.facts;

import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.linkerd.proxy.net.IPv6;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.regex.Pattern;

/**
 * An IPv4 or IPv6 network. Host bits are cleared, so equal networks are equal records.
 *
 * @param v6 whether the network is IPv6
 * @param high the upper 64 bits of an IPv6 base address; 0 for IPv4
 * @param low the lower 64 bits of an IPv6 base address, or the 32 bits of an IPv4 one
 * @param prefix prefix length, 0 to 32 or 0 to 128
 */
public record IpNetwork(boolean v6, long high, long low, int prefix)
    implements Comparable<IpNetwork> {
  /** All IPv4 addresses. */
  public static final IpNetwork ALL_V4 = new IpNetwork(false, 0, 0, 0);

  /** All IPv6 addresses. */
  public static final IpNetwork ALL_V6 = new IpNetwork(true, 0, 0, 0);

  private static final Pattern V4 =
      Pattern.compile("(?:0|[1-9][0-9]{0,2})(?:\\.(?:0|[1-9][0-9]{0,2})){3}");
  private static final Comparator<IpNetwork> ORDER =
      Comparator.comparing(IpNetwork::v6)
          .thenComparing(IpNetwork::high, Long::compareUnsigned)
          .thenComparing(IpNetwork::low, Long::compareUnsigned)
          .thenComparingInt(IpNetwork::prefix);

  /** Clears host bits; refuses a prefix that the family does not have. */
  public IpNetwork {
    int bits = v6 ? 128 : 32;
    if (prefix < 0 || prefix > bits) {
      throw new IllegalArgumentException(
          "prefix length " + prefix + ": expected 0 to " + bits + " for " + (v6 ? "IPv6" : "IPv4"));
    }
    if (v6) {
      high &= mask(Math.min(prefix, 64));
      low &= mask(Math.max(prefix - 64, 0));
    } else {
      high = 0;
      low &= 0xffff_ffffL & (mask(prefix) >>> 32);
    }
  }

  /**
   * Reads a CIDR or a bare address. Nothing is looked up by name; short IPv4 forms, leading zeros,
   * zone indices and IPv4-mapped IPv6 addresses are refused.
   *
   * @throws IllegalArgumentException naming the text when it is not a network
   */
  public static IpNetwork parse(String text) {
    int slash = text.indexOf('/');
    String address = slash < 0 ? text : text.substring(0, slash);
    byte[] bytes = addressBytes(address);
    if (bytes == null) {
      throw malformed(text);
    }
    int bits = bytes.length * 8;
    int prefix = bits;
    if (slash >= 0) {
      String length = text.substring(slash + 1);
      if (!length.matches("0|[1-9][0-9]{0,2}") || Integer.parseInt(length) > bits) {
        throw malformed(text);
      }
      prefix = Integer.parseInt(length);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return bytes.length == 4
        ? new IpNetwork(false, 0, buffer.getInt() & 0xffff_ffffL, prefix)
        : new IpNetwork(true, buffer.getLong(), buffer.getLong(), prefix);
  }

  /** Whether every address of the other network is in this one. */
  public boolean contains(IpNetwork other) {
    return v6 == other.v6
        && prefix <= other.prefix
        && equals(new IpNetwork(v6, other.high, other.low, prefix));
  }

  /** The network as it goes over the wire. */
  public IPNetwork toWire() {
    IPAddress.Builder ip = IPAddress.newBuilder();
    if (v6) {
      ip.setIpv6(IPv6.newBuilder().setFirst(high).setLast(low));
    } else {
      ip.setIpv4((int) low);
    }
    return IPNetwork.newBuilder().setIp(ip).setPrefixLen(prefix).build();
  }

  @Override
  public int compareTo(IpNetwork other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    ByteBuffer bytes = ByteBuffer.allocate(v6 ? 16 : 4);
    if (v6) {
      bytes.putLong(high).putLong(low);
    } else {
      bytes.putInt((int) low);
    }
    try {
      return InetAddress.getByAddress(bytes.array()).getHostAddress() + "/" + prefix;
    } catch (java.net.UnknownHostException e) {
      throw new IllegalStateException("an address of 4 or 16 bytes", e);
    }
  }

  private static byte @org.jspecify.annotations.Nullable [] addressBytes(String address) {
    try {
      if (V4.matcher(address).matches()) {
        return Inet4Address.ofLiteral(address).getAddress();
      }
      if (address.indexOf(':') >= 0
          && address.indexOf('%') < 0
          && address.indexOf('[') < 0
          && Inet6Address.ofLiteral(address) instanceof Inet6Address ip) {
        return ip.getAddress();
      }
    } catch (IllegalArgumentException e) {
      return null;
    }
    return null;
  }

  private static IllegalArgumentException malformed(String text) {
    return new IllegalArgumentException(
        "network \"" + text + "\": expected an address or a CIDR such as 10.0.0.0/8 or fd00::/8");
  }

  private static long mask(int prefix) {
    return prefix == 0 ? 0 : -1L << (64 - prefix);
  }
}
