package io.signetmesh.proxy.connect;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.Channel;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.upstream.Endpoint;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SourceAddressesTest {
  private static InetAddress address(String text) {
    return InetAddress.ofLiteral(text);
  }

  @Test
  void addressThatIsNotOfThisHostIsNotUsed() {
    SourceAddresses sources = SourceAddresses.of(List.of(address("192.0.2.1")));
    assertThat(sources.towards(address("192.0.2.2"))).isNull();
  }

  @Test
  void loopbackAddressIsUsedTowardsLoopbackOnlyAndWithinItsFamily() {
    SourceAddresses sources = SourceAddresses.of(List.of(address("127.9.8.7")));
    assertThat(sources.towards(address("127.0.0.1")))
        .isEqualTo(new InetSocketAddress(address("127.9.8.7"), 0));
    assertThat(sources.towards(address("192.0.2.2"))).isNull();
    assertThat(sources.towards(address("::1"))).isNull();
  }

  @ParameterizedTest
  @EnumSource(IoTransport.class)
  void peerSeesTheWorkloadsAddress(IoTransport transport) throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(isAvailable(transport));
    InstantSource clock = InstantSource.system();
    try (ServerSocket peer = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
        ProxyLoops loops = new ProxyLoops(transport, 1);
        PeerConnector connector =
            new PeerConnector(
                loops,
                () -> {
                  throw new IllegalStateException("no TLS here");
                },
                clock,
                new DialledPeers(
                    new LivePeers(
                        () -> {
                          throw new IllegalStateException("no TLS here");
                        },
                        clock,
                        Duration.ZERO,
                        () -> 0.5),
                    "shop/client",
                    "client",
                    AuditLog.none(),
                    new ProxyMetrics(new MetricsRegistry(Duration.ofMinutes(10))),
                    clock),
                Duration.ofSeconds(5),
                Duration.ofSeconds(5),
                SourceAddresses.of(List.of(address("127.9.8.7"))),
                TcpKeepAlive.DEFAULT,
                TcpKeepAlive.DEFAULT)) {
      Endpoint endpoint =
          new Endpoint(
              (InetSocketAddress) peer.getLocalSocketAddress(),
              null,
              Endpoint.Hint.UNKNOWN,
              0,
              null,
              Map.of());
      Channel channel =
          connector
              .connect(loops.loops().getFirst(), endpoint, Connector.Session.OPAQUE)
              .get(10, TimeUnit.SECONDS);
      try (Socket accepted = peer.accept()) {
        assertThat(accepted.getInetAddress()).isEqualTo(address("127.9.8.7"));
      }
      channel.close().await(5, TimeUnit.SECONDS);
    }
  }

  private static boolean isAvailable(IoTransport transport) {
    try {
      return IoTransport.select(transport.label()) == transport;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
