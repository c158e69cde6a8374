package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Outbound policy or endpoints are edited while a request of the application waits. */
class DiscoveryEditDuringDialTest {
  private static final String REQUEST = "GET /a HTTP/1.1\r\nHost: asked\r\n\r\n";

  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final ProxyLoop loop = new ProxyLoop(channel.eventLoop(), 0);
  private final List<Endpoint> dialed = new ArrayList<>();
  private final List<Promise<Channel>> dials = new ArrayList<>();
  private final Destination destination = new Destination();
  private int leases;

  private static Endpoint endpoint(int port, @Nullable String name) {
    return new Endpoint(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
        null,
        Endpoint.Hint.UNKNOWN,
        0,
        name,
        Map.of());
  }

  private final class Destination implements Upstream {
    private Protocol protocol = Protocol.HTTP1;
    private @Nullable Endpoint only = endpoint(1, null);
    private @Nullable Promise<Lease> waiting;

    @Override
    public Protocol protocol() {
      return protocol;
    }

    @Override
    public boolean leadsTo(Endpoint endpoint) {
      return endpoint.equals(only);
    }

    @Override
    public String authority() {
      return "web.shop:80";
    }

    @Override
    public @Nullable Lease pick() {
      Endpoint picked = only;
      if (picked == null) {
        return null;
      }
      leases++;
      return new Lease() {
        @Override
        public Endpoint endpoint() {
          return picked;
        }

        @Override
        public void responded(long latencyNanos) {}

        @Override
        public void failed() {}

        @Override
        public void release() {
          leases--;
        }
      };
    }

    @Override
    public Future<Lease> awaitPick(EventExecutor executor) {
      Promise<Lease> promise = executor.newPromise();
      waiting = promise;
      return promise;
    }
  }

  private void serve() {
    Connector connector =
        new Connector() {
          @Override
          public Future<Channel> connect(ProxyLoop on, Endpoint endpoint, Session session) {
            dialed.add(endpoint);
            Promise<Channel> promise = on.eventLoop().newPromise();
            dials.add(promise);
            return promise;
          }

          @Override
          public Future<Channel> connectLocal(ProxyLoop on, InetSocketAddress target) {
            throw new UnsupportedOperationException("outbound only");
          }
        };
    new DefaultHttpOutbound(
            HttpConfig.defaults(),
            connector,
            new ProxyMetrics(new MetricsRegistry(Duration.ofMinutes(10))))
        .serve(loop, channel, destination, HttpVersion.HTTP1);
  }

  private void send() {
    channel.writeInbound(Unpooled.copiedBuffer(REQUEST, StandardCharsets.US_ASCII));
    channel.runPendingTasks();
  }

  private EmbeddedChannel connected(int dial) {
    EmbeddedChannel peer = new EmbeddedChannel();
    dials.get(dial).setSuccess(peer);
    channel.runPendingTasks();
    return peer;
  }

  private static String written(EmbeddedChannel on) {
    on.runPendingTasks();
    StringBuilder all = new StringBuilder();
    ByteBuf bytes;
    while ((bytes = on.readOutbound()) != null) {
      all.append(bytes.toString(StandardCharsets.ISO_8859_1));
      bytes.release();
    }
    return all.toString();
  }

  @Test
  void requestToADestinationThatIsForbiddenWhileItIsConnectedToIsNotSent() {
    serve();
    send();
    destination.protocol = Upstream.Protocol.FORBIDDEN;
    EmbeddedChannel peer = connected(0);

    assertThat(written(peer)).isEmpty();
    assertThat(written(channel)).startsWith("HTTP/1.1 403");
    assertThat(leases).isZero();
  }

  @Test
  void requestToADestinationThatIsForbiddenWhileAnEndpointIsWaitedForIsNotSent() {
    destination.only = null;
    serve();
    send();
    destination.only = endpoint(1, null);
    destination.protocol = Upstream.Protocol.FORBIDDEN;
    Promise<Upstream.Lease> waiting = destination.waiting;
    assertThat(waiting).isNotNull();
    waiting.setSuccess(destination.pick());
    channel.runPendingTasks();

    assertThat(dials).isEmpty();
    assertThat(written(channel)).startsWith("HTTP/1.1 403");
    assertThat(leases).isZero();
  }

  @Test
  void requestOnAConnectionFromBeforeTheEditIsNotSent() {
    serve();
    destination.protocol = Upstream.Protocol.FORBIDDEN;
    send();

    assertThat(dials).isEmpty();
    assertThat(written(channel)).startsWith("HTTP/1.1 403");
  }

  @Test
  void requestGoesToAnotherEndpointWhenTheOneConnectedToIsNoneOfTheDestinationsAnyMore() {
    destination.only = endpoint(1, "renamed");
    serve();
    send();
    destination.only = endpoint(2, null);
    EmbeddedChannel peer = connected(0);
    assertThat(written(peer)).isEmpty();
    assertThat(dialed).extracting(to -> to.address().getPort()).containsExactly(1, 2);
    // Not with the name that the first one wanted.
    assertThat(written(connected(1))).startsWith("GET /a HTTP/1.1").contains("host: asked");
    assertThat(leases).isEqualTo(1);
  }
}
