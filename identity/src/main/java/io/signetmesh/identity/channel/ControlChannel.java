package io.signetmesh.identity.channel;

import io.grpc.Attributes;
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
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/**
 * Opens gRPC channels to control-plane servers: HTTP/2 with prior knowledge (RFC 9113 section 3.3)
 * over TLS 1.3 without ALPN, scheme {@code http}. The identity in the server's certificate must
 * equal the expected one. Callbacks of calls run on the control loops and must not block.
 *
 * <p>A channel connects with the first call, and reconnects with a backoff of 0.1 s to 5 s while
 * there are calls. It replaces a connection before the certificates of that connection end: long
 * calls fail once with UNAVAILABLE and must be restarted. A server that stops responding is
 * detected within 30 s.
 */
public final class ControlChannel {
  /** Threads that look up names, which blocks: gRPC's own would be one for each channel. */
  private static final ThreadPoolExecutor NAMES = names();

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

  /** What a call may be sent before it is taken, where calls of many workloads share. */
  private static final int SHARED_STREAM_WINDOW = 256 << 10;

  /** What all calls of such a connection may be sent together. */
  private static final int SHARED_CONNECTION_WINDOW = 256 * SHARED_STREAM_WINDOW;

  /** How much may be on its way before it is taken (RFC 9113 5.2). */
  private enum Window {
    /** As gRPC chooses it: all calls belong to one workload. */
    OWN,
    /** A call that is not read must not keep others from their messages. */
    SHARED
  }

  private ControlChannel() {}

  /**
   * Address of a server.
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

    /**
     * Parses {@code host:port}, {@code ip:port} or {@code [ipv6]:port}.
     *
     * @throws IllegalArgumentException when the text has none of these forms
     */
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

    /** Whether the host is a loopback IP literal or {@code localhost}. */
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
   * Opens a channel that shows the caller's certificate.
   *
   * @param serverName identity that the server must have, also sent as SNI
   * @param credentials gives the newest credentials; called for each new connection
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
        new TrustWatch(() -> credentials.get().peers(), clock, loops.group()),
        loops);
  }

  /**
   * Opens a channel as {@link #open} does, for the calls of many workloads: a call whose messages
   * are not taken holds back {@value #SHARED_STREAM_WINDOW} bytes of its own, and none of the
   * others' until 256 calls do so.
   */
  public static ManagedChannel openShared(
      Address address,
      String serverName,
      Supplier<Credentials> credentials,
      InstantSource clock,
      ControlLoops loops) {
    return tls(
        address,
        serverName,
        new LiveSslContext<>(credentials, c -> MeshSslContexts.client(c, List.of(), clock)),
        new TrustWatch(() -> credentials.get().peers(), clock, loops.group()),
        loops,
        Window.SHARED);
  }

  /**
   * Opens a channel without a client certificate, to request the first one.
   *
   * @param serverName identity that the server must have, also sent as SNI
   * @param trust gives the newest bundle; called for each new connection
   */
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
        new TrustWatch(bundleAlone(trust), clock, loops.group()),
        loops);
  }

  /** As {@link #openAnonymous}, but also refuses a revoked server. */
  public static ManagedChannel openAnonymousWith(
      Address address,
      String serverName,
      Supplier<PeerTrust> trust,
      InstantSource clock,
      ControlLoops loops) {
    return tls(
        address,
        serverName,
        new LiveSslContext<>(trust, t -> MeshSslContexts.anonymousClient(t, List.of(), clock)),
        new TrustWatch(trust, clock, loops.group()),
        loops);
  }

  /**
   * Opens a cleartext channel to this host.
   *
   * @throws IllegalArgumentException when the address is not a loopback address
   */
  public static ManagedChannel openCleartext(Address address, ControlLoops loops) {
    if (!address.isLoopback()) {
      throw new IllegalArgumentException(
          "control address " + address + ": cleartext is spoken to a loopback address only");
    }
    return build(address, InsecureChannelCredentials.create(), loops, Window.OWN);
  }

  /**
   * Opens a channel to a {@link LocalServer} of this host.
   *
   * @param socket its Unix socket
   */
  public static ManagedChannel openLocal(Path socket, ControlLoops loops) {
    return NettyChannelBuilder.forAddress(
            UnixDomainSocketAddress.of(socket), InsecureChannelCredentials.create())
        .overrideAuthority("localhost")
        .eventLoopGroup(loops.group())
        .channelFactory(NioDomainSocketChannel::new)
        // gRPC sets it; Unix sockets do not have it.
        .withOption(ChannelOption.SO_KEEPALIVE, null)
        .directExecutor()
        .maxInboundMessageSize(MAX_MESSAGE)
        .proxyDetector(target -> null)
        .disableServiceConfigLookUp()
        .disableRetry()
        .build();
  }

  /** One bundle as trust in peers; the same object as long as the bundle is. */
  private static Supplier<PeerTrust> bundleAlone(Supplier<TrustBundle> bundle) {
    AtomicReference<@Nullable PeerTrust> last = new AtomicReference<>();
    return () -> {
      TrustBundle newest = bundle.get();
      PeerTrust seen = last.get();
      if (seen == null || seen.own() != newest) {
        seen = PeerTrust.of(newest);
        last.set(seen);
      }
      return seen;
    };
  }

  static ManagedChannel tls(
      Address address,
      String serverName,
      LiveSslContext<?> tls,
      TrustWatch trust,
      ControlLoops loops) {
    return tls(address, serverName, tls, trust, loops, Window.OWN);
  }

  private static ManagedChannel tls(
      Address address,
      String serverName,
      LiveSslContext<?> tls,
      TrustWatch trust,
      ControlLoops loops,
      Window window) {
    WorkloadIdentity.requireDnsName("server name", serverName);
    AtomicReference<@Nullable ManagedChannel> opened = new AtomicReference<>();
    Runnable leave =
        () -> {
          ManagedChannel channel = opened.get();
          if (channel != null) {
            channel.enterIdle();
          }
        };
    InternalProtocolNegotiator.ClientFactory factory =
        new InternalProtocolNegotiator.ClientFactory() {
          @Override
          public InternalProtocolNegotiator.ProtocolNegotiator newNegotiator() {
            return new TlsClientNegotiator(
                tls,
                serverName,
                address.port(),
                TIMEOUT,
                trust,
                leave,
                window == Window.SHARED ? SHARED_CONNECTION_WINDOW : 0);
          }

          @Override
          public int getDefaultPort() {
            return address.port();
          }
        };
    ManagedChannel channel =
        build(address, InternalNettyChannelCredentials.create(factory), loops, window);
    opened.set(channel);
    return channel;
  }

  private static ThreadPoolExecutor names() {
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            2,
            2,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name("control-names-", 0).factory());
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  private static ManagedChannel build(
      Address address, ChannelCredentials credentials, ControlLoops loops, Window window) {
    NettyChannelBuilder builder =
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
            .offloadExecutor(NAMES)
            .idleTimeout(30, TimeUnit.SECONDS)
            .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .maxInboundMessageSize(MAX_MESSAGE)
            .proxyDetector(target -> null)
            .disableServiceConfigLookUp()
            .disableRetry();
    if (window == Window.SHARED) {
      builder.flowControlWindow(SHARED_STREAM_WINDOW);
    }
    InetAddress source = loops.source();
    if (source != null) {
      builder.localSocketPicker(
          new NettyChannelBuilder.LocalSocketPicker() {
            @Override
            public SocketAddress createSocketAddress(SocketAddress remote, Attributes attributes) {
              return new InetSocketAddress(source, 0);
            }
          });
    }
    ManagedChannel channel = builder.build();
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
