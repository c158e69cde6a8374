package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ResourceKey;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which objects differ between two views. Objects that are equal in both are in none of the sets.
 *
 * @param added objects that only the newer view has
 * @param modified objects that both have and that differ
 * @param removed objects that only the older view has
 */
public record ClusterChange(
    Set<ResourceKey> added, Set<ResourceKey> modified, Set<ResourceKey> removed) {
  /** Copies the sets. */
  public ClusterChange {
    added = Set.copyOf(added);
    modified = Set.copyOf(modified);
    removed = Set.copyOf(removed);
  }

  /** The difference from the older to the newer view. */
  public static ClusterChange between(ClusterView older, ClusterView newer) {
    Set<ResourceKey> added = new HashSet<>();
    Set<ResourceKey> modified = new HashSet<>();
    Set<ResourceKey> removed = new HashSet<>();
    // Both are in the order of their keys, so one walk along the two finds everything.
    var before = older.objects().entrySet().iterator();
    var after = newer.objects().entrySet().iterator();
    Map.Entry<ResourceKey, HasMetadata> old = next(before);
    Map.Entry<ResourceKey, HasMetadata> now = next(after);
    while (old != null || now != null) {
      int order = order(old, now);
      if (order < 0 && old != null) {
        removed.add(old.getKey());
      } else if (order > 0 && now != null) {
        added.add(now.getKey());
      } else if (old != null
          && now != null
          && old.getValue() != now.getValue()
          && !old.getValue().equals(now.getValue())) {
        modified.add(now.getKey());
      }
      old = order <= 0 ? next(before) : old;
      now = order >= 0 ? next(after) : now;
    }
    return new ClusterChange(added, modified, removed);
  }

  private static Map.@Nullable Entry<ResourceKey, HasMetadata> next(
      Iterator<Map.Entry<ResourceKey, HasMetadata>> entries) {
    return entries.hasNext() ? entries.next() : null;
  }

  private static int order(
      Map.@Nullable Entry<ResourceKey, HasMetadata> old,
      Map.@Nullable Entry<ResourceKey, HasMetadata> now) {
    if (old == null || now == null) {
      return old == null ? 1 : -1;
    }
    return old.getKey() == now.getKey() ? 0 : old.getKey().compareTo(now.getKey());
  }

  /** Keys of all objects that differ: added, modified and removed. */
  public Set<ResourceKey> touched() {
    Set<ResourceKey> all = new HashSet<>(added);
    all.addAll(modified);
    all.addAll(removed);
    return all;
  }

  /** Whether no object differs. Positions and findings may differ. */
  public boolean isEmpty() {
    return added.isEmpty() && modified.isEmpty() && removed.isEmpty();
  }
}
