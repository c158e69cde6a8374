package io.signetmesh.proxy.http;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.netty.channel.Channel;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.audit.AuditLog;
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
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.DialledPeers;
import io.signetmesh.proxy.connect.PeerConnector;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.inbound.InboundAccept;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.outbound.OutboundAccept;
import io.signetmesh.proxy.policy.PortPolicies;
import io.signetmesh.proxy.policy.PortPolicy;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.rego.RegoMetrics;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenMetrics;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.TlsTarget;
import io.signetmesh.proxy.upstream.Upstream;
import io.signetmesh.proxy.upstream.Upstreams;
import io.signetmesh.proxy.worker.FairWorkers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A client-side and a server-side proxy in this process, joined by mutual TLS over loopback
 * sockets, with policy set by the test. Everything but the streams from the control plane is the
 * real thing.
 */
public final class MeshPair implements AutoCloseable {
  public static final String CLIENT = "client.shop.serviceaccount.identity.signet.cluster.local";
  public static final String SERVER = "web.shop.serviceaccount.identity.signet.cluster.local";

  private final X509Bundle ca;
  private final ProxyLoops loops;
  private final PeerConnector clientConnector;
  private final PeerConnector serverConnector;
  private final LiveSslContext<Credentials> tls;
  private final LiveSslContext<Credentials> directTls;
  private final LivePeers clientPeers;
  private final LivePeers serverPeers;
  private volatile PeerTrust clientTrust;
  private volatile PeerTrust serverTrust;
  private final FixedPolicy policy = new FixedPolicy();
  private final ProxyMetrics metrics =
      new ProxyMetrics(new MetricsRegistry(Duration.ofMinutes(10)));
  private final List<AuditEvent> audit = new CopyOnWriteArrayList<>();
  private final List<String> unknownKeys = new CopyOnWriteArrayList<>();
  private volatile boolean recordsFail;

  /** Whether nothing that is allowed can be recorded. */
  volatile boolean unrecordable;

  private final InetSocketAddress inbound;
  private final InetSocketAddress declared;
  private final InetSocketAddress outbound;
  private final PolicyCompiler compiler = new PolicyCompiler(false, System::nanoTime);
  private final TokenChecks tokens =
      new TokenChecks(
          new FairWorkers("token", 1),
          InstantSource.system(),
          (authentication, key) -> unknownKeys.add(authentication + " " + key),
          new TokenMetrics(new MetricsRegistry(Duration.ofMinutes(1))));
  private final RegoChecks rego =
      new RegoChecks(
          new FairWorkers("rego", 1),
          new FairWorkers("rego-dry-run", 1),
          new RegoMetrics(new MetricsRegistry(Duration.ofMinutes(1))));

