package io.signetmesh.policy.model;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** The order of objects by age. */
final class Age {
  private Age() {}

  /** Older first, a missing time before all, then by name. */
  static int compare(
      @Nullable Instant created, String name, @Nullable Instant otherCreated, String otherName) {
    int byTime =
        created == null || otherCreated == null
            ? Boolean.compare(created != null, otherCreated != null)
            : created.compareTo(otherCreated);
    return byTime != 0 ? byTime : name.compareTo(otherName);
  }
}
