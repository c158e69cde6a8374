package io.signetmesh.proxy.inbound;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.LoopMemory;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.WorkloadMemory;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.registry.Exposition;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.upstream.Endpoint;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Inbound connections of a proxy without sockets: channels, time and policy are moved by the test.
 */
final class InboundFixture implements AutoCloseable {
  static final String CLIENT = "client.shop.serviceaccount.identity.signet.cluster.local";
  static final String SERVER = "web.shop.serviceaccount.identity.signet.cluster.local";

  private final X509Bundle ca;
  private final Credentials server;
  private final LiveSslContext<Credentials> tls;
  private final LiveSslContext<Credentials> directTls;
  private final ProxyMetrics metrics =
      new ProxyMetrics(new MetricsRegistry(Duration.ofMinutes(10)));
  private final InboundAccept.Services services;

  /** Whether the HTTP path reads nothing more once it has got the first bytes. */
  boolean httpStopsReading;

  /** Bytes of buffers that are said to be in use: beyond 2 MiB connections are shed. */
  long used;

  final LoopMemory memory =
      new LoopMemory(
          WorkloadMemory.alone(new MemoryLimits(1 << 20, 2 << 20, 1L << 40)),
          Runnable::run,
          () -> used);

  final TestPort port = new TestPort();
  final List<DecisionEvent> decisions = new ArrayList<>();
  final List<Dial> dials = new ArrayList<>();
  final List<Served> served = new ArrayList<>();

  /** One attempt to connect to the application. */
  record Dial(Promise<Channel> promise, EmbeddedChannel application) {
    /** The application takes the connection. */
    void succeed() {
      promise.setSuccess(application);
      application.runPendingTasks();
    }

    /** What the application has got. */
    String received() {
      return text(application);
    }
  }

  /** A connection that was given to the HTTP path. */
  record Served(HttpVersion version, InboundConnection connection, StringBuilder bytes) {}

