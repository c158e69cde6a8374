package io.signetmesh.proxy.authorize;

/**
 * Addresses as 128 bits: IPv6 unchanged, IPv4 mapped to ::ffff:0:0/96 (RFC 4291 2.5.5.2). So one
 * index serves both, and a client with an IPv4-mapped address is the IPv4 client.
 */
public final class IpBits {
  /** High 64 bits of a mapped IPv4 address. */
  public static final long MAPPED_HIGH = 0;

  private static final long MAPPED_LOW = 0x0000_ffff_0000_0000L;

  /** Number of bits before the IPv4 address in a mapped one. */
  public static final int MAPPED_PREFIX = 96;

  /** All of IPv4. */
  public static final Prefix IPV4 = new Prefix(MAPPED_HIGH, MAPPED_LOW, MAPPED_PREFIX);

  /** All of IPv6. */
  public static final Prefix IPV6 = new Prefix(0, 0, 0);

  private IpBits() {}

  static long toLong(byte[] bytes, int from) {
    long value = 0;
    for (int i = from; i < from + 8; i++) {
      value = value << 8 | (bytes[i] & 0xff);
    }
    return value;
  }

  /** Low 64 bits of an address of IPv4. */
  public static long mappedLow(byte[] ipv4) {
    long value = 0;
    for (byte b : ipv4) {
      value = value << 8 | (b & 0xff);
    }
    return MAPPED_LOW | value;
  }

  /** Low 64 bits of an address of IPv4. */
  public static long mappedLow(int ipv4) {
    return MAPPED_LOW | (ipv4 & 0xffff_ffffL);
  }

  /** Prefix length of the mapped network, 96 to 128, for an IPv4 prefix length of 0 to 32. */
  public static int mappedPrefix(int ipv4Prefix) {
    return MAPPED_PREFIX + ipv4Prefix;
  }

  /** Whether an address is a mapped IPv4 address. */
  public static boolean isIpv4(long high, long low) {
    return high == MAPPED_HIGH && low >>> 32 == MAPPED_LOW >>> 32;
  }

  /** Bit {@code index} from the left, 0 to 127. */
  public static int bit(long high, long low, int index) {
    return (int) (index < 64 ? high >>> (63 - index) : low >>> (127 - index)) & 1;
  }

  /** Whether an address is in a network. */
  public static boolean matches(long high, long low, Prefix prefix) {
    return ((high ^ prefix.high()) & highMask(prefix.length())) == 0
        && ((low ^ prefix.low()) & lowMask(prefix.length())) == 0;
  }

  static long highMask(int length) {
    return length >= 64 ? -1L : length == 0 ? 0 : -1L << (64 - length);
  }

  static long lowMask(int length) {
    return length <= 64 ? 0 : length >= 128 ? -1L : -1L << (128 - length);
  }

  /**
   * A network.
   *
   * @param high high bits, zero beyond the length
   * @param low low bits, zero beyond the length
   * @param length 0 to 128
   */
  public record Prefix(long high, long low, int length) {
    public Prefix {
      high &= highMask(length);
      low &= lowMask(length);
    }

    /** Whether all addresses of the network are IPv4 addresses. */
    public boolean isIpv4() {
      return length >= MAPPED_PREFIX && IpBits.isIpv4(high, low);
    }

    /** Whether this network contains all of another one. */
    public boolean contains(Prefix other) {
      return length <= other.length && matches(other.high, other.low, this);
    }
  }
}
