package io.signetmesh.proxy.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.policy.PortPolicy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The admin port under the inbound policy of its port. */
@Timeout(30)
final class AdminPolicyTest {
  private static final String SERVER = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final String CLIENT = "prom.shop.serviceaccount.identity.signet.cluster.local";

  private final MetricsRegistry registry = new MetricsRegistry(Duration.ofMinutes(10));
  private final List<DecisionEvent> decisions = new CopyOnWriteArrayList<>();
  private final AdminPort port = new AdminPort();
  private volatile boolean watched = true;
  private X509Bundle ca;
  private LiveSslContext<Credentials> tls;
  private LivePeers peers;
  private volatile PeerTrust trust;
  private final AdminLoop loop = new AdminLoop();
  private AdminServer server;

  private static final class AdminPort implements PortPolicy {
    private final CompletableFuture<Promise<ServerPolicy>> waiting = new CompletableFuture<>();
    private volatile @Nullable ServerPolicy current;

    @Override
    public int port() {
      return 4191;
    }

    @Override
    public @Nullable ServerPolicy current() {
      return current;
    }

    @Override
    public Future<ServerPolicy> await(EventExecutor executor) {
      Promise<ServerPolicy> promise = executor.newPromise();
      waiting.complete(promise);
      return promise;
    }

    @Override
    public Registration onChange(EventExecutor executor, Recheck recheck) {
      return () -> {};
    }
  }

