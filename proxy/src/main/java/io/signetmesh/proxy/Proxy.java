package io.signetmesh.proxy;

import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.proxy.admin.AdminSurface;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.handover.Predecessor;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.netns.Network;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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

  /** For the handover socket to be made, before the proxy is ready without. */
  private static final long SOCKET_MILLIS = 2_000;

  private final DataPlane plane;
  private final ProxyConfig config;
  private final Network network;
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
  private volatile @Nullable Succession handover;
  private @Nullable Running running;

  private Proxy(
      DataPlane plane, ProxyConfig config, Network network, InstantSource clock, boolean replace) {
    this.plane = plane;
    this.config = config;
    this.network = network;
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
    return start(plane, config, Network.HOST, clock);
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
   * Starts a proxy as {@link #start(DataPlane, ProxyConfig, InstantSource)} does, with the sockets
   * of its data plane and its admin server in a network of its own.
   *
   * @param network a copy is kept until the proxy has ended
   */
  public static Proxy start(
      DataPlane plane, ProxyConfig config, Network network, InstantSource clock)
      throws IOException {
    return start(new Proxy(plane, config, network.copy(), clock, false));
  }

  /**
   * Replaces a proxy as {@link #replace(ProxyConfig, InstantSource)} does, on the data plane of the
   * process. The running proxy may be on the same one.
   *
   * @param network has its sockets; a copy is kept until the proxy has ended
   * @throws IOException as for {@code start}, or when the running proxy does not hand over its
   *     listeners
   */
  public static Proxy replace(
      DataPlane plane, ProxyConfig config, Network network, InstantSource clock)
      throws IOException {
    return start(new Proxy(plane, config, network.copy(), clock, true));
  }

  private static Proxy startAlone(ProxyConfig config, InstantSource clock, boolean replace)
      throws IOException {
    DataPlane plane = DataPlane.forOne(config);
    Proxy proxy = new Proxy(plane, config, Network.HOST, clock, replace);
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
    parts.keep(network);
    config.ignored().forEach(log::warn);
    String obstacle = TakeOver.obstacle(config, plane.transport());
    Predecessor predecessor = TakeOver.predecessor(config, plane.adminLoop(), obstacle, replace);
    if (predecessor != null) {
      parts.keep(predecessor);
    }
    Running started =
        new Assembly(plane, config, network, clock, parts, new Owner()).of(predecessor);
    running = started;
    if (predecessor != null) {
      TakeOver successor = new TakeOver(config, predecessor, new Taking());
      takeOver = successor;
      successor.limit();
    }
    if (plane.canAskFor(config)) {
      // While the certificate is on its way.
      ask(started);
    }
    plane.whenCertified(
        started.identity().firstCredentials(),
        parts.keep(plane.newTurn(config.workloadName())),
        this::open);
    log.info(
        "proxy of {} as {}: inbound {}, outbound {}, admin {}, {}",
        config.workloadName(),
        config.identity(),
        started.inbound(),
        started.outbound(),
        started.admin().address(),
        plane.transport().label());
  }

  /** Asks for policies and for endpoints; a second time changes nothing. */
  private void ask(Running started) {
    started.policies().watch(config.inboundPorts());
    started.policies().watch(List.of(started.admin().address().getPort()));
    config.inboundListeners().forEach(each -> started.policies().watch(List.of(each.port())));
    config.outboundListeners().forEach(each -> started.upstreams().keep(each.authority()));
  }

  /** Takes traffic. In a turn of its own: the identity does not wait for files of the handover. */
  private void open() {
    if (closing.get()) {
      return;
    }
    ask(parts());
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
  boolean serve(@Nullable Predecessor predecessor) {
    synchronized (succession) {
      if (closing.get() || draining.get()) {
        return false;
      }
      serving = true;
      ProxyLoops.accept(parts().listeners().channels());
      parts().admin().accept();
      if (predecessor != null) {
        predecessor.serving();
      }
    }
    awaitSuccessor();
    return true;
  }

  // ---- succession

  /** Makes the handover socket, not with a lock: nobody waits for a directory that hangs. */
  private void awaitSuccessor() {
    try {
      parts().timer().schedule(() -> ready.complete(null), SOCKET_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // The proxy has been closed.
      return;
    }
    Succession made = new Succession(config, parts(), this);
    handover = made;
    made.listen(plane.adminLoop());
    ready.complete(null);
  }

  private void endSuccession() {
    Succession made = handover;
    if (made != null) {
      made.close();
    }
  }

  /** The successor serves. */
  void succeeded() {
    end(true);
  }

  /**
   * Whether another proxy can replace this one without interruption. Waits for the handover socket
   * of one that has just begun to serve, for at most 2 s.
   */
  public boolean canBeReplaced() {
    if (serving && !draining.get()) {
      try {
        ready.get(SOCKET_MILLIS, TimeUnit.MILLISECONDS);
      } catch (TimeoutException | ExecutionException e) {
        return false;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    Succession made = handover;
    return made != null && made.isPossible() && !draining.get();
  }

  /** Whether the proxy takes no more connections, and ends. */
  public boolean isDraining() {
    return draining.get();
  }

  // ---- what it is

  /**
   * Completes when the proxy accepts connections, and its successor finds it, or the directory of
   * the handover socket has not answered for 2 s.
   */
  public CompletableFuture<Void> ready() {
    return ready.copy();
  }

  /**
   * Completes when the proxy has ended: normally after {@link #drain} or {@link #close},
   * exceptionally when it can no longer serve. Then {@link #close} it; another may be started.
   */
  public CompletableFuture<Void> closed() {
    return closed.copy();
  }

  /** What it serves on its admin port, for the admin server of the process. */
  public AdminSurface surface() {
    return parts().surface();
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

  /** Why the policy controller refuses this proxy, which is then not ready; null: it does not. */
  public @Nullable String refusal() {
    return parts().policies().refusal();
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
