package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ResourceKey;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which objects differ between two views. Objects that are equal in both are in none of the sets.
 *
 * @param added objects that only the newer view has
 * @param modified objects that both have and that differ
 * @param removed objects that only the older view has
 */
public record ClusterChange(
    Set<ResourceKey> added, Set<ResourceKey> modified, Set<ResourceKey> removed) {
  /** Keeps copies. */
  public ClusterChange {
    added = Set.copyOf(added);
    modified = Set.copyOf(modified);
    removed = Set.copyOf(removed);
  }

  /** What leads from the older to the newer view. */
  public static ClusterChange between(ClusterView older, ClusterView newer) {
    Map<ResourceKey, HasMetadata> before = older.objects();
    Map<ResourceKey, HasMetadata> after = newer.objects();
    Set<ResourceKey> added = new HashSet<>();
    Set<ResourceKey> modified = new HashSet<>();
    Set<ResourceKey> removed = new HashSet<>();
    after.forEach(
        (key, object) -> {
          HasMetadata old = before.get(key);
          if (old == null) {
            added.add(key);
          } else if (old != object && !old.equals(object)) {
            modified.add(key);
          }
        });
    for (ResourceKey key : before.keySet()) {
      if (!after.containsKey(key)) {
        removed.add(key);
      }
    }
    return new ClusterChange(added, modified, removed);
  }

  /** All objects that differ. */
  public Set<ResourceKey> touched() {
    Set<ResourceKey> all = new HashSet<>(added);
    all.addAll(modified);
    all.addAll(removed);
    return all;
  }

  /** Whether the views are equal but for positions. */
  public boolean isEmpty() {
    return added.isEmpty() && modified.isEmpty() && removed.isEmpty();
  }
}
