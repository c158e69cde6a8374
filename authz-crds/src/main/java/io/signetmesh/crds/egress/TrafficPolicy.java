package io.signetmesh.crds.egress;

import com.fasterxml.jackson.annotation.JsonValue;

/** What happens to traffic into an egress network that no route matches. */
public enum TrafficPolicy {
  /** It passes. */
  ALLOW("Allow"),
  /** It is refused. */
  DENY("Deny");

  private final String wireName;

  TrafficPolicy(String wireName) {
    this.wireName = wireName;
  }

  /** Spelling in manifests. */
  @JsonValue
  public String wireName() {
    return wireName;
  }
}
