package io.signetmesh.cluster;

import io.signetmesh.crds.manifest.Finding;
import java.util.List;

/**
 * Is told about a cluster. Calls come in order and from one thread; a listener that takes its time
 * holds the others up.
 */
@FunctionalInterface
public interface ClusterListener {
  /**
   * A newer view is in force. The first call after a subscription has the view of that moment, with
   * all of its objects as added.
   */
  void changed(ClusterView view, ClusterChange change);

  /**
   * The source now holds something that is not valid; the last valid view stays in force. Told once
   * per state.
   */
  default void rejected(List<Finding> findings) {}
}
