package io.signetmesh.cluster;

import io.signetmesh.crds.manifest.Finding;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.LongFunction;
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

  /** Makes and publishes the next view; listeners hear of it unless nothing differs. */
  synchronized ClusterView publish(LongFunction<ClusterView> make) {
    ClusterView older = view;
    ClusterView newer = make.apply(older.revision() + 1).sharing(older);
    ClusterChange change = ClusterChange.between(older, newer);
    view = newer;
    if (!change.isEmpty()) {
      tell(() -> listeners.forEach(entry -> entry.changed(newer, change)));
    }
    return newer;
  }

  synchronized void reject(List<Finding> findings) {
    List<Finding> copy = List.copyOf(findings);
    tell(() -> listeners.forEach(entry -> entry.rejected(copy)));
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
        } catch (RuntimeException e) {
          LOG.error("listener {} failed on revision {}", listener, view.revision(), e);
        }
      }
    }

    void rejected(List<Finding> findings) {
      if (open) {
        try {
          listener.rejected(findings);
        } catch (RuntimeException e) {
          LOG.error("listener {} failed on a rejected state", listener, e);
        }
      }
    }
  }
}
