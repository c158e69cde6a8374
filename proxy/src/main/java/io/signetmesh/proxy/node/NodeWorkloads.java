package io.signetmesh.proxy.node;

import io.signetmesh.proxy.DataPlane;
import io.signetmesh.proxy.Proxy;
import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.node.WorkloadStatus.State;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs one proxy in this process for each workload that it is given, all on one data plane. A
 * workload whose proxy cannot start is reported by name, and the others run all the same. A proxy
 * that fails is started again.
 *
 * <p>When a workload changes, its new proxy replaces the old one without an interruption where the
 * host allows it. The old proxy serves until the new one does, also if the new one cannot start. If
 * the ServiceAccount has changed, the old proxy ends first: nothing continues under an identity
 * that the workload no longer has. If the network has changed, the old proxy drains beside the new
 * one.
 *
 * <p>When the data plane fails, all proxies are started again on another one. Thread-safe; calls
 * for one workload wait for each other, those for different workloads do not. Who asks how
 * workloads fare waits for none.
 */
public final class NodeWorkloads implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NodeWorkloads.class);

  private static final long POLICY_LOOK_MILLIS = 10;

  private final Supplier<DataPlane> planes;
  private final InstantSource clock;
  private final Options options;
  private final Consumer<WorkloadStatus> changes;
  private final Map<String, WorkloadEntry> entries = new ConcurrentSkipListMap<>();

  /** All proxies that have not ended, also those that drain. */
  private final Set<Proxy> open = ConcurrentHashMap.newKeySet();

  private final ScheduledThreadPoolExecutor timer;
  private final Object planeLock = new Object();
  private @Nullable DataPlane plane;
  private volatile boolean closed;

  /**
   * How workloads are treated.
   *
   * @param retries whether a proxy that could not start is started again after a while, unless its
   *     configuration is wrong
   * @param succeeds whether proxies of another process may run, which are replaced
   */
  public record Options(boolean retries, boolean succeeds) {}

  /**
   * Runs nothing yet.
   *
   * @param planes starts the data plane of all proxies, and another one when it fails
   * @param changes is told of each change of a state, on any thread; it must not block
   */
  public NodeWorkloads(
      Supplier<DataPlane> planes,
      InstantSource clock,
      Options options,
      Consumer<WorkloadStatus> changes) {
    this.planes = planes;
    this.clock = clock;
    this.options = options;
    this.changes = changes;
    this.timer =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("workloads").factory());
    timer.setKeepAliveTime(10, TimeUnit.SECONDS);
    timer.allowCoreThreadTimeOut(true);
  }

  /**
   * Adds a workload, or has its proxy replaced if it has changed. Blocks until listeners are bound,
   * or could not be.
   *
   * @return why it has no proxy, or an outdated one; null when there is no problem
   */
  public @Nullable String put(LocalWorkload workload) {
    while (true) {
      WorkloadEntry entry =
          entries.computeIfAbsent(workload.name(), name -> new WorkloadEntry(workload));
      entry.work.lock();
      try {
        if (closed) {
          workload.network().close();
          return "workload " + workload.name() + ": the process ends";
        }
        if (entry.isGone()) {
          entries.remove(workload.name(), entry);
          continue;
        }
        return put(entry, workload);
      } finally {
        release(entry);
      }
    }
  }

  private @Nullable String put(WorkloadEntry entry, LocalWorkload workload) {
    LocalWorkload last = entry.workload();
    if (last != workload) {
      boolean sameNetwork = last.network().isSame(workload.network());
      if (entry.isServed() && sameNetwork && last.isSame(workload)) {
        // Kept as it was said last: a successor gets the newest token.
        entry.becomes(workload);
        last.network().close();
        return null;
      }
      makeRoom(entry, workload, sameNetwork);
      entry.becomes(workload);
      last.network().close();
    }
    entry.startsAnew();
    boolean mayHelp = start(entry);
    String fault = entry.fault();
    if (fault != null && mayHelp && options.retries()) {
      later(entry);
    }
    return fault;
  }

  /** Ends what cannot be replaced without an interruption, or must not be. */
  private void makeRoom(WorkloadEntry entry, LocalWorkload next, boolean sameNetwork) {
    if (entry.proxy() == null) {
      return;
    }
    if (!entry.workload().serviceAccount().equals(next.serviceAccount())) {
      log.info("proxy of {} ends: its pod has another service account", next.name());
      entry.take(false).forEach(Proxy::close);
    } else if (!sameNetwork) {
      log.info("proxy of {} drains: its pod has another network", next.name());
      drain(entry);
    } else if (!entry.isReplaceable()) {
      log.info("proxy of {} ends: its pod has changed", next.name());
      entry.take(false).forEach(Proxy::close);
    }
  }

  private void drain(WorkloadEntry entry) {
    drain(entry, entry.take(true));
  }

  private void drain(WorkloadEntry entry, List<Proxy> taken) {
    for (Proxy each : taken) {
      each.drain();
      each.closed().whenComplete((done, failure) -> drained(entry, each));
    }
  }

  private void drained(WorkloadEntry entry, Proxy proxy) {
    proxy.close();
    entry.drained();
    endIfGone(entry);
  }

  private void endIfGone(WorkloadEntry entry) {
    // If it was added anew meanwhile, that is what counts.
    if (entry.hasEnded() && entries.remove(entry.workload().name(), entry)) {
      tell(entry, State.GONE, "");
    }
  }

  /**
   * Starts the proxy of a workload, in the place of the one that it has; notes a fault.
   *
   * @return whether trying again may help
   */
  private boolean start(WorkloadEntry entry) {
    LocalWorkload workload = entry.workload();
    String name = workload.name();
    entry.begins();
    boolean mayHelp = true;
    String fault;
    try {
      ProxyConfig config = workload.configuration();
      Proxy serving = entry.makeRoom();
      Network network = workload.network();
      Proxy proxy =
          serving != null || options.succeeds()
              ? Proxy.replace(plane(), config, network, clock)
              : Proxy.start(plane(), config, network, clock);
      open.add(proxy);
      proxy.closed().whenComplete((done, failure) -> open.remove(proxy));
      if (closed) {
        // It came too late to be drained with the others.
        proxy.close();
        throw new IOException("the process ends");
      }
      if (serving != null) {
        log.info("proxy of {} is replaced, because its pod has changed", name);
      }
      entry.started(proxy, serving, config);
      tell(entry.status());
      follow(entry, proxy);
      return true;
    } catch (InvalidConfigException e) {
      mayHelp = false;
      fault = "proxy of " + name + " cannot start: " + String.join("; ", e.faults());
    } catch (IOException | RuntimeException e) {
      fault = "proxy of " + name + " cannot start: " + e.getMessage();
    } catch (OutOfMemoryError e) {
      // Also when no thread can be made.
      fault = "proxy of " + name + " cannot start: " + e;
    }
    entry.failed(fault);
    tell(entry, State.FAILED, fault);
    return mayHelp;
  }

  private void follow(WorkloadEntry entry, Proxy proxy) {
    proxy.ready().thenRunAsync(() -> serves(entry, proxy), timer);
    proxy
        .closed()
        .whenComplete(
            (done, failure) -> {
              if (failure == null) {
                ended(entry, proxy, null);
              } else {
                Thread.ofPlatform()
                    .daemon()
                    .name("proxy-restart")
                    .start(() -> ended(entry, proxy, failure));
              }
            });
  }

  /** The proxy takes connections. On the one thread for all workloads: it waits for none. */
  private void serves(WorkloadEntry entry, Proxy proxy) {
    Set<Integer> missing = entry.serves(proxy);
    if (missing == null) {
      return;
    }
    if (missing.isEmpty()) {
      tell(entry, State.READY, "");
    } else {
      timer.schedule(() -> serves(entry, proxy), POLICY_LOOK_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** The proxy has ended by itself. */
  private void ended(WorkloadEntry entry, Proxy proxy, @Nullable Throwable failure) {
    if (failure != null) {
      // Gives its addresses free.
      proxy.close();
    }
    String fault = closed ? null : entry.ended(proxy, failure);
    if (fault == null) {
      return;
    }
    tell(entry, State.FAILED, fault);
    if (failure != null) {
      later(entry);
    }
  }

  /** Starts a proxy after a pause, unless something else was done with the workload by then. */
  private void later(WorkloadEntry entry) {
    WorkloadEntry.Retry retry = entry.retry();
    if (closed) {
      return;
    }
    timer.schedule(
        () ->
            Thread.ofPlatform()
                .daemon()
                .name("proxy-restart")
                .start(() -> again(entry, retry.turn())),
        retry.pause().toMillis(),
        TimeUnit.MILLISECONDS);
  }

  private void again(WorkloadEntry entry, long turn) {
    entry.work.lock();
    try {
      if (closed || !entry.isAt(turn)) {
        return;
      }
      if (startOrLater(entry)) {
        log.warn("proxy of {} was started again", entry.workload().name());
      }
    } finally {
      release(entry);
    }
  }

  private boolean startOrLater(WorkloadEntry entry) {
    start(entry);
    String fault = entry.fault();
    if (fault != null) {
      log.error("{}", fault);
      later(entry);
    }
    return fault == null;
  }

  /** The data plane of all proxies. */
  private DataPlane plane() throws IOException {
    synchronized (planeLock) {
      if (closed) {
        throw new IOException("the process ends");
      }
      DataPlane now = plane;
      if (now != null && now.hasFailed()) {
        // Its proxies cannot go on, and have been told.
        now.close();
        now = null;
      }
      if (now == null) {
        now = planes.get();
        plane = now;
      }
      return now;
    }
  }

  /**
   * Removes a workload.
   *
   * @param drains whether its connections may end by themselves, within the grace period; else they
   *     are closed now, and its addresses are free when this returns
   * @return false when there is none
   */
  public boolean remove(String name, boolean drains) {
    WorkloadEntry entry = entries.get(name);
    if (entry == null) {
      return false;
    }
    entry.work.lock();
    try {
      List<Proxy> taken = entry.goes(drains);
      if (taken == null) {
        return false;
      }
      if (drains) {
        log.info("proxy of {} drains: its pod is gone", name);
        drain(entry, taken);
      } else {
        log.info("proxy of {} ends: its pod is gone", name);
        taken.forEach(Proxy::close);
      }
      entry.workload().network().close();
    } finally {
      release(entry);
    }
    tell(entry, State.DRAINING, "it was removed");
    endIfGone(entry);
    return true;
  }

  /**
   * Starts a proxy for a workload whose proxy has handed over to another process, or has ended,
   * because that process does not go on. Proxies that drain go on draining. Does nothing for a
   * workload whose proxy serves.
   */
  public void resume(String name) {
    WorkloadEntry entry = entries.get(name);
    if (entry == null) {
      return;
    }
    entry.work.lock();
    try {
      Proxy now = entry.proxy();
      if (closed || entry.isGone() || (now != null && !now.isDraining())) {
        return;
      }
      drain(entry);
      startOrLater(entry);
    } finally {
      release(entry);
    }
  }

  /** Ends work on an entry, which may have changed since {@link #close} closed its network. */
  private void release(WorkloadEntry entry) {
    entry.work.unlock();
    if (closed) {
      entry.workload().network().close();
    }
  }

  /** The workloads that have a proxy, also one that does not serve yet, by name. */
  public Map<String, LocalWorkload> running() {
    return find(entry -> !entry.isGone() && entry.proxy() != null);
  }

  /** All workloads that were put and not removed, by name. */
  public Map<String, LocalWorkload> workloads() {
    return find(entry -> !entry.isGone());
  }

  private Map<String, LocalWorkload> find(Predicate<WorkloadEntry> wanted) {
    Map<String, LocalWorkload> found = new TreeMap<>();
    entries.forEach(
        (name, entry) -> {
          if (wanted.test(entry)) {
            found.put(name, entry.workload());
          }
        });
    return found;
  }

  /** How a workload fares; null when there is none. */
  public @Nullable WorkloadStatus status(String name) {
    WorkloadEntry entry = entries.get(name);
    return entry == null ? null : entry.status();
  }

  /** How all workloads fare, also those that drain, in the order of their names. */
  public List<WorkloadStatus> statuses() {
    return entries.values().stream().map(WorkloadEntry::status).toList();
  }

  private void tell(WorkloadEntry entry, State state, String reason) {
    tell(new WorkloadStatus(entry.workload().name(), state, reason));
  }

  /** With no entry held: who is told may look at all of them. */
  private void tell(WorkloadStatus status) {
    changes.accept(status);
  }

  /** Completes when all proxies that run now accept connections. */
  public CompletableFuture<Void> ready() {
    List<CompletableFuture<Void>> all = new ArrayList<>();
    entries.forEach(
        (name, entry) -> {
          Proxy proxy = entry.proxy();
          if (proxy != null) {
            all.add(proxy.ready());
          }
        });
    return CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new));
  }

  /** Completes when no proxy is open any more, those that drain included. */
  public CompletableFuture<Void> ended() {
    return CompletableFuture.allOf(
        open.stream()
            .map(proxy -> proxy.closed().handle((done, failure) -> done))
            .toArray(CompletableFuture<?>[]::new));
  }

  /**
   * Drains all proxies, and waits until the last has ended, predecessors that drain included. Waits
   * for no proxy that is being started: it ends as soon as it has.
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (WorkloadEntry entry : entries.values()) {
      entry.ends();
      entry.workload().network().close();
    }
    while (!open.isEmpty()) {
      open.forEach(Proxy::drain);
      ended().join();
    }
    timer.shutdownNow();
    synchronized (planeLock) {
      DataPlane shared = plane;
      if (shared != null) {
        shared.close();
      }
    }
  }
}
