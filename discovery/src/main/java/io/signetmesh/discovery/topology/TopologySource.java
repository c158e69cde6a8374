package io.signetmesh.discovery.topology;

/** The current state of the cluster. Thread-safe. */
public interface TopologySource {
  /** The newest state. Costs one volatile read. */
  Topology current();

  /**
   * Registers a listener for changes.
   *
   * @param listener called after each change, on one thread at a time, when {@link #current}
   *     already returns the new state; must not block
   */
  Subscription onChange(Runnable listener);

  /** Ends the registration when it is closed. */
  @FunctionalInterface
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }
}
