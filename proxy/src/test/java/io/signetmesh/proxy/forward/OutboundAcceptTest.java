package io.signetmesh.proxy.forward;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.http.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.MetricsRegistry;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.outbound.Endpoint;
import io.signetmesh.proxy.outbound.Upstream;
import io.signetmesh.proxy.outbound.Upstreams;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What becomes of a connection of the application whose endpoints change while it waits. */
class OutboundAcceptTest {
  private static final String REQUEST = "GET  /odd HTTP/1.1\r\nHost: web\r\n\r\n";
  private static final InetSocketAddress LOCAL =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 4140);

  private final EmbeddedChannel peer = new EmbeddedChannel();
  private final List<HttpVersion> served = new ArrayList<>();
  private final Destination destination = new Destination();

  private static final class Destination implements Upstream {
    private Protocol protocol = Protocol.DETECT;
    private boolean bytesOnly;
    private final List<String> told = new ArrayList<>();

    @Override
    public Protocol protocol() {
      return protocol;
    }

    @Override
    public boolean takesBytesOnly() {
      return bytesOnly;
    }

    @Override
    public String authority() {
      return "web.shop:80";
    }

    @Override
    public Lease pick() {
      return new Lease() {
        @Override
        public Endpoint endpoint() {
          return new Endpoint(LOCAL, null, Endpoint.Hint.OPAQUE, 0, null, Map.of());
        }

        @Override
        public void responded(long latencyNanos) {
          told.add("responded");
        }

        @Override
        public void connected(long latencyNanos) {
          told.add("connected");
        }

        @Override
        public void answered() {
          told.add("answered");
        }

        @Override
        public void answeredBadly(long latencyNanos) {
          told.add("failed");
        }

        @Override
        public void failed() {}

        @Override
        public void release() {
          told.add("released");
        }
      };
    }

    @Override
    public Future<Lease> awaitPick(EventExecutor executor) {
      return executor.newSucceededFuture(pick());
    }
  }

  private EmbeddedChannel accept() {
    Upstreams upstreams =
        new Upstreams() {
          @Override
          public Future<Upstream> forAuthority(String authority, EventExecutor executor) {
            return executor.newSucceededFuture(destination);
          }

          @Override
          public Future<Upstream> forAddress(InetSocketAddress address, EventExecutor executor) {
            return executor.newSucceededFuture(destination);
          }
        };
    Connector connector =
        new Connector() {
          @Override
          public Future<Channel> connect(ProxyLoop loop, Endpoint endpoint, Session session) {
            assertThat(session).isEqualTo(Session.OPAQUE);
            return loop.eventLoop().newSucceededFuture(peer);
          }

          @Override
          public Future<Channel> connectLocal(ProxyLoop loop, InetSocketAddress application) {
            throw new UnsupportedOperationException("outbound only");
          }
        };
    OutboundAccept.Services services =
        new OutboundAccept.Services(
            upstreams,
            connector,
            (loop, channel, upstream, version) -> served.add(version),
            Duration.ofSeconds(10),
            new ProxyMetrics(new MetricsRegistry(Duration.ofMinutes(10))));
    return new EmbeddedChannel(
        new ChannelInitializer<Channel>() {
          @Override
          protected void initChannel(Channel channel) {
            channel
                .pipeline()
                .addLast(
                    new OutboundAccept(
                        new ProxyLoop(channel.eventLoop(), 0), "web.shop:80", services));
          }
        }) {
      @Override
      protected SocketAddress localAddress0() {
        return LOCAL;
      }
    };
  }

  private static void send(EmbeddedChannel channel) {
    channel.writeInbound(Unpooled.copiedBuffer(REQUEST, StandardCharsets.US_ASCII));
    channel.runPendingTasks();
  }

  private String received() {
    peer.runPendingTasks();
    StringBuilder all = new StringBuilder();
    ByteBuf bytes;
    while ((bytes = peer.readOutbound()) != null) {
      all.append(bytes.toString(StandardCharsets.US_ASCII));
      bytes.release();
    }
    return all.toString();
  }

  @Test
  void endpointsThatTakeBytesOnlyGetTheClientsBytesAsTheyAre() {
    destination.bytesOnly = true;
    send(accept());
    assertThat(served).isEmpty();
    assertThat(received()).isEqualTo(REQUEST);
  }

  @Test
  void endpointsThatTakeBytesOnlyFromNowOnGetThemAlsoAfterDetection() {
    EmbeddedChannel channel = accept();
    destination.bytesOnly = true;
    send(channel);
    assertThat(served).isEmpty();
    assertThat(received()).isEqualTo(REQUEST);
  }

  @Test
  void policyThatForbidsWhileTheProtocolIsLookedForCloses() {
    EmbeddedChannel channel = accept();
    destination.protocol = Upstream.Protocol.FORBIDDEN;
    send(channel);
    assertThat(channel.isOpen()).isFalse();
    assertThat(received()).isEmpty();
  }

  @Test
  void otherEndpointsGetRequests() {
    send(accept());
    assertThat(served).containsExactly(HttpVersion.HTTP1);
  }

  /** The first is cut, and the other one after it. */
  private static void cut(EmbeddedChannel first, EmbeddedChannel second) {
    first.close();
    first.runPendingTasks();
    second.runPendingTasks();
    second.close();
    second.runPendingTasks();
  }

  @Test
  void aPeerThatCutsBeforeItsApplicationSaysAnythingHasFailed() {
    destination.bytesOnly = true;
    EmbeddedChannel client = accept();
    send(client);
    cut(peer, client);
    assertThat(destination.told).containsExactly("connected", "failed", "released");
  }

  @Test
  void aPeerThatCutsAfterItsApplicationHasSaidSomethingHasNot() {
    destination.bytesOnly = true;
    EmbeddedChannel client = accept();
    send(client);
    peer.writeInbound(Unpooled.copiedBuffer("hello", StandardCharsets.US_ASCII));
    cut(peer, client);
    assertThat(destination.told).containsExactly("connected", "answered", "released");
  }

  @Test
  void aPeerWhoseClientCutsHasNotFailed() {
    destination.bytesOnly = true;
    EmbeddedChannel client = accept();
    send(client);
    cut(client, peer);
    assertThat(destination.told).containsExactly("connected", "released");
  }
}
