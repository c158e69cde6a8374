package io.signetmesh.proxy;

import io.grpc.ManagedChannel;
import io.netty.channel.Channel;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.proxy.admin.AdminGuard;
import io.signetmesh.proxy.admin.AdminServer;
import io.signetmesh.proxy.admin.AdminSurface;
import io.signetmesh.proxy.authorize.PolicyCompiler;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.config.ControlAddress;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.MeteredConnector;
import io.signetmesh.proxy.connect.PeerConnector;
import io.signetmesh.proxy.connect.SourceAddresses;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.forward.OutboundAccept;
import io.signetmesh.proxy.http.DefaultHttpInbound;
import io.signetmesh.proxy.http.DefaultHttpOutbound;
import io.signetmesh.proxy.http.Drain;
import io.signetmesh.proxy.http.HttpConfig;
import io.signetmesh.proxy.inbound.InboundAccept;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.LoopWatch;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import io.signetmesh.proxy.metrics.BuildInfo;
import io.signetmesh.proxy.metrics.MetricsRegistry;
import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.outbound.DiscoveryClient;
import io.signetmesh.proxy.policy.PolicyWatcher;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A proxy: everything that carries, authenticates, authorizes and records the traffic of one
 * workload.
 *
 * <p>All listeners are bound at the start, so that a wrong address is an error at once; they take
 * connections when the first certificate has come, and until then connections wait in the kernel.
 */
