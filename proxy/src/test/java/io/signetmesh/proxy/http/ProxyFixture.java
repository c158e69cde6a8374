package io.signetmesh.proxy.http;

import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.detect.HttpSniffer;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.loop.Dial;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.TlsStatus;
import io.signetmesh.proxy.metrics.registry.Exposition;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.rego.RegoMetrics;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenMetrics;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.TlsTarget;
import io.signetmesh.proxy.upstream.Upstream;
import io.signetmesh.proxy.worker.FairWorkers;
import io.signetmesh.rego.RegoAuthentication;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * An inbound and an outbound proxy on one event loop, joined by loopback sockets. TLS is left out:
 * what it would tell is stated by the fixture.
 */
final class ProxyFixture implements AutoCloseable {
  static final String IDENTITY = "web.shop.serviceaccount.identity.signet.cluster.local";

  private final ProxyLoops loops;
  private final HttpConfig config;
  private final ProxyMetrics metrics =
      new ProxyMetrics(new MetricsRegistry(Duration.ofMinutes(10)));
  private final int application;
  private final DefaultHttpOutbound outbound;
  private final DefaultHttpInbound inbound;
  private final RegoChecks regoChecks;
  private @Nullable PooledByteBufAllocator allocator;

  final FakePolicy policy = new FakePolicy();

  /** Answers instead of the bundles. */
  volatile RegoChecks.Asker rego = RegoAuthentication::ask;

  final List<DecisionEvent> decisions = new CopyOnWriteArrayList<>();

  /** Whether nothing that is allowed can be recorded. */
  volatile boolean unrecordable;

  private final class Records implements AuditLog {
    @Override
    public void record(AuditEvent event) {
      decisions.add((DecisionEvent) event);
    }

    @Override
    public boolean admit(AuditEvent event) {
      return reserve() && decisions.add((DecisionEvent) event);
    }

    @Override
    public boolean reserve() {
      return !unrecordable;
    }
  }

  final BlockingQueue<String> unknownKeys = new LinkedBlockingQueue<>();
  final List<Connector.Session> sessions = new CopyOnWriteArrayList<>();
  final AtomicInteger dialed = new AtomicInteger();
  final AtomicInteger leases = new AtomicInteger();
  final AtomicInteger failed = new AtomicInteger();

  ProxyFixture(IoTransport transport, int application) {
    this(transport, application, UnaryOperator.identity());
  }

  ProxyFixture(
      IoTransport transport, int application, UnaryOperator<HttpConfig.Builder> configure) {
    this(transport, application, configure, MemoryLimits.ofProcess(), Pace.DEFAULT);
  }

  ProxyFixture(
      IoTransport transport,
      int application,
      UnaryOperator<HttpConfig.Builder> configure,
      MemoryLimits limits,
      Pace pace) {
    this.application = application;
    this.config = configure.apply(HttpConfig.builder()).build();
    loops = new ProxyLoops(transport, 1, limits, pace);
    Connector connector = new PlainConnector();
    regoChecks =
        new RegoChecks(
            new FairWorkers("rego", 1),
            new FairWorkers("rego-dry-run", 1),
            new RegoMetrics(metrics.registry()),
            (authentication, input, now) -> rego.ask(authentication, input, now),
            System::nanoTime);
    inbound =
        new DefaultHttpInbound(
            config,
            connector,
            new Records(),
            InstantSource.system(),
            new TokenChecks(
                new FairWorkers("token", 1),
                InstantSource.system(),
                (authentication, key) -> unknownKeys.add(authentication + " " + key),
                new TokenMetrics(metrics.registry())),
            regoChecks);
    outbound = new DefaultHttpOutbound(config, connector, metrics);
  }

  /** An inbound port; {@code identity}: the client that its connections are said to come from. */
  int inbound(@Nullable String identity) throws IOException {
    return listen(
        loop -> accept(loop, (channel, version) -> serve(loop, channel, identity, version)));
  }

  /**
   * An inbound port for clients without identity for which the kernel keeps few answers, some
   * hundreds at most: fewer refusals than a client is cut off for.
   */
  int inboundWithSmallBuffer() throws IOException {
    return listen(
        loop ->
            accept(
                loop,
                (channel, version) -> {
                  channel.config().setOption(ChannelOption.SO_SNDBUF, 4096);
                  serve(loop, channel, null, version);
                }));
  }

  private void serve(
      ProxyLoop loop, Channel channel, @Nullable String identity, HttpVersion version) {
    inbound.serve(loop, channel, connection(channel, identity), version);
  }

  private InboundConnection connection(Channel channel, @Nullable String identity) {
    InetSocketAddress client = (InetSocketAddress) channel.remoteAddress();
    InetSocketAddress target = new InetSocketAddress(InetAddress.getLoopbackAddress(), application);
    return new InboundConnection(
        new Client(client.getAddress(), identity != null, identity),
        target,
        policy,
        new AuditedConnection("shop/web-0", client, target, identity, null, null),
        identity != null,
        metrics.inboundHttp(
            target,
            identity == null
                ? TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE
                : new TlsStatus.FromClient(identity)));
  }

