package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.manifest.Finding;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * A source whose objects the program gives: for tests, and for views that another component puts
 * together.
 */
public final class InMemorySource implements ClusterSource {
  private final Broadcast broadcast;

  /** A source with these objects. */
  public InMemorySource(Collection<? extends HasMetadata> objects) {
    this.broadcast = new Broadcast("cluster-in-memory", ClusterView.of(objects));
  }

  /**
   * Puts these objects in the place of all former ones.
   *
   * @return the new view
   */
  public ClusterView replace(Collection<? extends HasMetadata> objects) {
    return replace(objects, List.of());
  }

  /**
   * The same, with what is wrong with the state that the objects come from.
   *
   * @return the new view
   */
  public ClusterView replace(Collection<? extends HasMetadata> objects, List<Finding> findings) {
    return broadcast.publish(ClusterView.byKey(objects), Map.of(), findings);
  }

  @Override
  public ClusterView view() {
    return broadcast.view();
  }

  @Override
  public Subscription subscribe(ClusterListener listener) {
    return broadcast.subscribe(listener);
  }

  @Override
  public void close() {
    broadcast.close();
  }
}
