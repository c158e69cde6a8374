package io.signetmesh.proxy;

import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.loop.EventLoops;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.LoopWatch;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.metrics.BuildInfo;
import io.signetmesh.proxy.metrics.RuntimeMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.token.TokenWorkers;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What all proxies of a process share: the event loops that carry traffic, the loops of control
 * traffic, and the timer. It has no identity and no policy, and it opens no connection: those
 * belong to each {@link Proxy}. Close it after its proxies.
 *
 * <p>When an event loop ends, no proxy of the process can go on: each is told, and must be closed
 * and started on another data plane.
 */
public final class DataPlane implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DataPlane.class);

  /** An event loop that does nothing for so long is a fault. */
  private static final Duration STUCK = Duration.ofSeconds(10);

  private final EventLoops loops;
  private final ControlLoops control;
  private final ScheduledThreadPoolExecutor timer;
  private final LoopWatch watch;
  private final TokenWorkers tokenWorkers = new TokenWorkers();
  private final Set<Consumer<Throwable>> failing = ConcurrentHashMap.newKeySet();
  private volatile @Nullable Throwable failure;

  private DataPlane(IoTransport transport, int count, int controlCount) {
    this.loops = new EventLoops(transport, count);
    try {
      this.control = ControlLoops.start(controlCount);
    } catch (RuntimeException | Error e) {
      loops.close();
      throw e;
    }
    this.timer =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("proxy-timer").factory());
    timer.setRemoveOnCancelPolicy(true);
    this.watch = loops.watch(timer, STUCK, this::failed);
  }

  /**
   * Starts the data plane of a process with one proxy: for it, one loop of control traffic is
   * enough.
   */
  static DataPlane forOne(ProxyConfig config) {
    return new DataPlane(IoTransport.select(config.transport()), config.loops(), 1);
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
    return new DataPlane(IoTransport.select(transport), loops, loops);
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
   * @throws IllegalArgumentException when it is configured for another transport
   */
  ProxyLoops loopsOf(ProxyConfig config) {
    String wanted = config.transport();
    if (wanted != null && IoTransport.select(wanted) != transport()) {
      throw new IllegalArgumentException(
          "transport '"
              + wanted
              + "': expected "
              + transport().label()
              + ", which the other proxies of this process use");
    }
    return loops.forProxy(config.loops(), config.pace());
  }

  /** The threads that verify tokens. */
  TokenWorkers tokenWorkers() {
    return tokenWorkers;
  }

  /** The loops of control traffic. */
  ControlLoops control() {
    return control;
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
  List<String> stuck() {
    return watch.stuck();
  }

  /** Exposes the process. Call it once for each registry. */
  void expose(MetricsRegistry registry) {
    String version = DataPlane.class.getPackage().getImplementationVersion();
    RuntimeMetrics.exposeProcess(
        registry,
        new BuildInfo("", "", "release", "signet", version == null ? "development" : version));
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
    loops.close();
    tokenWorkers.close();
    timer.shutdownNow();
    control.close();
  }
}
