package io.signetmesh.proxy;

import io.grpc.ManagedChannel;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.unix.FileDescriptor;
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
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.config.ControlAddress;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.MeteredConnector;
import io.signetmesh.proxy.connect.PeerConnector;
import io.signetmesh.proxy.connect.SourceAddresses;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.handover.HandedOver;
import io.signetmesh.proxy.handover.HandoverServer;
import io.signetmesh.proxy.handover.Predecessor;
import io.signetmesh.proxy.http.DefaultHttpInbound;
import io.signetmesh.proxy.http.DefaultHttpOutbound;
import io.signetmesh.proxy.http.exchange.Drain;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.inbound.InboundAccept;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.LoopWatch;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import io.signetmesh.proxy.metrics.BuildInfo;
import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.outbound.OutboundAccept;
import io.signetmesh.proxy.policy.PolicyWatcher;
import io.signetmesh.proxy.upstream.DiscoveryClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
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
 *
 * <p>A proxy can take the place of a running one of the same workload, see {@link Predecessor}: it
 * starts beside it, gets its listeners, and takes connections once it has its certificate and the
 * policy of all its ports. Only then the other one closes its listeners and drains; until then it
 * goes on, whatever becomes of this one.
 */
public final class Proxy implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Proxy.class);

  /** An event loop that does nothing for so long is a fault. */
  private static final Duration STUCK = Duration.ofSeconds(10);

  /** A successor that has no certificate or no policy by then gives up. */
  private static final Duration TAKE_OVER = Duration.ofMinutes(2);

  private static final long POLICY_LOOK_MILLIS = 20;

  /** Connections that were taken when the successor asked for the listeners come within this. */
  private static final Duration LAST_ACCEPTED = Duration.ofMillis(250);

  /** How long clients have to notice that their connections end, when there is a successor. */
  private static final Duration ANNOUNCED = Duration.ofSeconds(5);

  private static final long DRAIN_LOOK_MILLIS = 100;
  private static final int LOOKS_A_SECOND = 10;

  private final ProxyConfig config;
  private final InstantSource clock;
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final boolean replace;
  private final List<HandedOver> listeners = new ArrayList<>();
  private final List<InetSocketAddress> ownAddresses = new CopyOnWriteArrayList<>();
  private final AtomicBoolean draining = new AtomicBoolean();
  private final AtomicBoolean closing = new AtomicBoolean();
  private final AtomicBoolean taken = new AtomicBoolean();
  private final List<String> faults = new CopyOnWriteArrayList<>();
  private final CompletableFuture<Void> ready = new CompletableFuture<>();
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private final Object succession = new Object();
  private volatile boolean serving;
  private volatile boolean succeeded;
  private @Nullable Predecessor before;
  private volatile @Nullable HandoverServer handover;
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

  private Proxy(ProxyConfig config, InstantSource clock, boolean replace) {
    this.config = config;
    this.clock = clock;
    this.replace = replace;
  }

  /**
   * Starts a proxy.
   *
   * @throws IOException when an address cannot be bound or the audit journal cannot be opened;
   *     nothing is left running
   * @throws IllegalArgumentException when the I/O transport that was asked for does not work here
   */
  public static Proxy start(ProxyConfig config, InstantSource clock) throws IOException {
    return start(config, clock, false);
  }

  /**
   * Starts a proxy in the place of the one that runs with the same handover socket. That one goes
   * on until this one is ready, and for good when this one ends before. Where none runs, this is
   * the same as a start.
   *
   * @throws IOException as for {@link #start}, or when the running one does not hand over
   */
  public static Proxy replace(ProxyConfig config, InstantSource clock) throws IOException {
    return start(config, clock, true);
  }

  private static Proxy start(ProxyConfig config, InstantSource clock, boolean replace)
      throws IOException {
    Proxy proxy = new Proxy(config, clock, replace);
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
    Predecessor predecessor = predecessor(obstacle(transport));
    before = predecessor;
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
    // First of all: until then connections are refused. They are taken once all is there.
    CompletableFuture<InboundAccept.Services> inbound = new CompletableFuture<>();
    CompletableFuture<OutboundAccept.Services> outbound = new CompletableFuture<>();
    final List<InetSocketAddress> inboundBound = bindInbound(loops, inbound::join);
    final List<InetSocketAddress> outboundBound = bindOutbound(loops, outbound::join);

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
    HttpConfig.Builder http =
        HttpConfig.builder()
            .poolIdleTimeout(config.poolIdleTimeout())
            .maxHeadBytes(config.maxHeadBytes());
    DefaultHttpOutbound httpOutbound =
        new DefaultHttpOutbound(
            http.keepAlive(keepAlive.outboundHttp2(), keepAlive.peerHttp2()).build(),
            connector,
            metrics);
    LiveSslContext<Credentials> tls = keep(serverTls(credentials, List.of()));
    LiveSslContext<Credentials> directTls =
        keep(serverTls(credentials, List.of(TransportHeader.ALPN)));
    inbound.complete(
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
                http.keepAlive(keepAlive.inboundHttp2(), null).build(), connector, journal, clock),
            journal,
            metrics,
            config.inboundDetectTimeout(),
            config.inboundDetectTimeout(),
            clock));
    outbound.complete(
        new OutboundAccept.Services(
            upstreams, connector, httpOutbound, config.outboundDetectTimeout(), metrics));

    AdminSurface surface =
        new AdminSurface(
            () -> faults(watch),
            () -> isReady(identity),
            registry,
            config.environment(),
            () -> inForce(policies),
            config.shutdownEndpoint(),
            this::drain);
    AdminGuard guard =
        new AdminGuard(
            config.workloadName(),
            config.identity(),
            tls,
            () -> serving,
            policies,
            journal,
            metrics,
            clock);
    List<FileDescriptor> adminDescriptors = inherited(config.adminListen());
    AdminServer admin =
        keep(
            adminDescriptors.isEmpty()
                ? AdminServer.start(config.adminListen(), surface, guard)
                : AdminServer.adopt(config.adminListen(), adminDescriptors, surface, guard));
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
    if (predecessor != null) {
      timer.schedule(
          () -> giveUp(predecessor, policies), TAKE_OVER.toMillis(), TimeUnit.MILLISECONDS);
    }
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
    Predecessor predecessor = before;
    if (predecessor == null) {
      if (serve(null)) {
        log.info("certificate obtained: taking connections");
      }
    } else {
      takeOverOnceInForce(predecessor);
    }
  }

  /**
   * Takes connections, and has the predecessor drain: that cannot be taken back.
   *
   * @return false when this proxy ends and nothing was done
   */
  private boolean serve(@Nullable Predecessor predecessor) {
    synchronized (succession) {
      if (closing.get() || draining.get()) {
        return false;
      }
      serving = true;
      awaitSuccessor();
      ProxyLoops.accept(channels());
      parts().admin().accept();
      if (predecessor != null) {
        predecessor.serving();
      }
    }
    ready.complete(null);
    return true;
  }

  // ---- succession

  /** Why this proxy can neither take over nor hand over; null when it can. */
  private @Nullable String obstacle(IoTransport transport) {
    Path socket = config.handover();
    return socket == null
        ? "SIGNET_PROXY_HANDOVER is off"
        : HandoverServer.obstacle(transport, socket);
  }

  private @Nullable Predecessor predecessor(@Nullable String obstacle) throws IOException {
    Path socket = config.handover();
    if (obstacle != null || socket == null) {
      if (replace) {
        log.warn("no listeners can be taken over, they are bound anew: {}", obstacle);
      } else {
        log.debug("this proxy cannot be replaced without an interruption: {}", obstacle);
      }
      return null;
    }
    if (replace) {
      Predecessor found = Predecessor.ask(socket, config.loops());
      return found == null ? null : keep(found);
    }
    if (Predecessor.isThere(socket)) {
      throw new IOException(
          "a proxy that runs already waits for its successor at "
              + socket
              + ": expected none; stop it, or start this one as its successor (signet proxy"
              + " --replace)");
    }
    return null;
  }

  /** What the running proxy has on an address; empty when there is none, or it has nothing. */
  private List<FileDescriptor> inherited(InetSocketAddress address) {
    Predecessor predecessor = before;
    return predecessor == null ? List.of() : predecessor.take(address);
  }

  /** Ports whose policy must be in force before connections are taken over. */
  private Set<Integer> pinnedPorts() {
    Set<Integer> ports = new HashSet<>(config.inboundPorts());
    ports.add(parts().admin().address().getPort());
    config.inboundListeners().forEach(listener -> ports.add(listener.port()));
    return ports;
  }

  private void takeOverOnceInForce(Predecessor predecessor) {
    if (closing.get()) {
      return;
    }
    if (!policies().keySet().containsAll(pinnedPorts())) {
      parts()
          .timer()
          .schedule(
              () -> takeOverOnceInForce(predecessor), POLICY_LOOK_MILLIS, TimeUnit.MILLISECONDS);
      return;
    }
    takeOver(predecessor);
  }

  private void takeOver(Predecessor predecessor) {
    if (!taken.compareAndSet(false, true)) {
      return;
    }
    log.info("taking over from process {}", predecessor.process());
    predecessor
        .pause()
        .thenAccept(
            inOrder ->
                // Waits for the connection to close: on no loop.
                Thread.ofPlatform()
                    .name("take-over")
                    .start(() -> serveInPlaceOf(predecessor, inOrder)));
  }

  /**
   * Serves, unless the predecessor has given up on this proxy.
   *
   * @param inOrder whether the predecessor has said that it takes no more connections
   */
  private void serveInPlaceOf(Predecessor predecessor, boolean inOrder) {
    if (predecessor.goesOn()) {
      // Two would serve, and nobody would end the older one.
      failed(
          new IllegalStateException(
              "it was not ready in time to take over: process "
                  + predecessor.process()
                  + " goes on"));
      return;
    }
    boolean serves = serve(predecessor);
    predecessor.close();
    if (serves) {
      log.info(
          "taking connections in place of process {}{}",
          predecessor.process(),
          inOrder ? "" : ", which has not answered: make sure that it ends");
    }
  }

  /** There was no certificate, or no policy, for too long. */
  private void giveUp(Predecessor predecessor, PolicyWatcher policies) {
    if (taken.get() || closing.get()) {
      return;
    }
    if (predecessor.isGone()) {
      // Nobody else serves: each connection waits for its policy, as after a start.
      if (parts().identity().isCertified()) {
        takeOver(predecessor);
      }
      return;
    }
    Set<Integer> missing = pinnedPorts();
    missing.removeAll(policies.inForce().keySet());
    failed(
        new IllegalStateException(
            (parts().identity().isCertified() ? "no policy for ports " + missing : "no certificate")
                + " within "
                + TAKE_OVER
                + ": process "
                + predecessor.process()
                + " goes on"));
  }

  private void awaitSuccessor() {
    Running started = parts();
    Path socket = config.handover();
    if (socket == null || obstacle(started.loops().transport()) != null) {
      return;
    }
    try {
      handover = HandoverServer.listen(socket, new Succession());
    } catch (IOException | RuntimeException e) {
      log.warn("this proxy cannot be replaced without an interruption: {}", e.getMessage());
    }
    if (draining.get()) {
      endSuccession();
    }
  }

  private void endSuccession() {
    HandoverServer server = handover;
    if (server != null) {
      server.close();
    }
  }

  /** Whether another proxy can take the place of this one without an interruption. */
  public boolean canBeReplaced() {
    return handover != null && !draining.get();
  }

  /** Hands the listeners to a successor. */
  private final class Succession implements HandoverServer.Owner {
    @Override
    public List<HandedOver> listeners() {
      List<HandedOver> all = new ArrayList<>(listeners);
      AdminServer admin = parts().admin();
      all.add(
          new HandedOver(
              config.adminListen().getPort() == 0 ? admin.address() : config.adminListen(),
              List.of(admin.listener())));
      return all;
    }

    @Override
    public CompletableFuture<Void> pause() {
      Running started = parts();
      started.admin().pause();
      return started.loops().pause(channels());
    }

    @Override
    public void resume() {
      if (!draining.get()) {
        ProxyLoops.accept(channels());
        parts().admin().accept();
      }
    }

    @Override
    public void succeeded() {
      end(true);
    }
  }

  private List<Channel> channels() {
    return listeners.stream().flatMap(listener -> listener.channels().stream()).toList();
  }

  // ---- what it is

  /**
   * Whether there is a proxy that serves. A probe whose connection was open, or was taken at the
   * last moment, asks a proxy that has a successor: that one serves.
   */
  private boolean isReady(IdentityClient identity) {
    return serving && identity.isCertified() && (succeeded || !draining.get());
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
    end(false);
  }

  private void end(boolean bySuccessor) {
    if (bySuccessor) {
      succeeded = true;
    }
    if (!draining.compareAndSet(false, true)) {
      return;
    }
    Running started = parts();
    log.info("draining, for at most {}", config.shutdownGrace());
    endSuccession();
    if (!bySuccessor) {
      channels().forEach(Channel::close);
    }
    Draining looks = new Draining(started, bySuccessor);
    looks.run();
    started.timer().scheduleWithFixedDelay(looks, 50, DRAIN_LOOK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Has connections end, and closes the proxy when the last is gone or the time is over. */
  private final class Draining implements Runnable {
    private final ProxyLoops loops;
    private final boolean succeeded;
    private final Duration announced;
    private final long begun = System.nanoTime();
    private boolean ended;
    private int looks;

    Draining(Running started, boolean succeeded) {
      this.loops = started.loops();
      this.succeeded = succeeded;
      Duration half = config.shutdownGrace().dividedBy(2);
      this.announced =
          !succeeded ? Duration.ZERO : half.compareTo(ANNOUNCED) < 0 ? half : ANNOUNCED;
    }

    @Override
    public void run() {
      Duration since = Duration.ofNanos(System.nanoTime() - begun);
      boolean deaf = !succeeded || since.compareTo(LAST_ACCEPTED) >= 0;
      if (succeeded && deaf) {
        channels().forEach(Channel::close);
        parts().admin().listener().close();
      }
      // Told again: a connection whose protocol was not known has not understood it.
      if (looks++ % LOOKS_A_SECOND == 0) {
        loops.tellAccepted(since.compareTo(announced) < 0 ? Drain.ANNOUNCE : Drain.BEGIN);
      }
      boolean over = since.compareTo(config.shutdownGrace()) >= 0;
      if (!ended && looks > 1 && (over || (deaf && loops.accepted() == 0))) {
        ended = true;
        // Closing waits for threads: not on the timer's own.
        Thread.ofPlatform().name("proxy-close").start(Proxy.this::close);
      }
    }
  }

  /** Ends the proxy at once; open connections are closed. */
  @Override
  public void close() {
    synchronized (succession) {
      if (!closing.compareAndSet(false, true)) {
        return;
      }
    }
    endNow();
  }

  /**
   * Ends the proxy unless it serves. Its predecessor, if it has one, goes on for sure.
   *
   * @return false when the proxy serves: it goes on
   */
  public boolean withdraw() {
    synchronized (succession) {
      if (serving) {
        return false;
      }
      if (!closing.compareAndSet(false, true)) {
        return true;
      }
    }
    endNow();
    return true;
  }

  private void endNow() {
    draining.set(true);
    endSuccession();
    channels().forEach(listener -> listener.close().awaitUninterruptibly(1, TimeUnit.SECONDS));
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

  private List<InetSocketAddress> bindInbound(
      ProxyLoops loops, Supplier<InboundAccept.Services> services) throws IOException {
    List<InetSocketAddress> bound = new ArrayList<>();
    TcpKeepAlive accepted = config.keepAlive().inboundAccept();
    InboundAccept.Listener own = new InboundAccept.Listener(0, config.redirected());
    bound.add(
        listen(
            loops,
            config.inboundListen(),
            accepted,
            loop -> new InboundAccept(loop, own, services.get())));
    for (ProxyConfig.InboundListener declared : config.inboundListeners()) {
      InboundAccept.Listener listener = new InboundAccept.Listener(declared.port(), false);
      bound.add(
          listen(
              loops,
              declared.listen(),
              accepted,
              loop -> new InboundAccept(loop, listener, services.get())));
    }
    return List.copyOf(bound);
  }

  private List<InetSocketAddress> bindOutbound(
      ProxyLoops loops, Supplier<OutboundAccept.Services> services) throws IOException {
    List<InetSocketAddress> bound = new ArrayList<>();
    TcpKeepAlive accepted = config.keepAlive().outboundAccept();
    InetSocketAddress redirected = config.outboundListen();
    if (redirected != null) {
      bound.add(
          listen(
              loops, redirected, accepted, loop -> new OutboundAccept(loop, null, services.get())));
    }
    for (ProxyConfig.OutboundListener declared : config.outboundListeners()) {
      bound.add(
          listen(
              loops,
              declared.listen(),
              accepted,
              loop -> new OutboundAccept(loop, declared.authority(), services.get())));
    }
    return List.copyOf(bound);
  }

  private InetSocketAddress listen(
      ProxyLoops loops,
      InetSocketAddress address,
      TcpKeepAlive keepAlive,
      Function<ProxyLoop, ChannelHandler> handler)
      throws IOException {
    List<FileDescriptor> inherited = inherited(address);
    List<Channel> bound =
        inherited.isEmpty()
            ? loops.bind(address, keepAlive, handler)
            : loops.adopt(address, inherited, keepAlive, handler);
    InetSocketAddress local = (InetSocketAddress) bound.getFirst().localAddress();
    listeners.add(new HandedOver(address.getPort() == 0 ? local : address, bound));
    return local;
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
