package io.signetmesh.proxy;

import io.signetmesh.audit.JournalWriter;
import io.signetmesh.audit.delivery.Deliveries;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.workload.WorkloadThreads;
import io.signetmesh.proxy.admin.AdminLoop;
import io.signetmesh.proxy.admin.AdminServer;
import io.signetmesh.proxy.admin.NodeSurface;
import io.signetmesh.proxy.config.NodeConfig;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.loop.EventLoops;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.LoopWatch;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.metrics.BuildInfo;
import io.signetmesh.proxy.metrics.RuntimeMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.worker.FairWorkers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What all proxies of a process share: the event loops that carry traffic, the loops of control
 * traffic, the loop of admin servers, the timer, the thread that writes audit journals, and threads
 * for work that may block. It has no policy and carries no traffic of its own: those belong to each
 * {@link Proxy}, with the identity of its workload. A node that has an identity asks the control
 * plane by it, over connections that its proxies share. Close it after its proxies.
 *
 * <p>When an event loop ends, no proxy of the process can go on: each is told, and must be closed
 * and started on another data plane.
 */
public final class DataPlane implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DataPlane.class);

  /** An event loop that does nothing for so long is a fault. */
  private static final Duration STUCK = Duration.ofSeconds(10);

  /** Threads for work that may block: one is left to others when a workload keeps one busy. */
  private static final int THREADS = 2;

  /** Between two looks at whether journals are written. */
  private static final long LOOK_MILLIS = 250;

  /** Made in the order in which they need each other, and closed the other way round. */
  private final Parts parts = new Parts();

  private final EventLoops loops;
  private final ControlLoops control;
  private final ScheduledThreadPoolExecutor timer;
  private final WorkloadThreads threads;
  private final JournalWriter journals;
  private final AdminLoop adminLoop;
  private final LoopWatch watch;
  private final FairWorkers tokenWorkers;

  /**
   * Policy bundles have threads of their own: a bundle may take a thread for a second, in which the
   * same thread verifies thousands of tokens. There are two at least, so that one is left to others
   * when a port needs all it gets.
   */
  private final FairWorkers regoWorkers;

  /** For dry runs, on a thread of their own nobody else waits for. */
  private final FairWorkers regoTrialWorkers;

  private final MetricsRegistry metrics = new MetricsRegistry(Duration.ofMinutes(10));
  private final Set<Consumer<Throwable>> failing = ConcurrentHashMap.newKeySet();
  private final Deliveries deliveries = new Deliveries();
  private final @Nullable NodeConnections node;
  private volatile @Nullable Throwable failure;

  private DataPlane(
      IoTransport transport,
      int count,
      int controlCount,
      boolean shared,
      @Nullable NodeConfig config,
      InstantSource clock) {
    try {
      this.control = parts.keep(ControlLoops.start(controlCount));
      this.adminLoop = parts.keep(new AdminLoop(shared));
      this.timer =
          new ScheduledThreadPoolExecutor(
              1, Thread.ofPlatform().daemon().name("proxy-timer").factory());
      parts.keep(timer::shutdownNow);
      timer.setRemoveOnCancelPolicy(true);
      this.journals = parts.keep(new JournalWriter());
      this.threads = parts.keep(new WorkloadThreads(THREADS, timer));
      this.tokenWorkers = parts.keep(new FairWorkers("token", threads(1)));
      this.regoWorkers = parts.keep(FairWorkers.forPolicies("rego", threads(2)));
      this.regoTrialWorkers = parts.keep(FairWorkers.forPolicies("rego-dry-run", 1));
      this.node =
          config == null
              ? null
              : parts.keep(
                  new NodeConnections(config, control, threads.newTurn("the node"), clock));
      this.loops = parts.keep(new EventLoops(transport, count));
      this.watch = loops.watch(timer, STUCK, this::failed);
      watch.add("admin loop", adminLoop.group().next());
      timer.scheduleWithFixedDelay(journals::look, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
      expose();
    } catch (RuntimeException | Error e) {
      // Each has descriptors or threads.
      parts.close();
      throw e;
    }
  }

  /**
   * Starts the data plane of a process with one proxy: for it, one loop of control traffic is
   * enough.
   */
  static DataPlane forOne(ProxyConfig config) {
    return new DataPlane(
        IoTransport.select(config.transport()),
        config.loops(),
        1,
        false,
        null,
        InstantSource.system());
  }

  /**
   * Starts the data plane of a process with several proxies. It has as many loops of control
   * traffic as event loops, because a policy is compiled on the loop that it arrives on.
   *
   * @param transport label of an I/O transport; null: the best that works here
   * @param loops number of event loops, 1 or more
   * @throws IllegalArgumentException when the transport that was asked for does not work here
   */
  public static DataPlane start(@Nullable String transport, int loops) {
    return new DataPlane(
        IoTransport.select(transport), loops, loops, true, null, InstantSource.system());
  }

  /**
   * Starts the data plane of a node that has an identity of its own: its proxies share connections
   * to the policy controller and to discovery.
   *
   * @param transport label of an I/O transport; null: the best that works here
   * @param loops number of event loops, 1 or more
   * @param node identity of the node, and its control plane
   * @throws IllegalArgumentException when the transport that was asked for does not work here
   */
  public static DataPlane start(
      @Nullable String transport, int loops, NodeConfig node, InstantSource clock) {
    return new DataPlane(IoTransport.select(transport), loops, loops, true, node, clock);
  }

  /** The connections that proxies share; null when each has its own. */
  @Nullable NodeConnections node() {
    return node;
  }

  /**
   * Runs a task once a workload has its first certificate, and its node too if that has any.
   *
   * @param certified completes with the first certificate of the workload
   * @param turn where the task runs; it may block, and other proxies do not wait for it
   */
  void whenCertified(CompletableFuture<?> certified, WorkloadThreads.Turn turn, Runnable task) {
    NodeConnections shared = node;
    CompletableFuture<?> all =
        shared == null ? certified : CompletableFuture.allOf(certified, shared.certified());
    // Not where it completes: that is one thread for all workloads when the node comes last.
    var unused = all.thenRun(() -> turn.execute(task));
  }

  /** Whether the control plane can be asked about a workload before it has a certificate. */
  boolean canAskFor(ProxyConfig config) {
    NodeConnections shared = node;
    return shared != null && shared.canAskFor(config);
  }

  /** Whether an event loop has ended: start proxies on another data plane. */
  public boolean hasFailed() {
    return failure != null;
  }

  /** The event loops of all proxies. */
  EventLoops loops() {
    return loops;
  }

  /** The I/O transport of all proxies. */
  IoTransport transport() {
    return loops.transport();
  }

  /**
   * Makes the loops of a proxy.
   *
   * @param network where its sockets are made
   * @throws IllegalArgumentException when it is configured for another transport
   */
  ProxyLoops loopsOf(ProxyConfig config, Network network) {
    String wanted = config.transport();
    if (wanted != null && IoTransport.select(wanted) != transport()) {
      throw new IllegalArgumentException(
          "transport '"
              + wanted
              + "': expected "
              + transport().label()
              + ", which the other proxies of this process use");
    }
    return loops.forProxy(config.loops(), config.pace(), network);
  }

  /** Half the processors, and not fewer than a number. */
  private static int threads(int atLeast) {
    return Math.max(atLeast, Runtime.getRuntime().availableProcessors() / 2);
  }

  /** The threads that verify tokens. */
  FairWorkers tokenWorkers() {
    return tokenWorkers;
  }

  /** The threads that ask policy bundles. */
  FairWorkers regoWorkers() {
    return regoWorkers;
  }

  /** The threads that ask policy bundles for dry runs. */
  FairWorkers regoTrialWorkers() {
    return regoTrialWorkers;
  }

  /** The loops of control traffic. */
  ControlLoops control() {
    return control;
  }

  /** The loop of admin servers and handover sockets. */
  AdminLoop adminLoop() {
    return adminLoop;
  }

  /**
   * Makes a turn for work of a workload that may block.
   *
   * @param workload {@code namespace/name}
   */
  WorkloadThreads.Turn newTurn(String workload) {
    return threads.newTurn(workload);
  }

  /** The thread that writes the journals of all proxies. */
  JournalWriter journals() {
    return journals;
  }

  /** What the deliveries of all journals share. */
  Deliveries deliveries() {
    return deliveries;
  }

  /** Makes the timer of a proxy. */
  ProxyTimer newTimer() {
    return new ProxyTimer(timer);
  }

  /** Tasks of all proxies that wait for their time, and those of the data plane itself. */
  int timerTasks() {
    return timer.getQueue().size();
  }

  /** One sentence for each stuck loop; empty while all work. */
  public List<String> stuck() {
    return watch.stuck();
  }

  /** What is the same for all workloads: the process and its memory. */
  public MetricsRegistry metrics() {
    return metrics;
  }

  /**
   * Serves the admin port of a process with several workloads.
   *
   * @param ready whether the process takes workloads and serves those that it has; must not block
   * @param workloads the workloads that it has, also those that cannot be served; must not block
   * @throws IOException when the address cannot be bound
   */
  public AdminServer serveAdmin(
      InetSocketAddress listen,
      BooleanSupplier ready,
      Supplier<? extends Collection<NodeSurface.NodeWorkload>> workloads)
      throws IOException {
    return AdminServer.start(
        adminLoop, listen, new NodeSurface(this::stuck, ready, metrics, workloads));
  }

  private void expose() {
    String version = DataPlane.class.getPackage().getImplementationVersion();
    RuntimeMetrics.exposeProcess(
        metrics,
        new BuildInfo("", "", "release", "signet", version == null ? "development" : version));
    RuntimeMetrics.exposeMemory(metrics, loops.memory());
  }

  /**
   * Has a proxy told, once, when an event loop ends.
   *
   * @return closing it ends that
   */
  AutoCloseable onFailure(Consumer<Throwable> action) {
    // One that is told is not told again, however many loops end.
    failing.add(action);
    Throwable cause = failure;
    if (cause != null) {
      tell(action, cause);
    }
    return () -> failing.remove(action);
  }

  private void failed(Throwable cause) {
    failure = cause;
    failing.forEach(action -> tell(action, cause));
  }

  private void tell(Consumer<Throwable> action, Throwable cause) {
    if (failing.remove(action)) {
      try {
        action.accept(cause);
      } catch (RuntimeException e) {
        log.error("a proxy was not told that it cannot go on", e);
      }
    }
  }

  @Override
  public void close() {
    parts.close();
  }
}
