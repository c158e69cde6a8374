package io.signetmesh.cluster;

/** Keeps a view of a cluster current. */
public interface ClusterSource extends AutoCloseable {
  /** The newest valid view; never blocks. */
  ClusterView view();

  /**
   * Tells the listener about the present view and every newer one.
   *
   * @return closes the subscription: no call starts after that
   */
  Subscription subscribe(ClusterListener listener);

  /** Stops watching and tells listeners nothing more. The last view stays readable. */
  @Override
  void close();

  /** A listener's registration. */
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }
}
