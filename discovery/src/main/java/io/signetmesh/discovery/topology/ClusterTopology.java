package io.signetmesh.discovery.topology;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterListener;
import io.signetmesh.cluster.ClusterSource;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.ResourceKey;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the topology of a cluster source up to date. It processes views on a thread of its own, so
 * that the source's other listeners do not wait. If views arrive faster than that, it processes
 * only the newest, and only the namespaces that differ. Values that do not change keep their
 * identity.
 */
public final class ClusterTopology implements TopologySource, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ClusterTopology.class);

  private final ClusterSource source;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final AtomicBoolean due = new AtomicBoolean();
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("discovery-topology").factory());
  private final ClusterSource.Subscription subscription;
  private volatile Topology current;

  // After construction, confined to the thread.
  private ClusterView read = ClusterView.EMPTY;
  private Map<String, String> zoneByNode = Map.of();
  private final Map<String, NamespaceTopology> namespaces = new TreeMap<>();

  /** Follows a source. When this returns, {@link #current} has the source's current view. */
  public ClusterTopology(ClusterSource source) {
    this.source = source;
    this.current = read(source.view());
    this.subscription =
        source.subscribe(
            new ClusterListener() {
              @Override
              public void changed(ClusterView view, ClusterChange change) {
                schedule();
              }
            });
  }

  @Override
  public Topology current() {
    return current;
  }

  @Override
  public TopologySource.Subscription onChange(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  /** No longer follows the source. The last state stays readable. */
  @Override
  public void close() {
    subscription.close();
    thread.shutdownNow();
  }

  private void schedule() {
    if (due.compareAndSet(false, true)) {
      try {
        thread.execute(this::refresh);
      } catch (RejectedExecutionException e) {
        log.debug("closed: change dropped");
      }
    }
  }

  private void refresh() {
    due.set(false);
    ClusterView view = source.view();
    if (view == read) {
      return;
    }
    try {
      current = read(view);
    } catch (RuntimeException e) {
      log.error("revision {} cannot be read, the one before stays", view.revision(), e);
      return;
    }
    for (Runnable listener : listeners) {
      try {
        listener.run();
      } catch (RuntimeException e) {
        log.error("listener {} failed on revision {}", listener, view.revision(), e);
      }
    }
  }

  private Topology read(ClusterView view) {
    ClusterChange change = ClusterChange.between(read, view);
    Set<String> touched = new HashSet<>();
    for (ResourceKey key : change.touched()) {
      touched.add(key.namespace());
    }
    if (touched.remove("")) {
      Map<String, String> zones = zones(view);
      if (!zones.equals(zoneByNode)) {
        // Endpoints that were worked out from selectors have the zone of their node.
        touched.addAll(view.namespaceNames());
      }
      zoneByNode = zones;
    }
    for (String namespace : touched) {
      NamespaceTopology before = namespaces.getOrDefault(namespace, NamespaceTopology.EMPTY);
      NamespaceTopology after = NamespaceTopology.read(view, namespace, before);
      if (after.isEmpty()) {
        namespaces.remove(namespace);
      } else {
        namespaces.put(namespace, after);
      }
    }
    read = view;
    List<ResolvedService> services = new ArrayList<>();
    List<PeerWorkload> workloads = new ArrayList<>();
    for (NamespaceTopology namespace : namespaces.values()) {
      services.addAll(namespace.services().values());
      workloads.addAll(namespace.workloads().values());
    }
    return new Topology(services, workloads, zoneByNode);
  }

  private static Map<String, String> zones(ClusterView view) {
    Map<String, String> zones = new HashMap<>();
    for (HasMetadata node : view.all(Node.class)) {
      String name = node.getMetadata().getName();
      String zone = view.zoneOf(name);
      if (!zone.isEmpty()) {
        zones.put(name, zone);
      }
    }
    return zones;
  }
}
