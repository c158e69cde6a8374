package io.signetmesh.cluster;

/**
 * Receives the views of a cluster. Calls come in order and on one thread, so a slow listener delays
 * the others.
 */
@FunctionalInterface
public interface ClusterListener {
  /**
   * Called with each new view. The first call after a subscription has the current view, with all
   * of its objects as added. The change is empty when only findings or positions differ.
   *
   * @param view the new view
   * @param change difference from the view of the call before
   */
  void changed(ClusterView view, ClusterChange change);
}
