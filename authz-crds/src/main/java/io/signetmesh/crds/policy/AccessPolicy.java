package io.signetmesh.crds.policy;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Optional;

/** Default policy of a port: who is allowed where no authorization says otherwise. */
public enum AccessPolicy {
  /** Everyone, from everywhere. */
  ALL_UNAUTHENTICATED("all-unauthenticated"),
  /** Clients with a mesh identity, from everywhere. */
  ALL_AUTHENTICATED("all-authenticated"),
  /** Everyone in the cluster networks. */
  CLUSTER_UNAUTHENTICATED("cluster-unauthenticated"),
  /** Clients with a mesh identity in the cluster networks. */
  CLUSTER_AUTHENTICATED("cluster-authenticated"),
  /** Nobody. */
  DENY("deny"),
  /** Everyone. Decisions record that no authorization allows the client. */
  AUDIT("audit");

  private final String wireName;

  AccessPolicy(String wireName) {
    this.wireName = wireName;
  }

  /** Spelling in manifests and annotations. */
  @JsonValue
  public String wireName() {
    return wireName;
  }

  /** Parses the spelling in manifests; empty for any other text. Case-sensitive. */
  public static Optional<AccessPolicy> parse(String text) {
    for (AccessPolicy policy : values()) {
      if (policy.wireName.equals(text)) {
        return Optional.of(policy);
      }
    }
    return Optional.empty();
  }
}
