package io.signetmesh.proxy.outbound;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;
import io.signetmesh.proxy.upstream.Upstreams;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What becomes of a connection of the application whose endpoints change while it waits. */
class OutboundAcceptTest {
  private static final String REQUEST = "GET  /odd HTTP/1.1\r\nHost: web\r\n\r\n";
  private static final InetSocketAddress LOCAL =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 4140);

  private final EmbeddedChannel peer = new EmbeddedChannel();
  private final List<HttpVersion> served = new ArrayList<>();
  private final List<Promise<Channel>> dials = new ArrayList<>();
  private Destination destination = new Destination();
  private boolean dialsWait;
  private boolean httpStopsReading;
  private int leases;

  /** An HTTP path that reads nothing more once it has got the first bytes. */
  private static final class StopsReading extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ReferenceCountUtil.release(message);
      ctx.channel().config().setAutoRead(false);
    }
  }

  private final class Destination implements Upstream {
    private Protocol protocol = Protocol.DETECT;
    private boolean bytesOnly;
    private final List<String> told = new ArrayList<>();
    private boolean moved;
    private boolean unready;
    private @Nullable Promise<Lease> picking;

    @Override
    public boolean leadsTo(Endpoint endpoint) {
      return !moved;
    }

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
    public @Nullable Lease pick() {
      return unready ? null : lease();
    }

    private Lease lease() {
      leases++;
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
          leases--;
        }
      };
    }

    @Override
    public Future<Lease> awaitPick(EventExecutor executor) {
      Promise<Lease> promise = executor.newPromise();
      picking = promise;
      return promise;
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
            Promise<Channel> promise = loop.eventLoop().newPromise();
            dials.add(promise);
            return dialsWait ? promise : promise.setSuccess(peer);
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
            (loop, channel, upstream, version) -> {
              served.add(version);
              if (httpStopsReading) {
                channel.pipeline().addLast(new StopsReading());
              }
            },
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
    if (!channel.isOpen()) {
      return;
    }
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

  @Test
  void aConnectionThatHttpReadsNoMoreBecauseOfItsFirstBytesIsNotReadOn() {
    EmbeddedChannel readOn = accept();
    send(readOn);
    assertThat(readOn.config().isAutoRead()).isTrue();

    httpStopsReading = true;
    EmbeddedChannel stopped = accept();
    send(stopped);
    assertThat(served).hasSize(2);
    assertThat(stopped.config().isAutoRead()).isFalse();
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

  /** What is edited while a connection waits. */
  enum Edit {
    FORBIDDEN,
    HTTP1,
    DETECT,
    /** The endpoint is none of the destination's any more, or has got an identity. */
    MOVED,
    /** The watch has ended and another one has begun, which knows of a policy that forbids. */
    WATCHED_ANEW
  }

  private void edit(Edit edit) {
    switch (edit) {
      case FORBIDDEN -> destination.protocol = Upstream.Protocol.FORBIDDEN;
      case HTTP1 -> destination.protocol = Upstream.Protocol.HTTP1;
      case DETECT -> destination.protocol = Upstream.Protocol.DETECT;
      case MOVED -> destination.moved = true;
      case WATCHED_ANEW -> {
        destination = new Destination();
        destination.protocol = Upstream.Protocol.FORBIDDEN;
      }
    }
  }

  /** After the edit nothing has come to the endpoint, and the connection is treated anew. */
  private void assertFollowed(Edit edit, EmbeddedChannel channel) {
    assertThat(received()).isEmpty();
    switch (edit) {
      case FORBIDDEN, WATCHED_ANEW -> {
        assertThat(channel.isOpen()).isFalse();
        assertThat(served).isEmpty();
      }
      case HTTP1, DETECT -> assertThat(served).containsExactly(HttpVersion.HTTP1);
      case MOVED -> {
        assertThat(served).isEmpty();
        assertThat(channel.isOpen()).isTrue();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void whileAnEndpointIsWaitedForAnEditIsFollowed(Edit edit) {
    destination.protocol = Upstream.Protocol.OPAQUE;
    destination.unready = true;
    dialsWait = true;
    EmbeddedChannel channel = accept();
    Promise<Upstream.Lease> picking = destination.picking;
    assertThat(picking).isNotNull();
    Upstream.Lease lease = destination.lease();
    edit(edit);
    picking.setSuccess(lease);
    send(channel);

    assertFollowed(edit, channel);
    assertThat(dials).isEmpty();
    assertThat(leases).isZero();
  }

  @ParameterizedTest
  @EnumSource
  void whileTheEndpointIsConnectedToAnEditIsFollowed(Edit edit) {
    destination.protocol = Upstream.Protocol.OPAQUE;
    dialsWait = true;
    EmbeddedChannel channel = accept();
    assertThat(dials).hasSize(1);
    edit(edit);
    dials.getFirst().setSuccess(peer);
    send(channel);

    assertFollowed(edit, channel);
    assertThat(peer.isOpen()).isFalse();
    // Another one is connected to, where there is.
    assertThat(dials).hasSize(edit == Edit.MOVED ? 2 : 1);
    assertThat(leases).isEqualTo(edit == Edit.MOVED ? 1 : 0);
  }

  @Test
  void whileTheProtocolIsLookedForAWatchThatEndsAndBeginsAnewIsFollowed() {
    EmbeddedChannel channel = accept();
    edit(Edit.WATCHED_ANEW);
    send(channel);

    assertFollowed(Edit.WATCHED_ANEW, channel);
    assertThat(dials).isEmpty();
  }
}
