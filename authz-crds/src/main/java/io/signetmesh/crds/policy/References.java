package io.signetmesh.crds.policy;

import org.jspecify.annotations.Nullable;

/** How references compare. */
final class References {
  private References() {}

  static boolean sameKind(
      @Nullable String group, String kind, String wantedGroup, String wantedKind) {
    return kind.equalsIgnoreCase(wantedKind)
        && canonical(group).equalsIgnoreCase(canonical(wantedGroup));
  }

  private static String canonical(@Nullable String group) {
    return group == null || group.equalsIgnoreCase("core") ? "" : group;
  }
}