public final class Proxy implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Proxy.class);

  /** An event loop that does nothing for so long is a fault. */
  private static final Duration STUCK = Duration.ofSeconds(10);

  private final ProxyConfig config;
  private final InstantSource clock;
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final List<List<Channel>> listeners = new ArrayList<>();
  private final List<InetSocketAddress> ownAddresses = new CopyOnWriteArrayList<>();
  private final AtomicBoolean draining = new AtomicBoolean();
  private final AtomicBoolean closing = new AtomicBoolean();
  private final List<String> faults = new CopyOnWriteArrayList<>();
  private final CompletableFuture<Void> ready = new CompletableFuture<>();
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private @Nullable Running running;

  /** The parts that outlive {@link #assemble}. */
  private record Running(
      ProxyLoops loops,
      ScheduledExecutorService timer,
      IdentityClient identity,
      PolicyWatcher policies,
      DiscoveryClient upstreams,
      AdminServer admin,
      List<InetSocketAddress> inbound,
      List<InetSocketAddress> outbound) {}

  private Proxy(ProxyConfig config, InstantSource clock) {
    this.config = config;
    this.clock = clock;
  }

  /**
   * Starts a proxy.
   *
   * @throws IOException when an address cannot be bound or the audit journal cannot be opened;
   *     nothing is left running
   * @throws IllegalArgumentException when the I/O transport that was asked for does not work here
   */
  public static Proxy start(ProxyConfig config, InstantSource clock) throws IOException {
    Proxy proxy = new Proxy(config, clock);
    try {
      proxy.assemble();
    } catch (IOException | RuntimeException e) {
      proxy.close();
      throw e;
    }
    return proxy;
  }

  private void assemble() throws IOException {
    config.ignored().forEach(log::warn);
    ProxyConfig.KeepAlive keepAlive = config.keepAlive();
    IoTransport transport = IoTransport.select(config.transport());
    Journal journal =
        keep(
            Journal.open(
                new JournalConfig(config.auditFile(), config.auditQueue(), 256L << 20, 4, false),
                clock));
    MetricsRegistry registry = new MetricsRegistry(config.metricsRetain());
    ProxyMetrics metrics = new ProxyMetrics(registry);
    ControlLoops controlLoops = keep(ControlLoops.start(1));
    ScheduledThreadPoolExecutor timer =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("proxy-timer").factory());
    timer.setRemoveOnCancelPolicy(true);
    keep(timer::shutdownNow);
    ProxyLoops loops = keep(new ProxyLoops(transport, config.loops(), config.pace()));
    LoopWatch watch = loops.watch(timer, STUCK, this::failed);

    IdentityClient identity =
        keep(
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
                clock));
    Supplier<Credentials> credentials = identity::credentials;
    ManagedChannel policyChannel = channel(config.policyService(), credentials, controlLoops);
    ManagedChannel destinationChannel =
        channel(config.destinationService(), credentials, controlLoops);
    PolicyWatcher policies =
        keep(
            new PolicyWatcher(
                policyChannel,
                config.workload(),
                new PolicyCompiler(false, System::nanoTime),
                config.policyWait(),
                config.policyIdle(),
                timer));
    metrics.nameOnly(policies::isOwn);
    DiscoveryClient upstreams =
        keep(
            new DiscoveryClient(
                policyChannel,
                destinationChannel,
                config.workload(),
                config.destinationContext(),
                DiscoveryClient.Config.defaults(),
                timer));

    PeerConnector peers =
        keep(
            new PeerConnector(
                loops,
                credentials,
                clock,
                config.outboundConnectTimeout(),
                config.inboundConnectTimeout(),
                config.redirected()
                    ? SourceAddresses.NONE
                    : SourceAddresses.of(config.inboundAddresses()),
                keepAlive.outboundConnect(),
                keepAlive.inboundConnect()));
    Connector connector = new MeteredConnector(peers, metrics);
    HttpConfig http =
        HttpConfig.defaults()
            .withPoolIdleTimeout(config.poolIdleTimeout())
            .withMaxHeadBytes(config.maxHeadBytes());
    DefaultHttpOutbound httpOutbound =
        new DefaultHttpOutbound(
            http.withKeepAlive(keepAlive.outboundHttp2(), keepAlive.peerHttp2()),
            connector,
            metrics);
    LiveSslContext<Credentials> tls = keep(serverTls(credentials, List.of()));
    LiveSslContext<Credentials> directTls =
        keep(serverTls(credentials, List.of(TransportHeader.ALPN)));
    InboundAccept.Services inbound =
        new InboundAccept.Services(
            config.workloadName(),
            config.identity(),
            config.inboundAddresses(),
            config.application(),
            this::isOwn,
            credentials,
            tls,
            directTls,
            policies,
            connector,
            new DefaultHttpInbound(
                http.withKeepAlive(keepAlive.inboundHttp2(), null), connector, journal, clock),
            journal,
            metrics,
            config.inboundDetectTimeout(),
            config.inboundDetectTimeout(),
            clock);
    OutboundAccept.Services outbound =
        new OutboundAccept.Services(
            upstreams, connector, httpOutbound, config.outboundDetectTimeout(), metrics);

    List<InetSocketAddress> inboundBound = bindInbound(loops, inbound);
    List<InetSocketAddress> outboundBound = bindOutbound(loops, outbound);
    AdminServer admin =
        keep(
            AdminServer.start(
                config.adminListen(),
                new AdminSurface(
                    () -> faults(watch),
                    () -> ready.isDone() && identity.isCertified() && !draining.get(),
                    registry,
                    config.environment(),
                    () -> inForce(policies),
                    config.shutdownEndpoint(),
                    this::drain),
                new AdminGuard(
                    config.workloadName(),
                    config.identity(),
                    tls,
                    ready::isDone,
                    policies,
                    journal,
                    metrics,
                    clock)));
    ownAddresses.addAll(inboundBound);
    ownAddresses.addAll(outboundBound);
    ownAddresses.add(admin.address());
    metrics.exposePolicies(() -> inForce(policies));
    metrics.exposeAudit(journal);
    metrics.exposeTransport(transport.label(), config.loops());
    loops.expose(registry);
    metrics.exposeProcess(build());
    running =
        new Running(
            loops, timer, identity, policies, upstreams, admin, inboundBound, outboundBound);

    Renewal renewal = new Renewal(List.of(tls, directTls), peers, httpOutbound, metrics, identity);
    identity.onChange(renewal::changed);
    identity.firstCredentials().thenRun(this::open);
    log.info(
        "proxy of {} as {}: inbound {}, outbound {}, admin {}, {}",
        config.workloadName(),
        config.identity(),
        inboundBound,
        outboundBound,
        admin.address(),
        transport.label());
  }

  /** Takes traffic, now that there is a certificate. */
  private void open() {
    Running started = parts();
    started.policies().watch(config.inboundPorts());
    started.policies().watch(List.of(started.admin().address().getPort()));
    for (ProxyConfig.InboundListener listener : config.inboundListeners()) {
      started.policies().watch(List.of(listener.port()));
    }
    for (ProxyConfig.OutboundListener listener : config.outboundListeners()) {
      started.upstreams().keep(listener.authority());
    }
    listeners.forEach(ProxyLoops::accept);
    ready.complete(null);
    log.info("certificate obtained: taking connections");
  }

  /** Completes when the proxy takes connections. */
  public CompletableFuture<Void> ready() {
    return ready.copy();
  }

  /**
   * Completes when the proxy has ended: normally when that was asked for, exceptionally when it
   * cannot serve any more. It is then up to the caller to {@link #close} it and to start another.
   */
  public CompletableFuture<Void> closed() {
    return closed.copy();
  }

  /** Address of the admin server. */
  public InetSocketAddress admin() {
    return parts().admin().address();
  }

  /** Addresses of inbound listeners: the proxy's own, then those that stand for one port. */
  public List<InetSocketAddress> inbound() {
    return parts().inbound();
  }

  /** Addresses of outbound listeners: for redirected connections, then the declared upstreams. */
  public List<InetSocketAddress> outbound() {
    return parts().outbound();
  }

  /** The policies in force, by port. */
  public Map<Integer, ServerPolicy> policies() {
    return parts().policies().inForce();
  }

  /**
   * Ends the proxy in order: takes no more connections, asks the open ones to end after what is in
   * flight, and closes when the last is gone or the grace period is over. Does not wait.
   */
  public void drain() {
    if (!draining.compareAndSet(false, true)) {
      return;
    }
    Running started = parts();
    long deadline = System.nanoTime() + config.shutdownGrace().toNanos();
    log.info("draining, for at most {}", config.shutdownGrace());
    listeners.forEach(list -> list.forEach(Channel::close));
    started.loops().tellAccepted(Drain.BEGIN);
    // Closing waits for threads: not on the timer's own.
    Runnable end = () -> Thread.ofPlatform().name("proxy-close").start(this::close);
    started
        .timer()
        .scheduleWithFixedDelay(
            () -> {
              if (started.loops().accepted() == 0 || System.nanoTime() - deadline >= 0) {
                end.run();
              }
            },
            50,
            100,
            TimeUnit.MILLISECONDS);
  }

  /** Ends the proxy at once; open connections are closed. */
  @Override
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    draining.set(true);
    for (List<Channel> list : listeners) {
      list.forEach(listener -> listener.close().awaitUninterruptibly(1, TimeUnit.SECONDS));
    }
    while (!parts.isEmpty()) {
      AutoCloseable part = parts.pop();
      try {
        part.close();
      } catch (Exception e) {
        log.warn("{} did not close", part.getClass().getSimpleName(), e);
      }
    }
    closed.complete(null);
  }

  // ---- assembly

  /** Renews what depends on the leaf and the trust bundle. */
  private record Renewal(
      List<LiveSslContext<Credentials>> serverTls,
      PeerConnector connector,
      DefaultHttpOutbound outbound,
      ProxyMetrics metrics,
      IdentityClient identity) {

    void changed(Credentials credentials) {
      try {
        for (LiveSslContext<Credentials> context : serverTls) {
          context.refresh();
        }
        connector.refresh();
      } catch (SSLException e) {
        log.error("no TLS context for the new credentials", e);
      }
      outbound.retireConnections();
      Instant refreshed = identity.metrics().refreshed();
      if (refreshed != null) {
        metrics.identityRefreshed(
            refreshed, credentials.certificate().leaf().getNotAfter().toInstant());
      }
    }
  }

  /** The proxy cannot serve any more. */
  private void failed(Throwable cause) {
    log.error("the proxy of {} ends: {}", config.workloadName(), cause.getMessage());
    faults.add(String.valueOf(cause.getMessage()));
    closed.completeExceptionally(cause);
  }

  private List<String> faults(LoopWatch watch) {
    List<String> all = new ArrayList<>(faults);
    all.addAll(watch.stuck());
    return all;
  }

  private boolean isOwn(InetSocketAddress target) {
    for (InetSocketAddress own : ownAddresses) {
      if (own.getPort() == target.getPort()
          && (own.getAddress().isAnyLocalAddress()
              || target.getAddress().isAnyLocalAddress()
              || own.getAddress().equals(target.getAddress()))) {
        return true;
      }
    }
    return false;
  }

  private LiveSslContext<Credentials> serverTls(
      Supplier<Credentials> credentials, List<String> alpn) {
    return new LiveSslContext<>(
        credentials,
        snapshot -> MeshSslContexts.server(snapshot, ClientCertificate.OPTIONAL, alpn, clock));
  }

  private List<InetSocketAddress> bindInbound(ProxyLoops loops, InboundAccept.Services services)
      throws IOException {
    List<InetSocketAddress> bound = new ArrayList<>();
    TcpKeepAlive accepted = config.keepAlive().inboundAccept();
    InboundAccept.Listener own = new InboundAccept.Listener(0, config.redirected());
    bound.add(
        keep(
            loops.bind(
                config.inboundListen(), accepted, loop -> new InboundAccept(loop, own, services))));
    for (ProxyConfig.InboundListener declared : config.inboundListeners()) {
      InboundAccept.Listener listener = new InboundAccept.Listener(declared.port(), false);
      bound.add(
          keep(
              loops.bind(
                  declared.listen(),
                  accepted,
                  loop -> new InboundAccept(loop, listener, services))));
    }
    return List.copyOf(bound);
  }

  private List<InetSocketAddress> bindOutbound(ProxyLoops loops, OutboundAccept.Services services)
      throws IOException {
    List<InetSocketAddress> bound = new ArrayList<>();
    TcpKeepAlive accepted = config.keepAlive().outboundAccept();
    InetSocketAddress redirected = config.outboundListen();
    if (redirected != null) {
      bound.add(
          keep(loops.bind(redirected, accepted, loop -> new OutboundAccept(loop, null, services))));
    }
    for (ProxyConfig.OutboundListener declared : config.outboundListeners()) {
      bound.add(
          keep(
              loops.bind(
                  declared.listen(),
                  accepted,
                  loop -> new OutboundAccept(loop, declared.authority(), services))));
    }
    return List.copyOf(bound);
  }

  private InetSocketAddress keep(List<Channel> bound) {
    listeners.add(bound);
    return (InetSocketAddress) bound.getFirst().localAddress();
  }

  private <T extends AutoCloseable> T keep(T part) {
    parts.push(part);
    return part;
  }

  private ManagedChannel channel(
      ControlAddress service, Supplier<Credentials> credentials, ControlLoops loops) {
    ManagedChannel channel =
        config.controlCleartext()
            ? ControlChannel.openCleartext(address(service), loops)
            : ControlChannel.open(address(service), service.name(), credentials, clock, loops);
    keep(channel::shutdownNow);
    return channel;
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

  private static BuildInfo build() {
    String version = Proxy.class.getPackage().getImplementationVersion();
    return new BuildInfo("", "", "release", "signet", version == null ? "development" : version);
  }

  private Running parts() {
    Running started = running;
    if (started == null) {
      throw new IllegalStateException("the proxy is not assembled");
    }
    return started;
  }
}
