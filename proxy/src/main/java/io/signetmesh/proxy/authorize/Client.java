package io.signetmesh.proxy.authorize;

import java.net.Inet6Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** What a decision may know of a client: made once per connection. */
public final class Client {
  private final InetAddress address;
  private final boolean meshTls;
  private final @Nullable String identity;
  private final long high;
  private final long low;

  /**
   * @param address source address of the connection
   * @param meshTls whether this proxy terminated mesh TLS on the connection
   * @param identity first DNS or URI SAN of the verified client certificate; null when the client
   *     showed none. Never non-null without {@code meshTls}.
   * @throws IllegalArgumentException for an identity that no TLS session vouches for
   */
  public Client(InetAddress address, boolean meshTls, @Nullable String identity) {
    if (identity != null && !meshTls) {
      throw new IllegalArgumentException(
          "identity " + identity + " without mesh TLS: expected none");
    }
    this.address = address;
    this.meshTls = meshTls;
    this.identity = identity;
    byte[] bytes = address.getAddress();
    if (address instanceof Inet6Address) {
      this.high = IpBits.toLong(bytes, 0);
      this.low = IpBits.toLong(bytes, 8);
    } else {
      this.high = IpBits.MAPPED_HIGH;
      this.low = IpBits.mappedLow(bytes);
    }
  }

  public InetAddress address() {
    return address;
  }

  public boolean meshTls() {
    return meshTls;
  }

  public @Nullable String identity() {
    return identity;
  }

  boolean isIpv4() {
    return IpBits.isIpv4(high, low);
  }

  /** High 64 bits of the address as IPv6; IPv4 is mapped (RFC 4291 2.5.5.2). */
  long high() {
    return high;
  }

  /** Low 64 bits of the address as IPv6. */
  long low() {
    return low;
  }
}
