package io.signetmesh.discovery.topology;

/** The live state of the cluster. Safe from any thread. */
public interface TopologySource {
  /** The newest state: one volatile read. */
  Topology current();

  /**
   * Has {@code listener} called after each change, when {@link #current} already returns the new
   * state, on one thread at a time. The listener must not block.
   */
  Subscription onChange(Runnable listener);

  /** Ends a registration. */
  @FunctionalInterface
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }
}
