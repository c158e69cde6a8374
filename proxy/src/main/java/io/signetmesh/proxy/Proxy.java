package io.signetmesh.proxy;

import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.proxy.admin.AdminServer;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.handover.HandedOver;
import io.signetmesh.proxy.handover.HandoverServer;
import io.signetmesh.proxy.handover.Predecessor;
import io.signetmesh.proxy.loop.ProxyLoops;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A proxy: everything that carries, authenticates, authorizes and records the traffic of one
 * workload.
 *
 * <p>All listeners are bound at the start, so that a wrong address fails at once. They accept
 * connections once the first certificate has been obtained. Until then connections wait in the
 * kernel's queue.
 *
 * <p>A proxy can replace a running one of the same workload, see {@link Predecessor}. It starts
 * beside it, receives its listeners, and accepts connections once it has a certificate and the
 * policy of all its ports. Only then does the running proxy close its listeners and drain. If the
 * replacement fails before that, the running proxy goes on.
 */
public final class Proxy implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Proxy.class);

  private static final long DRAIN_LOOK_MILLIS = 100;

  private final DataPlane plane;
  private final ProxyConfig config;
  private final InstantSource clock;
  private final Parts parts = new Parts();
  private final boolean replace;
  private final AtomicBoolean draining = new AtomicBoolean();
  private final AtomicBoolean closing = new AtomicBoolean();
  private final List<String> faults = new CopyOnWriteArrayList<>();
  private final CompletableFuture<Void> ready = new CompletableFuture<>();
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private final Object succession = new Object();
  private volatile boolean serving;
  private volatile boolean succeeded;
  private @Nullable TakeOver takeOver;
  private volatile @Nullable HandoverServer handover;
  private @Nullable Running running;

  private Proxy(DataPlane plane, ProxyConfig config, InstantSource clock, boolean replace) {
    this.plane = plane;
    this.config = config;
    this.clock = clock;
    this.replace = replace;
  }

  /**
   * Starts the only proxy of a process. Its data plane is closed with it.
   *
   * @throws IOException when an address cannot be bound or the audit journal cannot be opened;
   *     nothing is left running
   * @throws IllegalArgumentException when the I/O transport that was asked for does not work here
   */
  public static Proxy start(ProxyConfig config, InstantSource clock) throws IOException {
    return startAlone(config, clock, false);
  }

  /**
   * Starts a proxy beside others of the process.
   *
   * @param plane what they share; not closed with the proxy
   * @throws IOException when an address cannot be bound or the audit journal cannot be opened;
   *     nothing of the proxy is left, and the others go on
   * @throws IllegalArgumentException when another I/O transport was asked for than the process uses
   */
  public static Proxy start(DataPlane plane, ProxyConfig config, InstantSource clock)
      throws IOException {
    return start(new Proxy(plane, config, clock, false));
  }

  /**
   * Replaces the proxy that runs with the same handover socket. The running proxy goes on until
   * this one is ready, and for good if this one ends before. If none runs, this is the same as
   * {@link #start(ProxyConfig, InstantSource)}.
   *
   * @throws IOException as for {@code start}, or when the running proxy does not hand over its
   *     listeners
   */
  public static Proxy replace(ProxyConfig config, InstantSource clock) throws IOException {
    return startAlone(config, clock, true);
  }

  /**
   * Replaces a proxy as {@link #replace(ProxyConfig, InstantSource)} does, on the data plane of the
   * process. The running proxy may be on the same one.
   *
   * @throws IOException as for {@code start}, or when the running proxy does not hand over its
   *     listeners
   */
  public static Proxy replace(DataPlane plane, ProxyConfig config, InstantSource clock)
      throws IOException {
    return start(new Proxy(plane, config, clock, true));
  }

  private static Proxy startAlone(ProxyConfig config, InstantSource clock, boolean replace)
      throws IOException {
    DataPlane plane = DataPlane.forOne(config);
    Proxy proxy = new Proxy(plane, config, clock, replace);
    proxy.parts.keep(plane);
    return start(proxy);
  }

  private static Proxy start(Proxy proxy) throws IOException {
    try {
      proxy.assemble();
    } catch (Throwable e) {
      // Also after an error, such as a thread that cannot be made: other proxies go on.
      proxy.close();
      throw e;
    }
    return proxy;
  }

  private void assemble() throws IOException {
    config.ignored().forEach(log::warn);
    String obstacle = TakeOver.obstacle(config, plane.transport());
    Predecessor predecessor = TakeOver.predecessor(config, obstacle, replace);
    if (predecessor != null) {
      parts.keep(predecessor);
    }
    Running started = new Assembly(plane, config, clock, parts, new Owner()).of(predecessor);
    running = started;
    if (predecessor != null) {
      TakeOver successor = new TakeOver(config, predecessor, new Taking());
      takeOver = successor;
      successor.limit();
    }
    started.identity().firstCredentials().thenRun(this::open);
    log.info(
        "proxy of {} as {}: inbound {}, outbound {}, admin {}, {}",
        config.workloadName(),
        config.identity(),
        started.inbound(),
        started.outbound(),
        started.admin().address(),
        plane.transport().label());
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
    TakeOver successor = takeOver;
    if (successor != null) {
      successor.takeOverOnceInForce();
    } else if (serve(null)) {
      log.info("certificate obtained: taking connections");
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
      ProxyLoops.accept(parts().listeners().channels());
      parts().admin().accept();
      if (predecessor != null) {
        predecessor.serving();
      }
    }
    ready.complete(null);
    return true;
  }

  // ---- succession

  private void awaitSuccessor() {
    Running started = parts();
    Path socket = config.handover();
    if (socket == null || TakeOver.obstacle(config, started.loops().transport()) != null) {
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

  /** Whether another proxy can replace this one without interruption. */
  public boolean canBeReplaced() {
    return handover != null && !draining.get();
  }

  /** Hands the listeners to a successor. */
  private final class Succession implements HandoverServer.Owner {
    @Override
    public List<HandedOver> listeners() {
      List<HandedOver> all = new ArrayList<>(parts().listeners().all());
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
      return started.loops().pause(started.listeners().channels());
    }

    @Override
    public void resume() {
      if (!draining.get()) {
        ProxyLoops.accept(parts().listeners().channels());
        parts().admin().accept();
      }
    }

    @Override
    public void succeeded() {
      end(true);
    }
  }

  // ---- what it is

  /** Completes when the proxy accepts connections. */
  public CompletableFuture<Void> ready() {
    return ready.copy();
  }

  /**
   * Completes when the proxy has ended: normally after {@link #drain} or {@link #close},
   * exceptionally when the proxy can no longer serve. In the second case the caller has to {@link
   * #close} it and may start another.
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

  /** The policies in force, by port of the application. */
  public Map<Integer, ServerPolicy> policies() {
    return parts().policies().inForce();
  }

  /**
   * Drains the proxy: it accepts no more connections, asks the open ones to end after their
   * requests in flight, and closes when the last has ended or the grace period is over. Returns at
   * once.
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
      started.listeners().close();
    }
    Draining looks =
        new Draining(
            started.loops(),
            started.listeners(),
            started.admin(),
            config.shutdownGrace(),
            bySuccessor,
            this::close);
    looks.run();
    try {
      started.timer().scheduleWithFixedDelay(looks, 50, DRAIN_LOOK_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The data plane has failed and was closed: there is nothing left to wait for.
      Thread.ofPlatform().name("proxy-close").start(this::close);
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
   * Ends the proxy unless it serves already. If it has a predecessor, that one goes on.
   *
   * @return false when the proxy serves already and was not ended
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
    parts.close();
    closed.complete(null);
  }

  /** The proxy cannot serve any more. */
  private void failed(Throwable cause) {
    log.error("the proxy of {} ends: {}", config.workloadName(), cause.getMessage());
    faults.add(String.valueOf(cause.getMessage()));
    closed.completeExceptionally(cause);
  }

  /** What the assembly asks of the proxy. */
  private final class Owner implements Assembly.Owner {
    /**
     * Whether there is a proxy that serves. A probe whose connection was open, or was taken at the
     * last moment, asks a proxy that has a successor: that one serves.
     */
    @Override
    public boolean isReady(IdentityClient identity) {
      return serving && identity.isCertified() && (succeeded || !draining.get());
    }

    @Override
    public boolean isServing() {
      return serving;
    }

    @Override
    public List<String> faults() {
      return faults;
    }

    @Override
    public void failed(Throwable cause) {
      Proxy.this.failed(cause);
    }

    @Override
    public void drain() {
      Proxy.this.drain();
    }
  }

  /** What taking over asks of the proxy. */
  private final class Taking implements TakeOver.Successor {
    @Override
    public boolean isClosing() {
      return closing.get();
    }

    @Override
    public boolean isCertified() {
      return parts().identity().isCertified();
    }

    @Override
    public Set<Integer> portsInForce() {
      return policies().keySet();
    }

    @Override
    public int adminPort() {
      return parts().admin().address().getPort();
    }

    @Override
    public ScheduledExecutorService timer() {
      return parts().timer();
    }

    @Override
    public boolean serve(Predecessor predecessor) {
      return Proxy.this.serve(predecessor);
    }

    @Override
    public void failed(Throwable cause) {
      Proxy.this.failed(cause);
    }
  }

  private Running parts() {
    Running started = running;
    if (started == null) {
      throw new IllegalStateException("the proxy is not assembled");
    }
    return started;
  }
}