  /** An outbound port whose upstream is the peer at {@code ports}, tried in that order. */
  int outbound(Endpoint.Hint hint, boolean meshed, int... ports) throws IOException {
    Fixed upstream = new Fixed(hint, meshed, ports);
    return listen(
        loop ->
            accept(loop, (channel, version) -> outbound.serve(loop, channel, upstream, version)));
  }

  /** A port behind an outbound and an inbound proxy: HTTP/1 crosses between them as HTTP/2. */
  int pair() throws IOException {
    return outbound(Endpoint.Hint.HTTP2, true, inbound(IDENTITY));
  }

  void retireConnections() {
    outbound.retireConnections();
  }

  /** What a scrape of the metrics shows. */
  String scrape() throws IOException {
    ByteArrayOutputStream page = new ByteArrayOutputStream();
    metrics.registry().write(page, Exposition.Format.PROMETHEUS_TEXT);
    return page.toString(StandardCharsets.UTF_8);
  }

  /** Bytes in buffers of the proxy that are in use. */
  long pinnedBytes() {
    PooledByteBufAllocator used = allocator;
    return used == null ? 0 : used.pinnedDirectMemory();
  }

  ProxyLoops loops() {
    return loops;
  }

  private int listen(Function<ProxyLoop, ChannelHandler> handler) throws IOException {
    Channel listener =
        loops
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), handler)
            .getFirst();
    allocator = (PooledByteBufAllocator) listener.alloc();
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /** From now on nobody asks bundles. */
  void closeRego() {
    regoChecks.close();
  }

  private interface Serve {
    void serve(Channel channel, HttpVersion version);
  }

  private static ChannelHandler accept(ProxyLoop loop, Serve serve) {
    return new ChannelInboundHandlerAdapter() {
      private final HeldReads held = new HeldReads();

      @Override
      public void channelActive(ChannelHandlerContext ctx) {
        Channel channel = ctx.channel();
        channel.pipeline().addLast("held", held);
        held.inspect(
            Duration.ofSeconds(5),
            HttpSniffer::inspect,
            found ->
                serve(
                    channel,
                    // What is not HTTP goes to the HTTP/1 decoder here, which has to refuse it.
                    found == HttpDetection.HTTP2 ? HttpVersion.HTTP2 : HttpVersion.HTTP1),
            () -> serve(channel, HttpVersion.HTTP1));
      }

      private void serve(Channel channel, HttpVersion version) {
        serve.serve(channel, version);
        channel.pipeline().remove(this);
        channel.config().setAutoRead(true);
        held.release();
        loop.flushDirty();
      }
    };
  }

  @Override
  public void close() {
    loops.close();
  }

  private final class PlainConnector implements Connector {
    @Override
    public Future<Channel> connect(ProxyLoop loop, Endpoint endpoint, Session session) {
      sessions.add(session);
      return dial(loop, endpoint.address());
    }

    @Override
    public Future<Channel> connectLocal(ProxyLoop loop, InetSocketAddress target) {
      return dial(loop, target);
    }

    private Future<Channel> dial(ProxyLoop loop, InetSocketAddress address) {
      dialed.incrementAndGet();
      return loops.dial(
          loop,
          new Dial(
              address,
              null,
              TcpKeepAlive.DEFAULT,
              Duration.ofSeconds(1),
              new ChannelInitializer<Channel>() {
                @Override
                protected void initChannel(Channel channel) {}
              }));
    }
  }

  private final class Fixed implements Upstream {
    private final List<Endpoint> endpoints;
    private final AtomicInteger next = new AtomicInteger();

    Fixed(Endpoint.Hint hint, boolean meshed, int... ports) {
      endpoints =
          java.util.Arrays.stream(ports)
              .mapToObj(
                  port ->
                      new Endpoint(
                          new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
                          meshed ? new TlsTarget(IDENTITY, IDENTITY) : null,
                          hint,
                          0,
                          null,
                          Map.of()))
              .toList();
    }

    @Override
    public Protocol protocol() {
      return Protocol.DETECT;
    }

    @Override
    public String authority() {
      return "web.shop.svc.cluster.local:8080";
    }

    @Override
    public @Nullable Lease pick() {
      if (endpoints.isEmpty()) {
        return null;
      }
      Endpoint endpoint = endpoints.get(Math.min(next.getAndIncrement(), endpoints.size() - 1));
      leases.incrementAndGet();
      return new Lease() {
        @Override
        public Endpoint endpoint() {
          return endpoint;
        }

        @Override
        public void responded(long latencyNanos) {}

        @Override
        public void failed() {
          failed.incrementAndGet();
        }

        @Override
        public void release() {
          leases.decrementAndGet();
        }
      };
    }

    @Override
    public Future<Lease> awaitPick(EventExecutor executor) {
      return executor.newFailedFuture(new TimeoutException("no endpoint"));
    }
  }
}