  /**
   * @param application where the server's application listens
   */
  public MeshPair(IoTransport transport, InetSocketAddress application) throws Exception {
    ca =
        new CertificateBuilder()
            .algorithm(CertificateBuilder.Algorithm.ecp256)
            .subject("CN=test anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
    Credentials client = credentials(CLIENT);
    Credentials server = credentials(SERVER);
    clientTrust = client.peers();
    serverTrust = server.peers();
    InstantSource clock = InstantSource.system();
    clientPeers = new LivePeers(() -> clientTrust, clock, Duration.ZERO, () -> 0.5);
    serverPeers = new LivePeers(() -> serverTrust, clock, Duration.ZERO, () -> 0.5);
    loops = new ProxyLoops(transport, 1);
    clientConnector =
        new PeerConnector(
            loops,
            () -> client,
            clock,
            new DialledPeers(clientPeers, "shop/client", CLIENT, this::record, metrics, clock),
            Duration.ofSeconds(10),
            Duration.ofSeconds(10));
    serverConnector =
        new PeerConnector(
            loops,
            () -> server,
            clock,
            new DialledPeers(serverPeers, "shop/web", SERVER, this::record, metrics, clock),
            Duration.ofSeconds(10),
            Duration.ofSeconds(10));
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
    HttpConfig http = HttpConfig.defaults();
    PortPolicies policies = port -> policy;
    InboundAccept.Services services =
        new InboundAccept.Services(
            "shop/web",
            SERVER,
            Set.of(),
            application.getAddress(),
            this::isOutbound,
            () -> server,
            tls,
            directTls,
            serverPeers,
            policies,
            serverConnector,
            new DefaultHttpInbound(http, serverConnector, new Records(), clock, tokens, rego),
            new Records(),
            metrics,
            Duration.ofSeconds(2),
            Duration.ofSeconds(2),
            clock);
    InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    inbound =
        address(
            loops.listen(
                any,
                loop -> new InboundAccept(loop, new InboundAccept.Listener(0, false), services)));
    declared =
        address(
            loops.listen(
                any,
                loop ->
                    new InboundAccept(
                        loop, new InboundAccept.Listener(application.getPort(), false), services)));
    Endpoint endpoint =
        new Endpoint(
            application,
            new TlsTarget(SERVER, SERVER),
            Endpoint.Hint.HTTP2,
            inbound.getPort(),
            null,
            Map.of());
    OutboundAccept.Services outboundServices =
        new OutboundAccept.Services(
            new FixedUpstreams(endpoint),
            clientConnector,
            new DefaultHttpOutbound(http, clientConnector, metrics),
            Duration.ofSeconds(1),
            metrics);
    outbound =
        address(
            loops.listen(any, loop -> new OutboundAccept(loop, "web.shop:80", outboundServices)));
  }

  /** The event loops of both proxies. */
  public ProxyLoops loops() {
    return loops;
  }

  /** A listener for the client's application whose only upstream is an endpoint of the test. */
  public InetSocketAddress outboundTo(Endpoint endpoint) throws IOException {
    OutboundAccept.Services services =
        new OutboundAccept.Services(
            new FixedUpstreams(endpoint),
            clientConnector,
            new DefaultHttpOutbound(HttpConfig.defaults(), clientConnector, metrics),
            Duration.ofSeconds(1),
            metrics);
    return address(
        loops.listen(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            loop -> new OutboundAccept(loop, "web.shop:80", services)));
  }

  private boolean isOutbound(InetSocketAddress target) {
    return target.equals(outbound);
  }

  /** A direct connection of the client to a port of the server's workload, without protocol. */
  public Channel direct(int port) throws Exception {
    Endpoint endpoint =
        new Endpoint(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
            new TlsTarget(SERVER, SERVER),
            Endpoint.Hint.HTTP2,
            inbound.getPort(),
            null,
            Map.of());
    return clientConnector
        .connect(loops.loops().getFirst(), endpoint, Connector.Session.OPAQUE)
        .get(10, TimeUnit.SECONDS);
  }

  /** Where the client's application connects. */
  public InetSocketAddress outbound() {
    return outbound;
  }

  /** Port of the server's proxy for direct connections. */
  public int inboundPort() {
    return inbound.getPort();
  }

  /** A listener of the server's proxy that stands for the application's port. */
  public InetSocketAddress declared() {
    return declared;
  }

  /** A list arrives at the server's proxy, which looks at its connections. */
  public void revokeAtServer(String... identities) {
    listAtServer(identities);
    serverPeers.changed();
  }

  /** A list is the newest at the server's proxy, which has not looked at its connections yet. */
  public void listAtServer(String... identities) {
    serverTrust = revoked(serverTrust, identities);
  }

  /** A list arrives at the client's proxy, which looks at its connections. */
  public void revokeAtClient(String... identities) {
    listAtClient(identities);
    clientPeers.changed();
  }

  /** A list is the newest at the client's proxy, which has not looked at its connections yet. */
  public void listAtClient(String... identities) {
    clientTrust = revoked(clientTrust, identities);
  }

  private static PeerTrust revoked(PeerTrust trust, String... identities) {
    return trust.withRevoked(
        RevocationList.of(trust.revoked().number() + 1, List.of(), List.of(identities)));
  }

  /** How long connections wait for the first policy. */
  public void awaitPolicyFor(Duration patience) {
    policy.patience = patience;
  }

  /** Whether a connection has begun to wait for the first policy. */
  public boolean isPolicyAwaited() {
    return policy.awaited;
  }

  /** From now on nothing can be put on record: trying fails. */
  public void failRecords() {
    recordsFail = true;
  }

  /** Records of the server's side. */
  private final class Records implements AuditLog {
    @Override
    public void record(AuditEvent event) {
      MeshPair.this.record(event);
    }

    @Override
    public boolean admit(AuditEvent event) {
      if (!unrecordable) {
        record(event);
      }
      return !unrecordable;
    }
  }

  private void record(AuditEvent event) {
    if (recordsFail) {
      throw new IllegalStateException("nothing can be put on record");
    }
    audit.add(event);
  }

  /** Records with a reason. */
  public List<DecisionEvent> decisions(String reason) {
    return decisions().stream().filter(event -> event.reason().equals(reason)).toList();
  }

  public List<AuditEvent> audit() {
    return audit;
  }

  public List<DecisionEvent> decisions() {
    return audit.stream().map(DecisionEvent.class::cast).toList();
  }

  /** Credentials under the pair's anchor. */
  public Credentials credentials(String name, String... more) throws Exception {
    CertificateBuilder builder =
        new CertificateBuilder()
            .algorithm(CertificateBuilder.Algorithm.ecp256)
            .subject("CN=" + name.substring(0, name.indexOf('.')))
            .addSanDnsName(name)
            .addExtendedKeyUsage(CertificateBuilder.ExtendedKeyUsage.PKIX_KP_SERVER_AUTH)
            .addExtendedKeyUsage(CertificateBuilder.ExtendedKeyUsage.PKIX_KP_CLIENT_AUTH);
    for (String other : more) {
      if (other.contains(":")) {
        builder.addSanUriName(other);
      } else {
        builder.addSanDnsName(other);
      }
    }
    X509Bundle leaf = builder.buildIssuedBy(ca);
    return new Credentials(
        new WorkloadCertificate(leaf.getKeyPair().getPrivate(), List.of(leaf.getCertificate())),
        new TrustBundle(1, "cluster.local", List.of(ca.getCertificate())));
  }

  /** Puts a policy in force that grants the identities, on all networks. */
  public void allow(ProxyProtocol protocol, String... identities) {
    policy.set(compiler.compile(server(protocol).addAuthorizations(of(identities)).build()));
  }

  /** Puts a policy in force that grants everybody, on all networks. */
  public void allowAll(ProxyProtocol protocol) {
    Authz everybody =
        of().toBuilder()
            .setAuthentication(
                Authn.newBuilder()
                    .setUnauthenticated(Authn.PermitUnauthenticated.getDefaultInstance()))
            .build();
    policy.set(compiler.compile(server(protocol).addAuthorizations(everybody).build()));
  }

  /** Puts a policy in force that grants one identity and denies another. */
  public void allowAndDeny(ProxyProtocol protocol, String granted, String denied) {
    policy.set(
        compiler.compile(
            server(protocol).addAuthorizations(of(granted)).addSignetDenials(of(denied)).build()));
  }

  private Server.Builder server(ProxyProtocol protocol) {
    return Server.newBuilder()
        .putLabels("name", "web")
        .setProtocol(protocol)
        .setSignetGeneration(policy.generation() + 1);
  }

  private static Authz of(String... identities) {
    Authn.PermitMeshTLS.PermitClientIdentities.Builder ids =
        Authn.PermitMeshTLS.PermitClientIdentities.newBuilder();
    for (String identity : identities) {
      ids.addIdentities(Identity.newBuilder().setName(identity));
    }
    return Authz.newBuilder()
        .setMetadata(Metadata.newBuilder().setDefault("web-clients"))
        .addNetworks(
            Network.newBuilder()
                .setNet(
                    IPNetwork.newBuilder()
                        .setIp(IPAddress.newBuilder().setIpv4(0))
                        .setPrefixLen(0)))
        .setAuthentication(
            Authn.newBuilder().setMeshTLS(Authn.PermitMeshTLS.newBuilder().setIdentities(ids)))
        .build();
  }

  public static ProxyProtocol detect() {
    return ProxyProtocol.newBuilder()
        .setDetect(
            ProxyProtocol.Detect.newBuilder()
                .setTimeout(com.google.protobuf.Duration.newBuilder().setSeconds(2)))
        .build();
  }

  public static ProxyProtocol http2() {
    return ProxyProtocol.newBuilder().setHttp2(ProxyProtocol.Http2.getDefaultInstance()).build();
  }

  public static ProxyProtocol opaque() {
    return ProxyProtocol.newBuilder().setOpaque(ProxyProtocol.Opaque.getDefaultInstance()).build();
  }

  @Override
  public void close() {
    clientConnector.close();
    serverConnector.close();
    tls.close();
    directTls.close();
    loops.close();
  }

  private static InetSocketAddress address(List<Channel> listeners) {
    return (InetSocketAddress) listeners.getFirst().localAddress();
  }

  private static final class FixedUpstreams implements Upstreams {
    private final Endpoint endpoint;

    FixedUpstreams(Endpoint endpoint) {
      this.endpoint = endpoint;
    }

    @Override
    public Future<Upstream> forAuthority(String authority, EventExecutor executor) {
      return executor.newSucceededFuture(new FixedUpstream(endpoint));
    }

    @Override
    public Future<Upstream> forAddress(InetSocketAddress address, EventExecutor executor) {
      return executor.newSucceededFuture(new FixedUpstream(endpoint));
    }
  }

  private record FixedUpstream(Endpoint endpoint) implements Upstream {
    @Override
    public Protocol protocol() {
      return Protocol.DETECT;
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
          return endpoint;
        }

        @Override
        public void responded(long latencyNanos) {}

        @Override
        public void failed() {}

        @Override
        public void release() {}
      };
    }

