package io.signetmesh.crds;

import io.fabric8.kubernetes.api.model.HasMetadata;

/**
 * Identifies one object of a cluster, independent of the API version of its manifest.
 *
 * @param group API group; empty for the core group
 * @param kind kind, in the case of manifests: {@code Server}
 * @param namespace namespace; empty for cluster-scoped objects
 * @param name name
 */
public record ResourceKey(String group, String kind, String namespace, String name)
    implements Comparable<ResourceKey> {
  /** Key of an object, from its apiVersion, kind and metadata. A missing part is empty. */
  public static ResourceKey of(HasMetadata object) {
    String namespace = object.getMetadata() == null ? null : object.getMetadata().getNamespace();
    String name = object.getMetadata() == null ? null : object.getMetadata().getName();
    return new ResourceKey(
        groupOf(object.getApiVersion()),
        object.getKind(),
        namespace == null ? "" : namespace,
        name == null ? "" : name);
  }

  /** Group of an apiVersion; empty for the core group ({@code v1}). */
  public static String groupOf(String apiVersion) {
    int slash = apiVersion.indexOf('/');
    return slash < 0 ? "" : apiVersion.substring(0, slash);
  }

  /**
   * Spreads names that differ only in numbers. The default hash code of a record is the same for
   * {@code team-1/pod-20} and {@code team-2/pod-10}, and a large cluster has many such names.
   */
  @Override
  public int hashCode() {
    int hash = namespace.hashCode() * 0x9E37_79B1;
    hash = (hash ^ hash >>> 15) + name.hashCode();
    hash = (hash ^ hash >>> 16) * 0x85EB_CA6B + kind.hashCode();
    return hash ^ hash >>> 13;
  }

  /** Orders by namespace, then name, kind and group. */
  @Override
  public int compareTo(ResourceKey other) {
    int order = namespace.compareTo(other.namespace);
    if (order == 0) {
      order = name.compareTo(other.name);
    }
    if (order == 0) {
      order = kind.compareTo(other.kind);
    }
    return order == 0 ? group.compareTo(other.group) : order;
  }

  /** {@code Server.policy.linkerd.io shop/web}, {@code Pod shop/web-1}. */
  @Override
  public String toString() {
    return kind
        + (group.isEmpty() ? "" : "." + group)
        + " "
        + (namespace.isEmpty() ? "" : namespace + "/")
        + name;
  }
}
