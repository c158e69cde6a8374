package io.signetmesh.discovery.topology;

import io.signetmesh.cluster.WorkloadRef;

/**
 * Identifies a namespaced object whose kind is known from the context.
 *
 * @param namespace namespace
 * @param name object name
 */
public record ObjectKey(String namespace, String name) implements Comparable<ObjectKey> {
  /** The key of a workload, without its kind. */
  public static ObjectKey of(WorkloadRef ref) {
    return new ObjectKey(ref.namespace(), ref.name());
  }

  @Override
  public int compareTo(ObjectKey other) {
    int byNamespace = namespace.compareTo(other.namespace);
    return byNamespace != 0 ? byNamespace : name.compareTo(other.name);
  }

  @Override
  public String toString() {
    return namespace + "/" + name;
  }
}
