package io.signetmesh.cli.host;

import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterListener;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Workload;
import io.signetmesh.proxy.DataPlane;
import io.signetmesh.proxy.Proxy;
import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs one proxy in this process for each workload of this host, all on one data plane. It follows
 * the view of the cluster: proxies start, stop and are replaced with their Pods. A Pod whose proxy
 * cannot start is reported, and the other proxies run all the same. A proxy that fails is replaced.
 *
 * <p>When a Pod changes, its new proxy replaces the old one without an interruption where the host
 * allows it. The old proxy serves until the new one does, also if the new one cannot start. If the
 * Pod's ServiceAccount has changed, the old proxy stops first: nothing continues under an identity
 * that the Pod no longer has.
 *
 * <p>When the data plane fails, all proxies are started again on another one.
 */
public final class LocalProxies implements ClusterListener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LocalProxies.class);

  private static final Duration FIRST_PAUSE = Duration.ofMillis(250);
  private static final Duration LAST_PAUSE = Duration.ofSeconds(16);

  private final String controlPlaneNamespace;
  private final Environments environments;
  private final InstantSource clock;
  private final Supplier<DataPlane> planes;
  private final Map<String, Running> running = new HashMap<>();
  private final Map<String, String> refused = new HashMap<>();
  private @Nullable DataPlane plane;
  private boolean closed;

  /**
   * @param before the proxy that serves until this one does; null when there is none
   */
  private record Running(HostWorkload workload, Proxy proxy, @Nullable Proxy before) {
    void close() {
      proxy.close();
      if (before != null) {
        before.close();
      }
    }
  }

  /** Creates the environment of a workload's proxy. */
  @FunctionalInterface
  public interface Environments {
    /**
     * The environment variables, with a valid token.
     *
     * @throws IOException when the token cannot be written
     */
    Map<String, String> of(HostWorkload workload) throws IOException;
  }

  /**
   * Starts without proxies. Subscribe it to a source. The data plane has an event loop for each
   * processor, of which each proxy uses as many as it is configured for.
   */
  public LocalProxies(
      String controlPlaneNamespace, Environments environments, InstantSource clock) {
    this(
        controlPlaneNamespace,
        environments,
        clock,
        () -> DataPlane.start(null, Runtime.getRuntime().availableProcessors()));
  }

  /**
   * @param planes starts the data plane of all proxies, and another one when it fails
   */
  LocalProxies(
      String controlPlaneNamespace,
      Environments environments,
      InstantSource clock,
      Supplier<DataPlane> planes) {
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.environments = environments;
    this.clock = clock;
    this.planes = planes;
  }

  @Override
  public synchronized void changed(ClusterView view, ClusterChange change) {
    if (closed) {
      return;
    }
    Map<String, HostWorkload> wanted = new HashMap<>();
    Map<String, String> faults = new HashMap<>();
    for (Workload workload : view.workloads()) {
      try {
        HostWorkload.of(workload, controlPlaneNamespace)
            .ifPresent(found -> wanted.put(found.qualifiedName(), found));
      } catch (IllegalArgumentException e) {
        String name = workload.ref().toString();
        faults.put(name, String.valueOf(e.getMessage()));
        // A mistake in an annotation does not take away what was there.
        Running before = running.get(name);
        if (before != null) {
          wanted.put(name, before.workload());
        }
      }
    }
    retire(wanted);
    wanted.forEach(
        (name, workload) -> {
          Running before = running.get(name);
          if (before == null || !before.workload().equals(workload)) {
            start(workload, faults);
          }
        });
    faults.forEach(
        (name, fault) -> {
          if (!fault.equals(refused.get(name))) {
            log.error("{}", fault);
          }
        });
    refused.clear();
    refused.putAll(faults);
  }

  private void retire(Map<String, HostWorkload> wanted) {
    Iterator<Map.Entry<String, Running>> entries = running.entrySet().iterator();
    while (entries.hasNext()) {
      Map.Entry<String, Running> entry = entries.next();
      Running now = entry.getValue();
      HostWorkload next = wanted.get(entry.getKey());
      if (now.workload().equals(next)) {
        continue;
      }
      boolean otherIdentity =
          next != null && !next.serviceAccount().equals(now.workload().serviceAccount());
      if (next == null || otherIdentity || !isReplaceable(now)) {
        log.info(
            "proxy of {} ends: its pod {}",
            entry.getKey(),
            next == null
                ? "is gone"
                : otherIdentity ? "has another service account" : "has changed");
        now.close();
        entries.remove();
      }
    }
  }

  private static boolean isReplaceable(Running now) {
    Proxy before = now.before();
    return now.proxy().canBeReplaced() || (before != null && before.canBeReplaced());
  }

  /** Starts the proxy of a workload, in the place of the one that it has. */
  private void start(HostWorkload workload, Map<String, String> faults) {
    String name = workload.qualifiedName();
    Running now = running.get(name);
    try {
      ProxyConfig config = ProxyConfig.from(environments.of(workload));
      Proxy serving = null;
      if (now != null) {
        serving = now.proxy();
        if (serving.withdraw()) {
          // It does not serve yet: the one before does, if there is one.
          serving = now.before();
        } else if (!serving.canBeReplaced()) {
          serving.close();
          serving = null;
        }
      }
      Proxy proxy =
          serving == null
              ? Proxy.start(plane(), config, clock)
              : Proxy.replace(plane(), config, clock);
      if (serving != null) {
        log.info("proxy of {} is replaced, because its pod has changed", name);
      }
      running.put(name, new Running(workload, proxy, serving));
      proxy.ready().thenRunAsync(() -> forgetBefore(name, proxy));
      proxy
          .closed()
          .whenComplete(
              (done, failure) -> {
                if (failure != null) {
                  Thread.ofPlatform()
                      .daemon()
                      .name("proxy-restart")
                      .start(() -> replace(name, proxy));
                }
              });
    } catch (InvalidConfigException e) {
      faults.put(name, "proxy of " + name + " cannot start: " + String.join("; ", e.faults()));
    } catch (IOException | RuntimeException e) {
      faults.put(name, "proxy of " + name + " cannot start: " + e.getMessage());
    } catch (OutOfMemoryError e) {
      // Also when no thread can be made: it is tried again, for this and all other workloads.
      faults.put(name, "proxy of " + name + " cannot start: " + e);
    }
  }

  /** The data plane of all proxies. */
  private DataPlane plane() {
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

  /** The proxy serves: the one before it ends by itself. */
  private synchronized void forgetBefore(String name, Proxy proxy) {
    Running entry = running.get(name);
    if (entry != null && entry.proxy() == proxy) {
      running.put(name, new Running(entry.workload(), proxy, null));
    }
  }

  /** Starts another proxy in place of one that cannot serve any more, until one runs. */
  private void replace(String name, Proxy failed) {
    // Gives its addresses free.
    failed.close();
    for (Duration pause = FIRST_PAUSE; ; pause = longer(pause)) {
      try {
        Thread.sleep(pause);
      } catch (InterruptedException e) {
        return;
      }
      synchronized (this) {
        Running entry = running.get(name);
        if (closed || entry == null || entry.proxy() != failed) {
          return;
        }
        Map<String, String> faults = new HashMap<>();
        start(entry.workload(), faults);
        String fault = faults.get(name);
        if (fault == null) {
          log.warn("proxy of {} was started again", name);
          return;
        }
        log.error("{}", fault);
      }
    }
  }

  private static Duration longer(Duration pause) {
    return pause.compareTo(LAST_PAUSE) < 0 ? pause.multipliedBy(2) : LAST_PAUSE;
  }

  /** The workloads that have a proxy now. */
  public synchronized List<HostWorkload> workloads() {
    return running.values().stream().map(Running::workload).toList();
  }

  /**
   * Why workloads of this host have no proxy, or an outdated one; empty when there are no problems.
   */
  public synchronized List<String> faults() {
    return List.copyOf(refused.values());
  }

  /** Completes when all proxies that run now accept connections. */
  public synchronized CompletableFuture<Void> ready() {
    return CompletableFuture.allOf(
        running.values().stream()
            .map(entry -> entry.proxy().ready())
            .toArray(CompletableFuture<?>[]::new));
  }

  @Override
  public synchronized void close() {
    closed = true;
    List<Proxy> ending = new ArrayList<>();
    for (Running entry : running.values()) {
      ending.add(entry.proxy());
      Proxy before = entry.before();
      if (before != null) {
        ending.add(before);
      }
    }
    running.clear();
    ending.forEach(Proxy::drain);
    ending.forEach(proxy -> proxy.closed().handle((done, failure) -> failure).join());
    DataPlane shared = plane;
    if (shared != null) {
      shared.close();
    }
  }
}
