package io.signetmesh.discovery.topology;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * An IP network in CIDR notation (RFC 4632, RFC 4291).
 *
 * @param base address, whose bits beyond the prefix are 0
 * @param prefixLength 0 to 32 or 128
 */
public record IpNetwork(InetAddress base, int prefixLength) {

  /** Refuses prefixes that are too long and addresses with bits beyond the prefix. */
  public IpNetwork {
    byte[] bytes = base.getAddress();
    if (prefixLength < 0 || prefixLength > bytes.length * 8) {
      throw new IllegalArgumentException(
          "prefix length " + prefixLength + ": expected 0 to " + bytes.length * 8);
    }
    if (!Arrays.equals(masked(bytes, prefixLength), bytes)) {
      throw new IllegalArgumentException(
          "network "
              + base.getHostAddress()
              + "/"
              + prefixLength
              + " has bits beyond its prefix: expected "
              + hostAddress(masked(bytes, prefixLength))
              + "/"
              + prefixLength);
    }
  }

  /**
   * Reads {@code <address>/<prefix length>}.
   *
   * @throws IllegalArgumentException when the text has another form
   */
  public static IpNetwork parse(String text) {
    int slash = text.lastIndexOf('/');
    InetAddress base = slash < 0 ? null : IpAddresses.parse(text.substring(0, slash));
    String prefix = text.substring(slash + 1);
    if (base == null || !prefix.matches("[0-9]{1,3}")) {
      throw new IllegalArgumentException(
          "network \"" + text + "\": expected an address and a prefix length, such as 10.0.0.0/8");
    }
    return new IpNetwork(base, Integer.parseInt(prefix));
  }

  /** Whether the address lies in the network; addresses of the other family never do. */
  public boolean contains(InetAddress address) {
    byte[] bytes = address.getAddress();
    byte[] own = base.getAddress();
    return bytes.length == own.length && Arrays.equals(masked(bytes, prefixLength), own);
  }

  private static byte[] masked(byte[] bytes, int prefixLength) {
    byte[] out = bytes.clone();
    for (int i = 0; i < out.length; i++) {
      int keep = Math.clamp(prefixLength - i * 8L, 0, 8);
      out[i] &= (byte) (0xff00 >> keep);
    }
    return out;
  }

  private static String hostAddress(byte[] bytes) {
    try {
      return InetAddress.getByAddress(bytes).getHostAddress();
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public String toString() {
    return base.getHostAddress() + "/" + prefixLength;
  }
}
