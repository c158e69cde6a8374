package io.signetmesh.identity.channel;

import io.grpc.ChannelCredentials;
import io.grpc.ConnectivityState;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.netty.InternalNettyChannelCredentials;
import io.grpc.netty.InternalProtocolNegotiator;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.net.InetAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import jdk.net.ExtendedSocketOptions;

/**
 * Opens gRPC channels to control-plane servers: HTTP/2 by prior knowledge inside TLS 1.3 without
 * ALPN, scheme {@code http}, the server's certificate compared with the identity expected.
 * Callbacks of calls run on the control loops and must not block. A channel connects with the first
 * call, and again, after 0.1 s to 5 s, as long as calls want it. A server that vanishes is noticed
 * within half a minute.
 */
public final class ControlChannel {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final int CONNECT_TIMEOUT_MILLIS = 5_000;
  private static final long MIN_BACKOFF_MILLIS = 100;
  private static final long MAX_BACKOFF_MILLIS = 5_000;
  private static final int MAX_MESSAGE = 16 << 20;

  /**
   * A call on which nothing comes for so long has its server asked by a PING, and fails when there
   * is no answer in the same time again. A server of gRPC that ends connections over it (HTTP/2
   * ENHANCE_YOUR_CALM) is asked half as often from then on, and is left to the kernel's probes.
   */
  private static final int KEEP_ALIVE_SECONDS = 10;

  private static final int PROBE_SECONDS = 5;
  private static final int PROBES = 3;

  private ControlChannel() {}

  /**
   * Where a server is.
   *
   * @param host name or IP literal
   * @param port 1 to 65535
   */
  public record Address(String host, int port) {
    /** Refuses a port out of range. */
    public Address {
      if (host.isEmpty()) {
        throw new IllegalArgumentException("control address has no host");
      }
      if (port < 1 || port > 65_535) {
        throw new IllegalArgumentException(
            "control address " + host + " has port " + port + ": expected 1 to 65535");
      }
    }

    /** Reads {@code host:port}, {@code ip:port} or {@code [ipv6]:port}. */
    public static Address parse(String text) {
      int colon = text.lastIndexOf(':');
      try {
        String host = text.substring(0, Math.max(colon, 0));
        if (host.startsWith("[") && host.endsWith("]")) {
          host = host.substring(1, host.length() - 1);
        } else if (host.indexOf(':') >= 0) {
          throw new IllegalArgumentException("IPv6 address without brackets");
        }
        return new Address(host, Integer.parseInt(text.substring(colon + 1)));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(
            "control address " + WorkloadIdentity.printable(text) + ": expected host:port", e);
      }
    }

    /** Whether the host is an IP literal of this host, or {@code localhost}. */
    public boolean isLoopback() {
      if (host.equals("localhost") || host.equals("localhost.")) {
        return true;
      }
      try {
        return InetAddress.ofLiteral(host).isLoopbackAddress();
      } catch (IllegalArgumentException e) {
        return false;
      }
    }

    @Override
    public String toString() {
      return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
  }

  /**
   * A channel that shows the caller's certificate.
   *
   * @param serverName identity that the server must have, sent as SNI too
   * @param credentials gives the newest credentials: used for each new connection
   */
  public static ManagedChannel open(
      Address address,
      String serverName,
      Supplier<Credentials> credentials,
      InstantSource clock,
      ControlLoops loops) {
    return tls(
        address,
        serverName,
        new LiveSslContext<>(credentials, c -> MeshSslContexts.client(c, List.of(), clock)),
        loops);
  }

  /** A channel of a caller without certificate: for asking for one. */
  public static ManagedChannel openAnonymous(
      Address address,
      String serverName,
      Supplier<TrustBundle> trust,
      InstantSource clock,
      ControlLoops loops) {
    return tls(
        address,
        serverName,
        new LiveSslContext<>(trust, t -> MeshSslContexts.anonymousClient(t, List.of(), clock)),
        loops);
  }

  /**
   * A channel in the clear, to this host only.
   *
   * @throws IllegalArgumentException when the address is not a loopback one
   */
  public static ManagedChannel openCleartext(Address address, ControlLoops loops) {
    if (!address.isLoopback()) {
      throw new IllegalArgumentException(
          "control address " + address + ": cleartext is spoken to a loopback address only");
    }
    return build(address, InsecureChannelCredentials.create(), loops);
  }

  static ManagedChannel tls(
      Address address, String serverName, LiveSslContext<?> tls, ControlLoops loops) {
    WorkloadIdentity.requireDnsName("server name", serverName);
    InternalProtocolNegotiator.ClientFactory factory =
        new InternalProtocolNegotiator.ClientFactory() {
          @Override
          public InternalProtocolNegotiator.ProtocolNegotiator newNegotiator() {
            return new TlsClientNegotiator(tls, serverName, address.port(), TIMEOUT);
          }

          @Override
          public int getDefaultPort() {
            return address.port();
          }
        };
    return build(address, InternalNettyChannelCredentials.create(factory), loops);
  }

  private static ManagedChannel build(
      Address address, ChannelCredentials credentials, ControlLoops loops) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(address.host(), address.port(), credentials)
            .overrideAuthority(address.toString())
            .eventLoopGroup(loops.group())
            .channelType(NioSocketChannel.class)
            .withOption(ChannelOption.TCP_NODELAY, true)
            .withOption(ChannelOption.SO_KEEPALIVE, true)
            .withOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE), KEEP_ALIVE_SECONDS)
            .withOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL), PROBE_SECONDS)
            .withOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT), PROBES)
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MILLIS)
            .directExecutor()
            .idleTimeout(30, TimeUnit.SECONDS)
            .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .maxInboundMessageSize(MAX_MESSAGE)
            .proxyDetector(target -> null)
            .disableServiceConfigLookUp()
            .disableRetry()
            .build();
    new Reconnect(channel, loops.group()).watch(0);
    return channel;
  }

  /**
   * Shortens gRPC's wait between attempts to connect, which grows to two minutes: a proxy must find
   * a control plane that comes back within seconds.
   */
  private record Reconnect(ManagedChannel channel, EventLoopGroup loops) {
    void watch(int failures) {
      ConnectivityState state = channel.getState(false);
      switch (state) {
        case SHUTDOWN -> {}
        case TRANSIENT_FAILURE -> {
          long ceiling = Math.min(MAX_BACKOFF_MILLIS, MIN_BACKOFF_MILLIS << Math.min(failures, 10));
          long delay = ceiling / 2 + ThreadLocalRandom.current().nextLong(ceiling / 2 + 1);
          loops.schedule(channel::resetConnectBackoff, delay, TimeUnit.MILLISECONDS);
          channel.notifyWhenStateChanged(state, () -> watch(failures + 1));
        }
        case READY -> channel.notifyWhenStateChanged(state, () -> watch(0));
        default -> channel.notifyWhenStateChanged(state, () -> watch(failures));
      }
    }
  }
}
