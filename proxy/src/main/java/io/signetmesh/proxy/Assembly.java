package io.signetmesh.proxy;

import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.netty.channel.unix.FileDescriptor;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.proxy.admin.AdminGuard;
import io.signetmesh.proxy.admin.AdminServer;
import io.signetmesh.proxy.admin.AdminSurface;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.config.ControlAddress;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.DialledPeers;
import io.signetmesh.proxy.connect.MeteredConnector;
import io.signetmesh.proxy.connect.PeerConnector;
import io.signetmesh.proxy.connect.SourceAddresses;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.handover.Predecessor;
import io.signetmesh.proxy.http.DefaultHttpInbound;
import io.signetmesh.proxy.http.DefaultHttpOutbound;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.inbound.InboundAccept;
import io.signetmesh.proxy.loop.ListeningSockets;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.RuntimeMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.netns.NetworkNamespace;
import io.signetmesh.proxy.outbound.OutboundAccept;
import io.signetmesh.proxy.policy.PolicyWatcher;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.rego.RegoMetrics;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenMetrics;
import io.signetmesh.proxy.upstream.DiscoveryClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the parts of a proxy on a data plane, and connects them. */
final class Assembly {
  private static final Logger log = LoggerFactory.getLogger(Assembly.class);

  private final DataPlane plane;
  private final ProxyConfig config;
  private final Network network;
  private final InstantSource clock;
  private final Parts parts;
  private final Owner owner;

  /** The proxy that the parts are for. */
  interface Owner {
    /** Whether probes are told that the proxy is ready. */
    boolean isReady(IdentityClient identity);

    /** Whether it takes connections. */
    boolean isServing();

    /** What keeps it from serving, in words for people. */
    List<String> faults();

    /** It cannot serve any more. */
    void failed(Throwable cause);

    /** Somebody asks it to end. */
    void drain();
  }

  /**
   * @param plane what all proxies of the process share
   * @param network where the sockets of the data plane and of the admin server are made
   * @param parts keeps what has to be closed, also when something fails
   */
  Assembly(
      DataPlane plane,
      ProxyConfig config,
      Network network,
      InstantSource clock,
      Parts parts,
      Owner owner) {
    this.plane = plane;
    this.config = config;
    this.network = network;
    this.clock = clock;
    this.parts = parts;
    this.owner = owner;
  }

