package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.manifest.ManifestFinding;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * A source whose objects the program provides: for tests, and for views that another component
 * assembles.
 */
public final class InMemorySource implements ClusterSource {
  private final Broadcast broadcast;

  /** Creates a source with these objects. */
  public InMemorySource(Collection<? extends HasMetadata> objects) {
    this.broadcast = new Broadcast("cluster-in-memory", ClusterView.of(objects));
  }

  /**
   * Replaces all objects.
   *
   * @return the new view; the current one when no object differs
   */
  public ClusterView replace(Collection<? extends HasMetadata> objects) {
    return replace(objects, List.of());
  }

  /**
   * Replaces all objects and findings.
   *
   * @param findings errors and warnings about the state that the objects come from
   * @return the new view; the current one when nothing differs
   */
  public ClusterView replace(
      Collection<? extends HasMetadata> objects, List<ManifestFinding> findings) {
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
