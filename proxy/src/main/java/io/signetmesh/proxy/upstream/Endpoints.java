package io.signetmesh.proxy.upstream;

import io.linkerd.proxy.destination.Http2ClientParams;
import io.linkerd.proxy.destination.TlsIdentity;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.TcpAddress;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads endpoints from the wire; what cannot be used is left out. */
final class Endpoints {
  private static final Duration MIN_INTERVAL = Duration.ofSeconds(1);
  private static final Duration MIN_TIMEOUT = Duration.ofMillis(100);

  private Endpoints() {}

  static @Nullable Endpoint endpoint(WeightedAddr message, Map<String, String> setLabels) {
    InetSocketAddress address = socket(message.getAddr());
    if (address == null) {
      return null;
    }
    Map<String, String> labels = new HashMap<>(setLabels);
    labels.putAll(message.getMetricLabelsMap());
    TlsTarget tls = message.hasTlsIdentity() ? tls(message.getTlsIdentity()) : null;
    if (message.hasTlsIdentity() && tls == null) {
      // An identity that cannot be verified: never fall back to plaintext.
      return null;
    }
    int transportPort =
        message.getProtocolHint().hasOpaqueTransport()
            ? message.getProtocolHint().getOpaqueTransport().getInboundPort()
            : 0;
    if (transportPort < 0 || transportPort > 65_534 || tls == null) {
      transportPort = 0;
    }
    Endpoint.Hint hint =
        switch (message.getProtocolHint().getProtocolCase()) {
          case H2 -> Endpoint.Hint.HTTP2;
          case OPAQUE -> Endpoint.Hint.OPAQUE;
          case PROTOCOL_NOT_SET -> Endpoint.Hint.UNKNOWN;
        };
    String override = message.getAuthorityOverride().getAuthorityOverride();
    return new Endpoint(
        address,
        tls,
        hint,
        transportPort,
        override.isEmpty() ? null : override,
        Map.copyOf(labels),
        message.getHttp2().hasKeepAlive() ? keepAlive(message.getHttp2().getKeepAlive()) : null);
  }

  /** Null unless both times are set, as with Linkerd's proxy; a second, and 0.1 s, at least. */
  private static @Nullable Http2KeepAlive keepAlive(Http2ClientParams.KeepAlive message) {
    Duration interval = duration(message.getInterval());
    Duration timeout = duration(message.getTimeout());
    return interval.isZero() || timeout.isZero()
        ? null
        : new Http2KeepAlive(
            interval.compareTo(MIN_INTERVAL) < 0 ? MIN_INTERVAL : interval,
            timeout.compareTo(MIN_TIMEOUT) < 0 ? MIN_TIMEOUT : timeout,
            message.getWhileIdle());
  }

  private static Duration duration(com.google.protobuf.Duration message) {
    return Duration.ofSeconds(
        Math.clamp(message.getSeconds(), 0, 86_400),
        Math.clamp(message.getNanos(), 0, 999_999_999));
  }

  private static @Nullable TlsTarget tls(TlsIdentity identity) {
    String serverName = identity.getServerName().getName();
    return switch (identity.getStrategyCase()) {
      case DNS_LIKE_IDENTITY -> {
        String name = identity.getDnsLikeIdentity().getName();
        yield name.isEmpty() ? null : new TlsTarget(serverName.isEmpty() ? name : serverName, name);
      }
      case URI_LIKE_IDENTITY ->
          serverName.isEmpty() || identity.getUriLikeIdentity().getUri().isEmpty()
              ? null
              : new TlsTarget(serverName, identity.getUriLikeIdentity().getUri());
      case STRATEGY_NOT_SET -> null;
    };
  }

  static @Nullable InetSocketAddress socket(TcpAddress message) {
    InetAddress address = address(message.getIp());
    int port = message.getPort() & 0xffff;
    return address == null || port == 0 ? null : new InetSocketAddress(address, port);
  }

  private static @Nullable InetAddress address(IPAddress message) {
    try {
      return switch (message.getIpCase()) {
        case IPV4 ->
            InetAddress.getByAddress(ByteBuffer.allocate(4).putInt(message.getIpv4()).array());
        case IPV6 ->
            InetAddress.getByAddress(
                ByteBuffer.allocate(16)
                    .putLong(message.getIpv6().getFirst())
                    .putLong(message.getIpv6().getLast())
                    .array());
        case IP_NOT_SET -> null;
      };
    } catch (UnknownHostException e) {
      throw new IllegalStateException("4 or 16 bytes are an address", e);
    }
  }

  static TcpAddress message(InetSocketAddress socket) {
    byte[] bytes = socket.getAddress().getAddress();
    IPAddress.Builder ip = IPAddress.newBuilder();
    if (bytes.length == 4) {
      ip.setIpv4(ByteBuffer.wrap(bytes).getInt());
    } else {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      ip.setIpv6(
          io.linkerd.proxy.net.IPv6.newBuilder()
              .setFirst(buffer.getLong())
              .setLast(buffer.getLong()));
    }
    return TcpAddress.newBuilder().setIp(ip).setPort(socket.getPort()).build();
  }
}
