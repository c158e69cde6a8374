package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import org.jspecify.annotations.Nullable;

/**
 * Reference to an object of the same namespace, or to the namespace itself.
 *
 * @param group API group; null or empty means the core group
 * @param kind kind
 * @param name name
 */
public record LocalTargetRef(
    @Text(TextFormat.GROUP) @Nullable String group,
    @Required @Text(TextFormat.KIND) String kind,
    @Required @Text(TextFormat.NAME) String name) {
  /**
   * Whether the reference names this group and kind. Case does not matter, and {@code core} means
   * the empty group.
   */
  public boolean is(String wantedGroup, String wantedKind) {
    return References.sameKind(group, kind, wantedGroup, wantedKind);
  }
}
