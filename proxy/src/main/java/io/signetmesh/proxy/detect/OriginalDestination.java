package io.signetmesh.proxy.detect;

import io.netty.channel.Channel;
import io.netty.channel.unix.RawUnixChannelOption;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The destination of a connection before the nat table redirected it to the proxy: {@code
 * SO_ORIGINAL_DST} of netfilter, for IPv4 and IPv6.
 */
public final class OriginalDestination {
  private static final int SOL_IP = 0;
  private static final int SOL_IPV6 = 41;
  private static final int SO_ORIGINAL_DST = 80;
  private static final int SOCKADDR_IN = 16;
  private static final int SOCKADDR_IN6 = 28;
  private static final RawUnixChannelOption IPV4 =
      new RawUnixChannelOption("SO_ORIGINAL_DST", SOL_IP, SO_ORIGINAL_DST, SOCKADDR_IN);
  private static final RawUnixChannelOption IPV6 =
      new RawUnixChannelOption("IP6T_SO_ORIGINAL_DST", SOL_IPV6, SO_ORIGINAL_DST, SOCKADDR_IN6);

  private OriginalDestination() {}

  /** The original destination; null when the connection was not redirected. */
  public static @Nullable InetSocketAddress of(Channel channel) {
    InetSocketAddress local = (InetSocketAddress) channel.localAddress();
    if (local.getAddress() instanceof Inet6Address) {
      InetSocketAddress found = read(channel, IPV6);
      if (found != null) {
        return found;
      }
    }
    return read(channel, IPV4);
  }

  private static @Nullable InetSocketAddress read(Channel channel, RawUnixChannelOption option) {
    ByteBuffer raw;
    try {
      raw = channel.config().getOption(option);
    } catch (RuntimeException e) {
      // ENOENT: no entry in the connection tracking table.
      return null;
    }
    return raw == null ? null : parse(raw);
  }

  /** Reads a {@code sockaddr_in} or {@code sockaddr_in6}; IPv4-mapped addresses are unwrapped. */
  static @Nullable InetSocketAddress parse(ByteBuffer raw) {
    ByteBuffer bytes = raw.duplicate().order(ByteOrder.BIG_ENDIAN);
    bytes.clear();
    if (bytes.remaining() < 8) {
      return null;
    }
    int port = bytes.getShort(2) & 0xffff;
    byte[] address;
    if (bytes.remaining() >= SOCKADDR_IN6) {
      address = new byte[16];
      bytes.get(8, address);
    } else {
      address = new byte[4];
      bytes.get(4, address);
    }
    if (port == 0) {
      return null;
    }
    try {
      // getByAddress turns IPv4-mapped IPv6 addresses into IPv4 ones.
      return new InetSocketAddress(InetAddress.getByAddress(address), port);
    } catch (UnknownHostException e) {
      return null;
    }
  }
}
