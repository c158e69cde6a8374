package io.signetmesh.crds.policy;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Optional;

/**
 * Whether a policy object is enforced or a dry run. A {@link DenyPolicy} has the mode in its spec.
 * An AuthorizationPolicy, ServerAuthorization or Server has Linkerd's schema, so it has the mode in
 * the annotation {@link #ANNOTATION}.
 */
public enum EnforcementMode {
  /** Enforced. */
  ENFORCE("enforce"),
  /**
   * Dry run. Decisions are made without the object, and record what the verdict would be with it.
   */
  AUDIT("audit");

  /** Annotation that holds the mode for kinds whose schema has no field for it. */
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

  /** Parses the spelling in manifests; empty for any other text. Case-sensitive. */
  public static Optional<EnforcementMode> parse(String text) {
    for (EnforcementMode mode : values()) {
      if (mode.wireName.equals(text)) {
        return Optional.of(mode);
      }
    }
    return Optional.empty();
  }
}
