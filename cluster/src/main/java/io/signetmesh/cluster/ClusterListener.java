package io.signetmesh.cluster;

/**
 * Is told about a cluster. Calls come in order and from one thread; a listener that takes its time
 * holds the others up.
 */
@FunctionalInterface
public interface ClusterListener {
  /**
   * A newer view is in force. The first call after a subscription has the view of that moment, with
   * all of its objects as added. The change is empty when only findings differ, or places where
   * objects are written.
   */
  void changed(ClusterView view, ClusterChange change);
}
