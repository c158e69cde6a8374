package io.signetmesh.crds.policy;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Optional;

/**
 * Whether a policy object counts. A {@link DenyPolicy} states it in its spec; an
 * AuthorizationPolicy, ServerAuthorization or Server, whose schemas are Linkerd's, by the
 * annotation {@link #ANNOTATION}.
 */
public enum EnforcementMode {
  /** In force. */
  ENFORCE("enforce"),
  /**
   * Dry run: the outcome is as if the object were not there, and decisions record what it would
   * have been with it.
   */
  AUDIT("audit");

  /** Annotation of objects whose schema has no mode. */
  public static final String ANNOTATION = "policy.signetmesh.io/mode";

  private final String wireName;

  EnforcementMode(String wireName) {
    this.wireName = wireName;
  }

  /** Spelling in manifests and annotations. */
  @JsonValue
  public String wireName() {
    return wireName;
  }

  /** The mode of that spelling; empty for any other text. Case matters. */
  public static Optional<EnforcementMode> parse(String text) {
    for (EnforcementMode mode : values()) {
      if (mode.wireName.equals(text)) {
        return Optional.of(mode);
      }
    }
    return Optional.empty();
  }
}
