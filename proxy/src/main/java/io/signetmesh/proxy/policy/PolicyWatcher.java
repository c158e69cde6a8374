package io.signetmesh.proxy.policy;

import io.grpc.Channel;
import io.linkerd.proxy.inbound.Server;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.memory.ClientNetwork;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the policy of the workload's ports, with one stream for each port. A policy stays in
 * force while the controller is away. Before the first message a port has no policy, and
 * connections wait for it up to a limit. Safe from any thread.
 *
 * <p>A change comes into force in this order: the message is compiled, the reference is swapped,
 * every event loop decides again on live connections and requests of the port, and the generation
 * is acknowledged.
 */
public final class PolicyWatcher implements PortPolicies, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PolicyWatcher.class);

  /**
   * Known ports watched at the same time: not pinned, but the application serves them or a Server
   * names them. Neither is up to a stranger.
   */
  static final int MAX_KNOWN_PORTS = 512;

  /**
   * Unknown ports watched at the same time: a client asked for them, and neither the application
   * serves them nor a Server names them. Each is a stream to the controller, and where connections
   * are redirected any client opens one: a scan must not use up memory and streams, nor those of
   * other ports.
   */
  static final int MAX_UNKNOWN_PORTS = 64;

  /** Life of an unknown port, whoever is connected to it. Longer than protocol detection takes. */
  static final Duration UNKNOWN_PORT_LIFE = Duration.ofSeconds(30);

  /** As whose a port counts that no client has asked for. */
  private static final Object NO_SOURCE = "unknown";

  private final PortWatch.Source streams;
  private final PolicyCompiler compiler;
  private final Duration wait;
  private final Duration idle;
  private final ScheduledExecutorService scheduler;
  private final EnforcementReporter reporter;
  private final Map<Integer, Port> ports = new ConcurrentHashMap<>();
  private final Set<Integer> pinnedNumbers = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /**
   * @param channel to the policy controller
   * @param workload workload as the controller expects it, JSON or {@code namespace:pod}
   * @param wait longest wait of a connection for a port's first policy
   * @param idle how long a port that is watched on demand stays watched after its last use
   * @param scheduler runs retries; is never blocked
   */
  public PolicyWatcher(
      Channel channel,
      String workload,
      PolicyCompiler compiler,
      Duration wait,
      Duration idle,
      ScheduledExecutorService scheduler) {
    this.compiler = compiler;
    this.wait = wait;
    this.idle = idle;
    this.scheduler = scheduler;
    String instance = UUID.randomUUID().toString();
    this.streams = new PortWatch.Source(channel, workload, instance, scheduler, compiler);
    this.reporter = new EnforcementReporter(channel, workload, instance, scheduler);
  }

  /** Pins ports: they are watched until this watcher is closed. */
  public void watch(Collection<Integer> pinned) {
    for (int number : pinned) {
      pinnedNumbers.add(number);
      port(number, NO_SOURCE).pinned = true;
    }
  }

  @Override
  public PortPolicy forPort(int number) {
    return forPort(number, null);
  }

  @Override
  public PortPolicy forPort(int number, @Nullable InetAddress source) {
    if (number < 1 || number > 65_535) {
      throw new IllegalArgumentException("port " + number + ": expected 1 to 65535");
    }
    return port(number, source == null ? NO_SOURCE : ClientNetwork.of(source));
  }

  /** The policies in force, by port. Ports without policy are left out. */
  public Map<Integer, ServerPolicy> inForce() {
    Map<Integer, ServerPolicy> found = new HashMap<>();
    ports.forEach(
        (number, port) -> {
          ServerPolicy policy = port.current();
          if (policy != null) {
            found.put(number, policy);
          }
        });
    return found;
  }

  /** Tells the controller of a key that a token named and its key set does not have. */
  public void unknownKey(String authentication, String keyId) {
    reporter.unknownKey(authentication, keyId);
  }

  @Override
  public void close() {
    closed = true;
    ports.values().forEach(Port::stop);
    reporter.close();
  }

  private Port port(int number, Object source) {
    Port known = ports.get(number);
    if (known == null) {
      makeRoom(source);
    }
    Port port =
        ports.computeIfAbsent(
            number,
            key -> {
              Port created = new Port(key, source);
              created.start();
              return created;
            });
    port.usedAt = System.nanoTime();
    if (!port.source.equals(source) && !port.pinned && !port.isKnown()) {
      share(port, source);
    }
    return port;
  }

  /**
   * An unknown port that several clients ask for counts for the one that asks for fewest others. So
   * a scan that asks for a port first, and then for many, does not take it from the others.
   */
  private void share(Port port, Object source) {
    Map<Object, Integer> counts = unknownPortsBySource();
    if (counts.getOrDefault(source, 0) + 1 < counts.getOrDefault(port.source, 0)) {
      port.source = source;
    }
  }

  private Map<Object, Integer> unknownPortsBySource() {
    Map<Object, Integer> counts = new HashMap<>();
    for (Port port : ports.values()) {
      if (!port.pinned && !port.isKnown()) {
        counts.merge(port.source, 1, Integer::sum);
      }
    }
    return counts;
  }

  /**
   * Makes room for one more unknown port. This never costs a known port, nor a port of a client
   * that has asked for fewer unknown ports. The client that has most of them loses one: those
   * without connections first, and of them the one that has not been used for the longest time.
   *
   * @param source client that asks
   */
  private void makeRoom(Object source) {
    int unknown = 0;
    int known = 0;
    Port oldestKnown = null;
    for (Port port : ports.values()) {
      if (port.pinned) {
        continue;
      }
      if (port.isKnown()) {
        known++;
        if (port.listeners.isEmpty()
            && (oldestKnown == null || port.usedAt - oldestKnown.usedAt < 0)) {
          oldestKnown = port;
        }
      } else {
        unknown++;
      }
    }
    if (unknown >= MAX_UNKNOWN_PORTS) {
      Port least = portToEvict(source);
      if (least != null) {
        least.forget();
      }
    }
    if (known >= MAX_KNOWN_PORTS && oldestKnown != null) {
      oldestKnown.forget();
    }
  }

  private @Nullable Port portToEvict(Object source) {
    Map<Object, Integer> counts = unknownPortsBySource();
    // With the port that room is made for.
    int most = counts.merge(source, 1, Integer::sum);
    for (int count : counts.values()) {
      most = Math.max(most, count);
    }
    // With as many as any other, and one of them there already, it takes from itself.
    boolean itself = counts.getOrDefault(source, 0) == most && most > 1;
    Port least = null;
    for (Port port : ports.values()) {
      if (!port.pinned
          && !port.isKnown()
          && (itself ? port.source.equals(source) : counts.getOrDefault(port.source, 0) == most)
          && (least == null || port.isEvictedBefore(least))) {
        least = port;
      }
    }
    return least;
  }

  /**
   * Whether a port is one of the workload's own (pinned, served by the application, or named by a
   * Server). Only such ports are shown in metrics.
   */
  public boolean isOwn(int number) {
    Port port = ports.get(number);
    return port != null && (port.pinned || port.isKnown());
  }

  /** Why the controller refuses this proxy; null: it does not. What was in force stays so. */
  public @Nullable String refusal() {
    for (Port port : ports.values()) {
      if (port.pinned && port.stream.refusal() != null) {
        return port.stream.refusal();
      }
    }
    return null;
  }

  /** Whether the watches of all pinned ports are open. */
  private boolean pinnedAreLive() {
    for (Port port : ports.values()) {
      if (port.pinned && !port.stream.isLive()) {
        return false;
      }
    }
    return true;
  }

  /** Ports that are watched now. */
  Set<Integer> watched() {
    return Set.copyOf(ports.keySet());
  }

  private final class Port implements PortPolicy, PortWatch.Port {
    private final int number;
    private final PortListeners listeners;
    private final List<Promise<ServerPolicy>> waiting = new ArrayList<>();
    private volatile @Nullable ServerPolicy current;
    private volatile Object source;
    private volatile boolean pinned;
    private volatile long usedAt = System.nanoTime();
    private volatile boolean stopped;
    private volatile boolean served;
    private final PortWatch stream;

    Port(int number, Object source) {
      this.number = number;
      this.listeners = new PortListeners(number);
      this.source = source;
      this.pinned = pinnedNumbers.contains(number);
      this.stream = new PortWatch(streams, number, this);
    }

    void start() {
      stream.open();
      if (!pinned) {
        scheduler.schedule(
            this::forgetIfUnknown, UNKNOWN_PORT_LIFE.toMillis(), TimeUnit.MILLISECONDS);
        scheduler.schedule(this::evictIfIdle, idle.toMillis(), TimeUnit.MILLISECONDS);
      }
    }

    private void forgetIfUnknown() {
      if (!pinned && !stopped && !isKnown()) {
        forget();
      }
    }

    private void evictIfIdle() {
      if (pinned || stopped) {
        return;
      }
      if (listeners.isEmpty() && System.nanoTime() - usedAt >= idle.toNanos()) {
        forget();
        return;
      }
      scheduler.schedule(this::evictIfIdle, idle.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Whether less is lost by forgetting this one: nobody is connected, or not for longer. */
    boolean isEvictedBefore(Port other) {
      boolean unused = listeners.isEmpty();
      return unused == other.listeners.isEmpty() ? usedAt - other.usedAt < 0 : unused;
    }

    /** Whether the application serves the port, or a Server names it. */
    boolean isKnown() {
      ServerPolicy policy = current;
      return served
          || (policy != null && policy.invalidity() == null && !policy.server().isDefault());
    }

    @Override
    public void markServed() {
      if (!served) {
        served = true;
      }
    }

    @Override
    public boolean isWatched() {
      return !stopped;
    }

    void forget() {
      // Who looked the port up just before must not live on by a policy that nobody watches.
      ServerPolicy nothing = compiler.compile(Server.getDefaultInstance());
      boolean[] forgotten = {false};
      ports.computeIfPresent(
          number,
          (key, port) -> {
            if (port != this) {
              return port;
            }
            synchronized (this) {
              current = nothing;
              stopped = true;
            }
            // Before there can be another one of this number, which reports for itself.
            reporter.forget(number);
            forgotten[0] = true;
            return null;
          });
      if (forgotten[0]) {
        stop();
        listeners.recheck(nothing, () -> {});
      }
    }

    @Override
    public boolean isPinned() {
      return pinned;
    }

    @Override
    public boolean mayOpen() {
      return pinned || pinnedAreLive();
    }

    @Override
    public boolean isOver() {
      return closed || stopped;
    }

    @Override
    public void received(ServerPolicy policy) {
      String refusal = policy.invalidity();
      if (refusal != null) {
        log.error("policy of port {} is not valid, everything is refused: {}", number, refusal);
      }
      List<Promise<ServerPolicy>> released;
      synchronized (this) {
        if (stopped) {
          // It was on its way when the port was forgotten: nobody would hear of its end.
          return;
        }
        current = policy;
        released = List.copyOf(waiting);
        waiting.clear();
      }
      released.forEach(promise -> promise.trySuccess(policy));
      recheckThenReport(policy);
    }

    /** Where one connection failed the generation is never acknowledged. */
    private void recheckThenReport(ServerPolicy policy) {
      listeners.recheck(
          policy,
          () ->
              reporter.enforced(
                  number,
                  policy.generation(),
                  policy.invalidity(),
                  () -> policy == current && !stopped));
    }

    @Override
    public int port() {
      return number;
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
      Promise<ServerPolicy> promise = executor.newPromise();
      synchronized (this) {
        now = current;
        if (now == null) {
          waiting.add(promise);
        }
      }
      if (now != null) {
        return executor.newSucceededFuture(now);
      }
      var timer =
          executor.schedule(
              () -> {
                synchronized (this) {
                  waiting.remove(promise);
                }
                promise.tryFailure(
                    new TimeoutException("no policy for port " + number + " within " + wait));
              },
              wait.toMillis(),
              TimeUnit.MILLISECONDS);
      promise.addListener(done -> timer.cancel(false));
      return promise;
    }

    @Override
    public Registration onChange(EventExecutor executor, Recheck recheck) {
      Registration registration = listeners.add(executor, recheck);
      ServerPolicy last = current;
      if (stopped && last != null) {
        executor.execute(() -> recheck.policyChanged(last));
      }
      return () -> {
        registration.close();
        usedAt = System.nanoTime();
      };
    }

    void stop() {
      stopped = true;
      stream.close();
    }
  }
}