  @BeforeEach
  void start() throws Exception {
    ca =
        new CertificateBuilder()
            .algorithm(CertificateBuilder.Algorithm.ecp256)
            .subject("CN=test anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
    Credentials own = credentials(SERVER);
    trust = own.peers();
    InstantSource clock = InstantSource.system();
    peers = new LivePeers(() -> trust, clock, Duration.ZERO, () -> 0.5);
    tls =
        new LiveSslContext<>(
            () -> own,
            snapshot ->
                MeshSslContexts.server(snapshot, ClientCertificate.OPTIONAL, List.of(), clock));
    server =
        AdminServer.start(
            loop,
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            new AdminSurface(List::of, () -> true, registry, Map.of(), List::of, true, () -> {}),
            guard());
  }

  private AdminGuard guard() {
    return new AdminGuard(
        "shop/web",
        SERVER,
        tls,
        peers,
        () -> watched,
        number -> port,
        event -> decisions.add((DecisionEvent) event),
        new ProxyMetrics(registry),
        InstantSource.system());
  }

  @AfterEach
  void stop() {
    server.close();
    tls.close();
    loop.close();
  }

  private void policy(ProxyProtocol protocol, Authz... granted) {
    port.current =
        new PolicyCompiler(false, System::nanoTime)
            .compile(
                Server.newBuilder()
                    .putLabels("name", "proxy-admin")
                    .setSignetGeneration(9)
                    .setProtocol(protocol)
                    .addAllAuthorizations(List.of(granted))
                    .build());
  }

  private static ProxyProtocol http1() {
    ProxyProtocol.Http1.Builder http = ProxyProtocol.Http1.newBuilder();
    http.addRoutesBuilder()
        .setMetadata(Metadata.newBuilder().setDefault("default"))
        .addRules(
            HttpRoute.Rule.newBuilder()
                .addMatches(
                    HttpRouteMatch.newBuilder().setPath(PathMatch.newBuilder().setPrefix("/"))));
    HttpRoute.Rule.Builder rule = HttpRoute.Rule.newBuilder();
    for (String path : List.of("/live", "/ready")) {
      rule.addMatches(HttpRouteMatch.newBuilder().setPath(PathMatch.newBuilder().setExact(path)));
    }
    http.addRoutesBuilder()
        .setMetadata(Metadata.newBuilder().setDefault("probe"))
        .addAuthorizations(anybody("probe"))
        .addRules(rule);
    return ProxyProtocol.newBuilder().setHttp1(http).build();
  }

  private static Authz anybody(String name) {
    return authz(
        name,
        Authn.newBuilder().setUnauthenticated(Authn.PermitUnauthenticated.getDefaultInstance()));
  }

  private static Authz identity(String name) {
    return authz(
        "by-identity",
        Authn.newBuilder()
            .setMeshTLS(
                Authn.PermitMeshTLS.newBuilder()
                    .setIdentities(
                        Authn.PermitMeshTLS.PermitClientIdentities.newBuilder()
                            .addIdentities(Identity.newBuilder().setName(name)))));
  }

  private static Authz authz(String name, Authn.Builder authentication) {
    return Authz.newBuilder()
        .setMetadata(Metadata.newBuilder().setDefault(name))
        .addNetworks(
            Network.newBuilder()
                .setNet(IPNetwork.newBuilder().setIp(IPAddress.newBuilder().setIpv4(0))))
        .setAuthentication(authentication)
        .build();
  }

  private int status(Socket socket, String request) throws Exception {
    socket.setSoTimeout(10_000);
    socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    return answer.isEmpty() ? 0 : Integer.parseInt(answer.substring(9, 12));
  }

  private int get(String path) throws Exception {
    try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
      return status(socket, "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
  }

  private int getOverMeshTls(String identity, String path) throws Exception {
    try (SSLSocket socket = meshSocket(identity)) {
      return status(socket, "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
  }

  private SSLSocket meshSocket(String identity) throws Exception {
    WorkloadCertificate certificate = credentials(identity).certificate();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    keys.load(null, null);
    keys.setKeyEntry(
        "leaf",
        certificate.privateKey(),
        new char[0],
        certificate.chain().toArray(X509Certificate[]::new));
    KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
    managers.init(keys, new char[0]);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(
        managers.getKeyManagers(), InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
    Socket plain = new Socket(server.address().getAddress(), server.address().getPort());
    return (SSLSocket) context.getSocketFactory().createSocket(plain, SERVER, 443, true);
  }

  @Test
  void serverThatGrantsNothingRefusesMetricsAndLetsProbesThrough() throws Exception {
    policy(http1());

    assertThat(get("/metrics")).isEqualTo(403);
    assertThat(get("/env.json")).isEqualTo(403);
    assertThat(get("/live")).isEqualTo(200);
    assertThat(get("/ready")).isEqualTo(200);
    DecisionEvent refused = decisions.getFirst();
    assertThat(decisions).hasSize(2);
    assertThat(refused.path()).isEqualTo("/metrics");
    assertThat(refused.policyGeneration()).isEqualTo(9);
  }

  @Test
  void policyOfTheDefaultAnswersEverybody() throws Exception {
    policy(http1(), anybody("all-unauthenticated"));
    assertThat(get("/metrics")).isEqualTo(200);
    assertThat(decisions).isEmpty();
  }

  @Test
  void identityOfMeshTlsCounts() throws Exception {
    policy(http1(), identity(CLIENT));

    assertThat(get("/metrics")).isEqualTo(403);
    assertThat(getOverMeshTls(CLIENT, "/metrics")).isEqualTo(200);
    assertThat(getOverMeshTls("other." + CLIENT.substring(5), "/metrics")).isEqualTo(403);
    // A client of the network, though it comes from this host.
    assertThat(getOverMeshTls(CLIENT, "/env.json")).isEqualTo(403);
    assertThat(decisions.getLast().connection().clientIdentity()).startsWith("other.");
  }

  @Test
  void opaqueServerIsDecidedByTheConnection() throws Exception {
    ProxyProtocol opaque =
        ProxyProtocol.newBuilder().setOpaque(ProxyProtocol.Opaque.getDefaultInstance()).build();
    policy(opaque);
    assertThat(get("/metrics")).isEqualTo(403);
    policy(opaque, anybody("all"));
    assertThat(get("/metrics")).isEqualTo(200);
  }

  @Test
  void onlyProbesAreAnsweredBeforeThereIsAPolicy() throws Exception {
    watched = false;
    assertThat(get("/live")).isEqualTo(200);
    assertThat(get("/ready")).isEqualTo(200);
    assertThat(get("/metrics")).isEqualTo(503);
    assertThat(get("/ready?x")).isEqualTo(503);
  }

  @Test
  void requestWaitsForTheFirstPolicyAndIsDecidedByTheOneInForceThen() throws Exception {
    CompletableFuture<Integer> status =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return get("/metrics");
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    Promise<ServerPolicy> waiting = port.waiting.get(10, TimeUnit.SECONDS);
    policy(http1(), anybody("all"));
    ServerPolicy first = port.current;
    policy(http1());
    assertThat(first).isNotNull();
    waiting.setSuccess(first);
    assertThat(status.get(10, TimeUnit.SECONDS)).isEqualTo(403);
  }

  @Test
  void editCountsForTheNextRequestOfAConnection() throws Exception {
    policy(http1(), anybody("all"));
    try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
      socket.setSoTimeout(10_000);
      socket
          .getOutputStream()
          .write("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      byte[] head = new byte[4096];
      int count = socket.getInputStream().read(head);
      assertThat(new String(head, 0, count, StandardCharsets.US_ASCII)).startsWith("HTTP/1.1 200");
      policy(http1());
      assertThat(status(socket, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
          .isEqualTo(403);
    }
  }

  @Test
  void connectionOfARevokedCallerIsCutWhateverItIsDoing() throws Exception {
    policy(http1(), anybody("all"));
    try (SSLSocket socket = meshSocket(CLIENT)) {
      socket.setSoTimeout(10_000);
      socket.startHandshake();
      socket
          .getOutputStream()
          .write("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      byte[] head = socket.getInputStream().readNBytes(12);
      assertThat(new String(head, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 200");
      trust = trust.withRevoked(RevocationList.of(1, List.of(), List.of(CLIENT)));
      peers.changed();
      assertThatThrownBy(() -> socket.getInputStream().readAllBytes())
          .isInstanceOf(IOException.class);
    }
    DecisionEvent record = decisions.getLast();
    assertThat(record.reason()).isEqualTo("peer-revoked");
    assertThat(record.connection().clientIdentity()).isEqualTo(CLIENT);
  }

  /** What a client of mesh TLS says first. */
  private static byte[] clientHello() throws Exception {
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
    SSLEngine engine = context.createSSLEngine(SERVER, 443);
    engine.setUseClientMode(true);
    ByteBuffer hello = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
    engine.wrap(ByteBuffer.allocate(0), hello);
    return Arrays.copyOf(hello.array(), hello.position());
  }

  /** A connection that has said hello; what reads on is told of the end of each read. */
  private EmbeddedChannel greeted(AdminTurns.Turn turn, AtomicInteger reads) throws Exception {
    EmbeddedChannel channel =
        new EmbeddedChannel(
            new AdminTls(guard(), turn),
            new ChannelInboundHandlerAdapter() {
              @Override
              public void channelReadComplete(ChannelHandlerContext ctx) {
                reads.incrementAndGet();
              }
            });
    channel.config().setAutoRead(false);
    channel.writeInbound(Unpooled.wrappedBuffer(clientHello()));
    return channel;
  }

  private static boolean hasBegun(EmbeddedChannel channel) {
    return channel.pipeline().get(SslHandler.class) != null;
  }

  @Test
  void handshakesOfOneServerDelayOneOfAnotherByOne() throws Exception {
    EmbeddedChannel clock = new EmbeddedChannel();
    clock.freezeTime();
    AdminTurns turns = new AdminTurns(clock.eventLoop());
    AdminTurns.Turn flood = turns.newTurn(128);
    List<EmbeddedChannel> flooding = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      flooding.add(greeted(flood, new AtomicInteger()));
    }
    AtomicInteger reads = new AtomicInteger();
    EmbeddedChannel other = greeted(turns.newTurn(128), reads);
    try {
      assertThat(flooding.stream().filter(AdminPolicyTest::hasBegun)).hasSize(1);
      assertThat(hasBegun(other)).isFalse();
      assertThat(reads).as("nothing more is read until then").hasValue(0);
      for (int i = 0; i < 2; i++) {
        clock.advanceTimeBy(1, TimeUnit.NANOSECONDS);
        clock.runScheduledPendingTasks();
      }
      assertThat(hasBegun(other)).isTrue();
      assertThat(reads.get()).isPositive();
      assertThat(flooding.stream().filter(AdminPolicyTest::hasBegun)).hasSize(2);
    } finally {
      flooding.forEach(EmbeddedChannel::finishAndReleaseAll);
      other.finishAndReleaseAll();
    }
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
}