    @Override
    public Future<Lease> awaitPick(EventExecutor executor) {
      return executor.newSucceededFuture(pick());
    }
  }

  /** A port's policy as the test sets it. */
  private static final class FixedPolicy implements PortPolicy {
    private record Live(EventExecutor executor, Recheck recheck) {}

    private final List<Live> live = new CopyOnWriteArrayList<>();
    private volatile @Nullable ServerPolicy current;
    private volatile Duration patience = Duration.ofMillis(200);
    private volatile boolean awaited;

    long generation() {
      ServerPolicy now = current;
      return now == null ? 0 : now.generation();
    }

    void set(ServerPolicy next) {
      current = next;
      live.forEach(one -> one.executor().execute(() -> one.recheck().policyChanged(next)));
    }

    @Override
    public int port() {
      return 80;
    }

    @Override
    public @Nullable ServerPolicy current() {
      return current;
    }

    @Override
    public Future<ServerPolicy> await(EventExecutor executor) {
      ServerPolicy now = current;
      if (now != null) {
        return executor.newSucceededFuture(now);
      }
      var promise = executor.<ServerPolicy>newPromise();
      executor.schedule(
          () -> {
            promise.tryFailure(new TimeoutException("no policy"));
          },
          patience.toMillis(),
          TimeUnit.MILLISECONDS);
      awaited = true;
      return promise;
    }

    @Override
    public Registration onChange(EventExecutor executor, Recheck recheck) {
      Live added = new Live(executor, recheck);
      live.add(added);
      return () -> live.remove(added);
    }
  }
}