  InboundFixture() throws Exception {
    ca =
        new CertificateBuilder()
            .algorithm(CertificateBuilder.Algorithm.ecp256)
            .subject("CN=test anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
    server = credentials(SERVER);
    InstantSource clock = InstantSource.system();
    tls =
        new LiveSslContext<>(
            () -> server,
            snapshot ->
                MeshSslContexts.server(snapshot, ClientCertificate.OPTIONAL, List.of(), clock));
    directTls =
        new LiveSslContext<>(
            () -> server,
            snapshot ->
                MeshSslContexts.server(
                    snapshot, ClientCertificate.OPTIONAL, List.of(TransportHeader.ALPN), clock));
    services =
        new InboundAccept.Services(
            "shop/web",
            SERVER,
            Set.of(),
            null,
            target -> false,
            () -> server,
            tls,
            directTls,
            new LivePeers(server::peers, clock, Duration.ZERO, () -> 0.5),
            number -> port,
            new ScriptedConnector(),
            new RecordingHttp(),
            event -> decisions.add((DecisionEvent) event),
            metrics,
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            clock);
  }

  /** A connection to a listener that stands for port 8080. */
  EmbeddedChannel accept() {
    return accept(8080);
  }

  /** A connection to the proxy's own port. */
  EmbeddedChannel acceptDirect() {
    return accept(0);
  }

  private EmbeddedChannel accept(int listenerPort) {
    EmbeddedChannel channel =
        channel(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel created) {
                memory.open(created);
                created
                    .pipeline()
                    .addLast(
                        new InboundAccept(
                            new ProxyLoop(created.eventLoop(), 0),
                            new InboundAccept.Listener(listenerPort, false),
                            services));
              }
            });
    channel.runPendingTasks();
    return channel;
  }

  /** The other end of a TLS connection. */
  EmbeddedChannel client(String... alpn) throws Exception {
    var context =
        MeshSslContexts.client(credentials(CLIENT), List.of(alpn), InstantSource.system());
    EmbeddedChannel client = channel();
    client.pipeline().addLast(context.newHandler(client.alloc(), SERVER, 443));
    client.runPendingTasks();
    return client;
  }

  /** Carries what both ends have to say until neither has more; false: nothing was carried. */
  static boolean exchange(EmbeddedChannel client, EmbeddedChannel proxy) {
    boolean any = false;
    boolean more = true;
    while (more) {
      more = carry(client, proxy) | carry(proxy, client);
      any |= more;
    }
    return any;
  }

  /** Carries what one end has to say now. */
  static boolean carry(EmbeddedChannel from, EmbeddedChannel to) {
    from.runPendingTasks();
    boolean any = false;
    ByteBuf bytes;
    while ((bytes = from.readOutbound()) != null) {
      any = true;
      if (to.isOpen()) {
        to.writeInbound(bytes);
      } else {
        bytes.release();
      }
    }
    return any;
  }

  static void send(EmbeddedChannel channel, String text) {
    channel.writeInbound(Unpooled.copiedBuffer(text, StandardCharsets.US_ASCII));
    channel.runPendingTasks();
  }

  static void pass(EmbeddedChannel channel, Duration time) {
    channel.advanceTimeBy(time.toMillis(), TimeUnit.MILLISECONDS);
    channel.runScheduledPendingTasks();
    channel.runPendingTasks();
  }

  String scrape() throws Exception {
    ByteArrayOutputStream page = new ByteArrayOutputStream();
    metrics.registry().write(page, Exposition.Format.PROMETHEUS_TEXT);
    return page.toString(StandardCharsets.UTF_8);
  }

  private static String text(EmbeddedChannel channel) {
    channel.runPendingTasks();
    StringBuilder all = new StringBuilder();
    ByteBuf bytes;
    while ((bytes = channel.readOutbound()) != null) {
      all.append(bytes.toString(StandardCharsets.US_ASCII));
      bytes.release();
    }
    return all.toString();
  }

  private Credentials credentials(String name) throws Exception {
    X509Bundle leaf =
        new CertificateBuilder()
            .algorithm(CertificateBuilder.Algorithm.ecp256)
            .subject("CN=leaf")
            .addSanDnsName(name)
            .addExtendedKeyUsage(CertificateBuilder.ExtendedKeyUsage.PKIX_KP_SERVER_AUTH)
            .addExtendedKeyUsage(CertificateBuilder.ExtendedKeyUsage.PKIX_KP_CLIENT_AUTH)
            .buildIssuedBy(ca);
    return new Credentials(
        new WorkloadCertificate(leaf.getKeyPair().getPrivate(), List.of(leaf.getCertificate())),
        new TrustBundle(1, "cluster.local", List.of(ca.getCertificate())));
  }

  /** A channel between addresses, as connections have them. */
  private static EmbeddedChannel channel(ChannelHandler... handlers) {
    return new EmbeddedChannel(handlers) {
      @Override
      protected SocketAddress localAddress0() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 4143);
      }

      @Override
      protected SocketAddress remoteAddress0() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 40_000);
      }
    };
  }

  @Override
  public void close() {
    tls.close();
    directTls.close();
  }

  private final class ScriptedConnector implements Connector {
    @Override
    public Future<Channel> connect(ProxyLoop loop, Endpoint endpoint, Session session) {
      throw new UnsupportedOperationException("inbound connections have no endpoints");
    }

    @Override
    public Future<Channel> connectLocal(ProxyLoop loop, InetSocketAddress application) {
      Dial dial = new Dial(loop.eventLoop().newPromise(), channel());
      dials.add(dial);
      return dial.promise();
    }
  }

  private final class RecordingHttp implements HttpInbound {
    @Override
    public void serve(
        ProxyLoop loop, Channel channel, InboundConnection connection, HttpVersion version) {
      Served one = new Served(version, connection, new StringBuilder());
      served.add(one);
      channel
          .pipeline()
          .addLast(
              new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext ctx, Object message) {
                  ByteBuf bytes = (ByteBuf) message;
                  one.bytes().append(bytes.toString(StandardCharsets.US_ASCII));
                  bytes.release();
                  if (httpStopsReading) {
                    channel.config().setAutoRead(false);
                  }
                }
              });
    }
  }

  /** The generation of the last record; 0: there is none. */
  long lastGeneration() {
    @Nullable DecisionEvent last = decisions.isEmpty() ? null : decisions.getLast();
    return last == null ? 0 : last.policyGeneration();
  }
}
