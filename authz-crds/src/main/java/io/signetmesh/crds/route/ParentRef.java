package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import org.jspecify.annotations.Nullable;

/**
 * Reference to the object that a route attaches to.
 *
 * @param group API group
 * @param kind kind
 * @param namespace namespace; null means that of the route
 * @param name name
 * @param sectionName section of the parent; null means the whole parent
 * @param port port of the parent; null means all ports
 */
public record ParentRef(
    @Default(value = "policy.linkerd.io", in = "policy.linkerd.io/*")
        @Default("gateway.networking.k8s.io")
        @Text(TextFormat.GROUP)
        String group,
    @Default("Gateway") @Text(TextFormat.KIND) String kind,
    @Text(TextFormat.LABEL) @Nullable String namespace,
    @Required @Text(TextFormat.NAME) String name,
    @Text(TextFormat.SECTION) @Nullable String sectionName,
    @Range(
            min = Integer.MIN_VALUE,
            max = Integer.MAX_VALUE,
            in = {"policy.linkerd.io/v1alpha1", "policy.linkerd.io/v1beta1"})
        @Range(min = 1, max = 65535)
        @Nullable Integer port) {
  /**
   * Whether the reference names this group and kind. Case does not matter, and {@code core} means
   * the empty group.
   */
  public boolean is(String wantedGroup, String wantedKind) {
    return kind.equalsIgnoreCase(wantedKind)
        && canonical(group).equalsIgnoreCase(canonical(wantedGroup));
  }

  /**
   * Whether the parent is a Server. Unlike {@link #is}, this is case-sensitive: Linkerd ignores a
   * route whose parent has the kind {@code server}.
   */
  public boolean isServer() {
    return kind.equals("Server") && group.equals("policy.linkerd.io");
  }

  /**
   * Namespace of the parent.
   *
   * @param own namespace of the route
   */
  public String namespaceOr(String own) {
    return namespace == null || namespace.isEmpty() ? own : namespace;
  }

  private static String canonical(String group) {
    return group.equalsIgnoreCase("core") ? "" : group;
  }
}
