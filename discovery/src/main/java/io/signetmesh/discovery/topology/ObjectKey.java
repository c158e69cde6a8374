package io.signetmesh.discovery.topology;

/**
 * Names a namespaced object of a known kind.
 *
 * @param namespace namespace
 * @param name object name
 */
public record ObjectKey(String namespace, String name) implements Comparable<ObjectKey> {
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
