package io.signetmesh.policy.lint;

import io.signetmesh.crds.text.NearestName;
import io.signetmesh.policy.model.ObjectRef;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds the names that were probably meant. The number of comparisons is bounded: after that,
 * nothing is near any more.
 */
public final class NearestNames {
  private static final int SHORT_NAME = 16;

  private final Map<String, NamespaceContents> namespaces;
  private long comparisons;

  /**
   * @param namespaces the objects of each namespace
   * @param comparisons names that are compared at most; a long one counts as several
   */
  public NearestNames(Map<String, NamespaceContents> namespaces, long comparisons) {
    this.namespaces = namespaces;
    this.comparisons = comparisons;
  }

  /** The known name that is a typo or two away. */
  public Optional<String> of(String name, Collection<String> known) {
    return afford((long) known.size() * (1 + name.length() / SHORT_NAME))
        ? NearestName.of(name, known)
        : Optional.empty();
  }

  /**
   * The object that a reference to nothing means: the one with the nearest name in its namespace,
   * or else the one of that name in another namespace.
   */
  public Optional<ObjectRef> of(ObjectRef missing) {
    NamespaceContents own = namespaces.get(missing.namespace());
    Optional<String> near = of(missing.name(), own == null ? Set.of() : own.names(missing.kind()));
    if (near.isPresent()) {
      return near.map(name -> new ObjectRef(missing.kind(), missing.namespace(), name));
    }
    if (!afford(namespaces.size())) {
      return Optional.empty();
    }
    return namespaces.entrySet().stream()
        .filter(other -> other.getValue().names(missing.kind()).contains(missing.name()))
        .findFirst()
        .map(other -> new ObjectRef(missing.kind(), other.getKey(), missing.name()));
  }

  /** Takes a number of comparisons from what is left; false when there are not as many. */
  public boolean afford(long number) {
    comparisons -= number;
    return comparisons >= 0;
  }
}
