package io.signetmesh.discovery.topology;

import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPv6;
import io.linkerd.proxy.net.TcpAddress;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Converts IP addresses to and from their protobuf messages. */
public final class IpAddresses {
  private IpAddresses() {}

  /** The message for a socket address. */
  public static TcpAddress toWire(InetAddress address, int port) {
    IPAddress.Builder ip = IPAddress.newBuilder();
    ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
    switch (address) {
      case Inet4Address v4 -> ip.setIpv4(bytes.getInt());
      case Inet6Address v6 ->
          ip.setIpv6(IPv6.newBuilder().setFirst(bytes.getLong()).setLast(bytes.getLong()));
      default -> throw new IllegalArgumentException("address " + address + ": expected IP");
    }
    return TcpAddress.newBuilder().setIp(ip).setPort(port).build();
  }

  /**
   * The socket address of a message; null when it has no address or its port is not from 1 to
   * 65535.
   */
  public static @Nullable InetSocketAddress ofWire(TcpAddress address) {
    int port = address.getPort();
    if (port < 1 || port > 65_535) {
      return null;
    }
    byte[] bytes;
    switch (address.getIp().getIpCase()) {
      case IPV4 -> bytes = ByteBuffer.allocate(4).putInt(address.getIp().getIpv4()).array();
      case IPV6 -> {
        IPv6 v6 = address.getIp().getIpv6();
        bytes = ByteBuffer.allocate(16).putLong(v6.getFirst()).putLong(v6.getLast()).array();
      }
      default -> {
        return null;
      }
    }
    try {
      return new InetSocketAddress(InetAddress.getByAddress(bytes), port);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }
}
