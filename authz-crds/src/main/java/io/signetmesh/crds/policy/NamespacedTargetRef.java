package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import org.jspecify.annotations.Nullable;

/**
 * Reference to an object in any namespace.
 *
 * @param group API group; null or empty means the core group
 * @param kind kind
 * @param name name
 * @param namespace namespace; null means that of the object with the reference
 */
public record NamespacedTargetRef(
    @Text(TextFormat.GROUP) @Nullable String group,
    @Required @Text(TextFormat.KIND) String kind,
    @Required @Text(TextFormat.NAME) String name,
    @Text(TextFormat.NAMESPACE) @Nullable String namespace) {
  /**
   * Whether the reference names this group and kind. Case does not matter, and {@code core} means
   * the empty group.
   */
  public boolean is(String wantedGroup, String wantedKind) {
    return References.sameKind(group, kind, wantedGroup, wantedKind);
  }

  /**
   * Namespace of the referenced object.
   *
   * @param own namespace of the object that has the reference
   */
  public String namespaceOr(String own) {
    return namespace == null || namespace.isEmpty() ? own : namespace;
  }
}
