package io.signetmesh.discovery.topology;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A topology that is replaced as a whole, by its owner. */
public final class LiveTopology implements TopologySource {
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile Topology current;

  /** Creates a topology with this first state. */
  public LiveTopology(Topology initial) {
    this.current = initial;
  }

  /** Replaces the state, and calls the listeners on the calling thread. */
  public synchronized void replace(Topology next) {
    current = next;
    listeners.forEach(Runnable::run);
  }

  @Override
  public Topology current() {
    return current;
  }

  @Override
  public Subscription onChange(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }
}
