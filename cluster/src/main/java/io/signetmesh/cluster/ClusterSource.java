package io.signetmesh.cluster;

/** Keeps a view of a cluster up to date. */
public interface ClusterSource extends AutoCloseable {
  /** The newest valid view. Never blocks. */
  ClusterView view();

  /**
   * Calls the listener with the current view, and then with each newer one.
   *
   * @return the subscription; after it is closed, no call starts
   */
  Subscription subscribe(ClusterListener listener);

  /** Stops watching and calling listeners. The last view stays readable. */
  @Override
  void close();

  /** The subscription of a listener. */
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }
}