  /**
   * Makes all parts and binds all listeners. They take no connections yet.
   *
   * @param predecessor whose listeners are taken over; null: there is none
   * @throws IOException when an address cannot be bound or the audit journal cannot be opened
   */
  Running of(@Nullable Predecessor predecessor) throws IOException {
    ProxyConfig.KeepAlive keepAlive = config.keepAlive();
    AuditDelivery delivery = parts.keep(new AuditDelivery(plane, config));
    Journal journal =
        parts.keep(plane.journals().open(journalConfig(config), config.workloadName(), clock));
    ProxyTimer summaries = parts.keep(plane.newTimer());
    AllowedRecords audit = AllowedRecords.of(journal, config.audit(), summaries);
    parts.keep(audit);
    MetricsRegistry registry = new MetricsRegistry(config.metricsRetain());
    ProxyMetrics metrics = new ProxyMetrics(registry);
    ControlLoops controlLoops = plane.control();
    ProxyTimer timer = parts.keep(plane.newTimer());
    ProxyLoops loops = parts.keep(plane.loopsOf(config, network));
    parts.keep(plane.onFailure(owner::failed));
    // First of all: until then connections are refused. They are taken once all is there.
    CompletableFuture<InboundAccept.Services> inbound = new CompletableFuture<>();
    CompletableFuture<OutboundAccept.Services> outbound = new CompletableFuture<>();
    Listeners listeners = new Listeners(config, loops, predecessor);
    parts.closeFirst(listeners::closeAndWait);
    final List<InetSocketAddress> inboundBound = listeners.bindInbound(inbound::join);
    final List<InetSocketAddress> outboundBound = listeners.bindOutbound(outbound::join);

    IdentityClient identity =
        parts.keep(
            IdentityClient.start(
                new IdentityClient.Config(
                    config.identity(),
                    config.tokenFile(),
                    config.anchors(),
                    address(config.identityService()),
                    config.controlCleartext() ? null : config.identityService().name(),
                    config.minRefresh(),
                    config.maxRefresh()),
                controlLoops,
                plane.newTurn(config.workloadName()),
                clock,
                this::trustNow));
    Supplier<Credentials> credentials = identity::credentials;
    journal.signHeads(new LeafHeads(identity::current, clock));
    Channel policyChannel = channel(config.policyService(), credentials, controlLoops);
    Channel destinationChannel = channel(config.destinationService(), credentials, controlLoops);
    delivery.of(journal, identity.firstCredentials(), credentials, controlLoops, clock);
    PolicyWatcher policies =
        parts.keep(
            new PolicyWatcher(
                policyChannel,
                config.workload(),
                new PolicyCompiler(false, System::nanoTime),
                config.policyWait(),
                config.policyIdle(),
                timer));
    metrics.nameOnly(policies::isOwn);
    DiscoveryClient upstreams =
        parts.keep(
            new DiscoveryClient(
                policyChannel,
                destinationChannel,
                config.workload(),
                config.destinationContext(),
                DiscoveryClient.Config.defaults(),
                timer));

    LivePeers live =
        new LivePeers(
            () -> identity.credentials().peers(),
            clock,
            config.expiredPeerGrace(),
            ThreadLocalRandom.current()::nextDouble);
    identity.reportPeers(live);
    PeerConnector peers =
        parts.keep(
            new PeerConnector(
                loops,
                credentials,
                clock,
                new DialledPeers(
                    live, config.workloadName(), config.identity(), audit, metrics, clock),
                config.outboundConnectTimeout(),
                config.inboundConnectTimeout(),
                config.redirected()
                    ? SourceAddresses.NONE
                    : SourceAddresses.of(config.inboundAddresses()),
                keepAlive.outboundConnect(),
                keepAlive.inboundConnect()));
    Connector connector = new MeteredConnector(peers, metrics);
    HttpConfig.Builder http =
        HttpConfig.builder()
            .poolIdleTimeout(config.poolIdleTimeout())
            .maxHeadBytes(config.maxHeadBytes());
    DefaultHttpOutbound httpOutbound =
        new DefaultHttpOutbound(
            http.keepAlive(keepAlive.outboundHttp2(), keepAlive.peerHttp2()).build(),
            connector,
            metrics);
    TokenChecks tokens =
        parts.keep(
            new TokenChecks(
                plane.tokenWorkers(), clock, policies::unknownKey, new TokenMetrics(registry)));
    RegoChecks rego =
        parts.keep(
            new RegoChecks(
                plane.regoWorkers(), plane.regoTrialWorkers(), new RegoMetrics(registry)));
    LiveSslContext<Credentials> tls = parts.keep(serverTls(credentials, List.of()));
    LiveSslContext<Credentials> directTls =
        parts.keep(serverTls(credentials, List.of(TransportHeader.ALPN)));
    inbound.complete(
        new InboundAccept.Services(
            config.workloadName(),
            config.identity(),
            config.inboundAddresses(),
            config.application(),
            listeners::isOwn,
            credentials,
            tls,
            directTls,
            live,
            policies,
            connector,
            new DefaultHttpInbound(
                http.keepAlive(keepAlive.inboundHttp2(), null).build(),
                connector,
                audit,
                clock,
                tokens,
                rego),
            audit,
            metrics,
            config.inboundDetectTimeout(),
            config.inboundDetectTimeout(),
            clock));
    outbound.complete(
        new OutboundAccept.Services(
            upstreams, connector, httpOutbound, config.outboundDetectTimeout(), metrics));

    AdminSurface surface =
        new AdminSurface(
            this::faults,
            () -> obstacles(policies),
            () -> owner.isReady(identity),
            registry,
            config.environment(),
            () -> inForce(policies),
            config.shutdownEndpoint(),
            owner::drain);
    AdminGuard guard =
        new AdminGuard(
            config.workloadName(),
            config.identity(),
            tls,
            live,
            owner::isServing,
            policies,
            audit,
            metrics,
            clock);
    AdminServer admin = parts.keep(admin(listeners, surface, guard));
    listeners.own(inboundBound);
    listeners.own(outboundBound);
    listeners.own(List.of(admin.address()));
    RuntimeMetrics.exposePolicies(registry, () -> inForce(policies));
    RuntimeMetrics.exposeIdentity(registry, identity::metrics);
    RuntimeMetrics.exposeAudit(registry, journal);
    delivery.expose(registry);
    RuntimeMetrics.exposeTransport(registry, plane.transport().label(), loops.loops().size());
    loops.expose(registry);
    registry.include(plane.metrics());
    Renewal renewal = new Renewal(live, List.of(tls, directTls), peers, httpOutbound);
    identity.onChange(renewal::changed);
    return new Running(
        loops,
        listeners,
        timer,
        identity,
        policies,
        upstreams,
        admin,
        surface,
        inboundBound,
        outboundBound);
  }

