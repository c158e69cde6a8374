package io.signetmesh.proxy.authorize;

/**
 * The policy resource that a server, route or authorization comes from.
 *
 * @param group API group; empty without a Kubernetes resource
 * @param kind lower-case kind; {@code default} without a Kubernetes resource
 * @param name object name
 */
public record ResourceRef(String group, String kind, String name) {

  /** Whether there is no Kubernetes resource behind it. */
  public boolean isDefault() {
    return kind.equals("default");
  }

  /** {@code group/kind/name}, or {@code kind/name} when the group is empty. */
  public String label() {
    return group.isEmpty() ? kind + "/" + name : group + "/" + kind + "/" + name;
  }
}
