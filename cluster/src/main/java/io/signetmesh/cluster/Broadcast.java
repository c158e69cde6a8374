package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.Position;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds the newest view and tells listeners about it, in order and on one thread. A view becomes
 * visible before its listeners are told.
 */
final class Broadcast implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Broadcast.class);

  private final CopyOnWriteArrayList<Entry> listeners = new CopyOnWriteArrayList<>();
  private final ExecutorService thread;
  private volatile ClusterView view;

  Broadcast(String name, ClusterView first) {
    this.view = first;
    this.thread =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name(name).factory());
  }

  ClusterView view() {
    return view;
  }

  /**
   * Publishes the next view. When it says what the present one says, the present one stays and
   * listeners hear nothing.
   *
   * @return the view in force now
   */
  synchronized ClusterView publish(
      Map<ResourceKey, ? extends HasMetadata> objects,
      Map<ResourceKey, Position> positions,
      List<ManifestFinding> findings) {
    ClusterView older = view;
    ClusterView newer = older.next(objects, positions, findings);
    if (newer == older) {
      return older;
    }
    ClusterChange change = ClusterChange.between(older, newer);
    view = newer;
    tell(() -> listeners.forEach(entry -> entry.changed(newer, change)));
    return newer;
  }

  synchronized ClusterSource.Subscription subscribe(ClusterListener listener) {
    Entry entry = new Entry(listener);
    ClusterView present = view;
    tell(
        () -> {
          listeners.add(entry);
          entry.changed(present, ClusterChange.between(ClusterView.EMPTY, present));
        });
    return () -> {
      entry.open = false;
      tell(() -> listeners.remove(entry));
    };
  }

  private void tell(Runnable news) {
    try {
      thread.execute(news);
    } catch (RejectedExecutionException e) {
      LOG.debug("closed: news dropped");
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }

  private static final class Entry {
    private final ClusterListener listener;
    private volatile boolean open = true;

    Entry(ClusterListener listener) {
      this.listener = listener;
    }

    void changed(ClusterView view, ClusterChange change) {
      if (open) {
        try {
          listener.changed(view, change);
        } catch (RuntimeException | Error e) {
          LOG.error("listener {} failed on revision {}", listener, view.revision(), e);
        }
      }
    }
  }
}
