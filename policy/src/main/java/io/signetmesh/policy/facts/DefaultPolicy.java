package io.signetmesh.policy.facts;

import java.util.Optional;

/** What holds for a port when no authorization does: Linkerd's default policies. */
public enum DefaultPolicy {
  /** Everyone. */
  ALL_UNAUTHENTICATED("all-unauthenticated"),
  /** Every meshed client. */
  ALL_AUTHENTICATED("all-authenticated"),
  /** Everyone in the cluster networks. */
  CLUSTER_UNAUTHENTICATED("cluster-unauthenticated"),
  /** Every meshed client in the cluster networks. */
  CLUSTER_AUTHENTICATED("cluster-authenticated"),
  /** No one. */
  DENY("deny"),
  /** Everyone, with a record that no policy allowed it. */
  AUDIT("audit");

  private final String text;

  DefaultPolicy(String text) {
    this.text = text;
  }

  /** The value as written in annotations and manifests. */
  public String text() {
    return text;
  }

  /** Reads a value; empty when it is none of the six. */
  public static Optional<DefaultPolicy> parse(String text) {
    for (DefaultPolicy policy : values()) {
      if (policy.text.equals(text)) {
        return Optional.of(policy);
      }
    }
    return Optional.empty();
  }

  /** The flavour that asks for an identity; {@code deny} and {@code audit} stay what they are. */
  public DefaultPolicy authenticated() {
    return switch (this) {
      case ALL_UNAUTHENTICATED -> ALL_AUTHENTICATED;
      case CLUSTER_UNAUTHENTICATED -> CLUSTER_AUTHENTICATED;
      default -> this;
    };
  }

  @Override
  public String toString() {
    return text;
  }
}
