package io.signetmesh.crds.network;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Objects;

/**
 * A network: an IPv4 or IPv6 address with a prefix length (RFC 4632, RFC 4291). Host bits are
 * cleared, so that {@code 10.1.2.3/8} equals {@code 10.0.0.0/8}. An address without a length is a
 * network of that one host. Networks of different families never contain each other. IPv4-mapped
 * IPv6 addresses count as IPv4.
 */
public final class Cidr {
  private final byte[] address;
  private final int prefixLength;

  private Cidr(byte[] address, int prefixLength) {
    this.address = address;
    this.prefixLength = prefixLength;
  }

  /**
   * Parses {@code address/length} or {@code address}. Only literal addresses are valid, never host
   * names. Zones ({@code %eth0}) and the short forms of IPv4 ({@code 10.1}, octal, hexadecimal) are
   * invalid.
   *
   * @throws IllegalArgumentException when the text is not a network; the message quotes the text
   *     and says why
   */
  public static Cidr parse(String text) {
    int slash = text.indexOf('/');
    byte[] address = IpLiteral.parse(slash < 0 ? text : text.substring(0, slash));
    if (address == null) {
      throw new IllegalArgumentException(
          quoted(text)
              + " is not a network: expected an IPv4 or IPv6 address, or one with a prefix length (10.0.0.0/8, fd00::/8)");
    }
    int bits = address.length * 8;
    int length = bits;
    if (slash >= 0) {
      length = prefixLength(text.substring(slash + 1));
      if (length < 0 || length > bits) {
        throw new IllegalArgumentException(
            quoted(text)
                + " is not a network: prefix length "
                + quoted(text.substring(slash + 1))
                + " is not a number from 0 to "
                + bits);
      }
    }
    byte[] unmapped = IpLiteral.unmap(address);
    if (unmapped.length != address.length) {
      if (length < 96) {
        throw new IllegalArgumentException(
            quoted(text)
                + " is not a network: an IPv4-mapped address needs a prefix length of 96 to 128");
      }
      length -= 96;
    }
    return new Cidr(mask(unmapped, length), length);
  }

  /** The network of one host. */
  public static Cidr host(InetAddress address) {
    byte[] bytes = IpLiteral.unmap(address.getAddress());
    return new Cidr(bytes, bytes.length * 8);
  }

  /** Whether the address is in this network. */
  public boolean contains(InetAddress candidate) {
    return contains(candidate.getAddress());
  }

  /** Whether the address, 4 or 16 bytes in network byte order, is in this network. */
  public boolean contains(byte[] candidate) {
    byte[] bytes = IpLiteral.unmap(candidate);
    return bytes.length == address.length && samePrefix(bytes);
  }

  /** Whether every address of the other network is in this one; a network contains itself. */
  public boolean contains(Cidr other) {
    return other.address.length == address.length
        && other.prefixLength >= prefixLength
        && samePrefix(other.address);
  }

  /** Whether this is an IPv6 network. */
  public boolean isIpv6() {
    return address.length == 16;
  }

  /** Prefix length in bits: 0 to 32, or 0 to 128. */
  public int prefixLength() {
    return prefixLength;
  }

  /** First address of the network, in network byte order: 4 or 16 bytes. */
  public byte[] address() {
    return address.clone();
  }

  private boolean samePrefix(byte[] bytes) {
    int whole = prefixLength >>> 3;
    for (int i = 0; i < whole; i++) {
      if (bytes[i] != address[i]) {
        return false;
      }
    }
    int rest = prefixLength & 7;
    return rest == 0 || ((bytes[whole] ^ address[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
  }

  private static byte[] mask(byte[] address, int length) {
    byte[] masked = address.clone();
    for (int i = 0; i < masked.length; i++) {
      int keep = Math.clamp(length - i * 8L, 0, 8);
      masked[i] &= (byte) (0xff << (8 - keep));
    }
    return masked;
  }

  private static int prefixLength(String digits) {
    if (digits.isEmpty()
        || digits.length() > 3
        || (digits.length() > 1 && digits.charAt(0) == '0')) {
      return -1;
    }
    int value = 0;
    for (int i = 0; i < digits.length(); i++) {
      char digit = digits.charAt(i);
      if (digit < '0' || digit > '9') {
        return -1;
      }
      value = value * 10 + digit - '0';
    }
    return value;
  }

  private static String quoted(String text) {
    return text.length() <= 80 ? "\"" + text + "\"" : "\"" + text.substring(0, 80) + "...\"";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Cidr that
        && that.prefixLength == prefixLength
        && Arrays.equals(that.address, address);
  }

  @Override
  public int hashCode() {
    return Objects.hash(prefixLength, Arrays.hashCode(address));
  }

  /** {@code 10.0.0.0/8}: always with the prefix length. */
  @Override
  public String toString() {
    try {
      return InetAddress.getByAddress(address).getHostAddress() + "/" + prefixLength;
    } catch (UnknownHostException e) {
      throw new IllegalStateException("an address of " + address.length + " bytes", e);
    }
  }
}