  private @Nullable PeerTrust trustNow() {
    NodeConnections node = plane.node();
    return node == null ? null : node.trustNow(config);
  }

  /** Serves at once, unless a predecessor still does. */
  private AdminServer admin(Listeners listeners, AdminSurface surface, AdminGuard guard)
      throws IOException {
    InetSocketAddress listen = config.adminListen();
    List<FileDescriptor> inherited = listeners.inherited(listen);
    if (!inherited.isEmpty()) {
      return AdminServer.adopt(plane.adminLoop(), listen, inherited, surface, guard);
    }
    if (!(network instanceof NetworkNamespace namespace)) {
      return AdminServer.start(plane.adminLoop(), listen, surface, guard);
    }
    List<FileDescriptor> made = ListeningSockets.in(namespace, listen, 1);
    AdminServer admin =
        AdminServer.adopt(
            plane.adminLoop(), ListeningSockets.address(made.getFirst()), made, surface, guard);
    admin.accept();
    return admin;
  }

  /** Renews what depends on the leaf and on the trust in peers. Confined to the client's thread. */
  private static final class Renewal {
    private final LivePeers live;
    private final List<LiveSslContext<Credentials>> serverTls;
    private final PeerConnector connector;
    private final DefaultHttpOutbound outbound;
    private @Nullable Credentials last;

    Renewal(
        LivePeers live,
        List<LiveSslContext<Credentials>> serverTls,
        PeerConnector connector,
        DefaultHttpOutbound outbound) {
      this.live = live;
      this.serverTls = serverTls;
      this.connector = connector;
      this.outbound = outbound;
    }

    void changed(Credentials credentials) {
      // First: who is revoked is cut before anything else is done.
      live.changed();
      try {
        for (LiveSslContext<Credentials> context : serverTls) {
          context.refresh();
        }
        connector.refresh();
      } catch (SSLException e) {
        log.error("no TLS context for the new credentials", e);
      }
      Credentials before = last;
      last = credentials;
      if (before == null
          || !before.certificate().equals(credentials.certificate())
          || !before.trust().equals(credentials.trust())) {
        outbound.retireConnections();
      }
    }
  }

  private static List<String> obstacles(PolicyWatcher policies) {
    String refusal = policies.refusal();
    return refusal == null
        ? List.of()
        : List.of("the policy controller refuses this proxy: " + refusal);
  }

  private List<String> faults() {
    List<String> all = new ArrayList<>(owner.faults());
    all.addAll(plane.stuck());
    return all;
  }

  private LiveSslContext<Credentials> serverTls(
      Supplier<Credentials> credentials, List<String> alpn) {
    return new LiveSslContext<>(
        credentials,
        snapshot -> MeshSslContexts.server(snapshot, ClientCertificate.OPTIONAL, alpn, clock));
  }

  private Channel channel(
      ControlAddress service, Supplier<Credentials> credentials, ControlLoops loops) {
    NodeConnections node = plane.node();
    SharedChannel.View shared = node == null ? null : node.channel(config, service);
    if (shared != null) {
      return parts.keep(shared);
    }
    ManagedChannel channel =
        config.controlCleartext()
            ? ControlChannel.openCleartext(address(service), loops)
            : ControlChannel.open(address(service), service.name(), credentials, clock, loops);
    parts.keep(channel::shutdownNow);
    return channel;
  }

  private static JournalConfig journalConfig(ProxyConfig config) {
    return new JournalConfig(
        config.auditFile(),
        config.auditQueue(),
        256L << 20,
        4,
        config.audit().sync(),
        config.audit().blocking());
  }

  private static ControlChannel.Address address(ControlAddress service) {
    return new ControlChannel.Address(service.host(), service.port());
  }

  private static List<PolicyInForce> inForce(PolicyWatcher policies) {
    List<PolicyInForce> found = new ArrayList<>();
    policies
        .inForce()
        .forEach(
            (port, policy) ->
                found.add(new PolicyInForce(port, policy.server().label(), policy.generation())));
    return found;
  }
}
