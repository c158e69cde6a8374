package io.signetmesh.policy.model;

import java.util.List;

/** Matches client identities. */
public sealed interface IdentityMatch {
  /**
   * One identity, byte for byte.
   *
   * @param identity DNS name or SPIFFE id
   */
  record Exact(String identity) implements IdentityMatch {}

  /**
   * All DNS identities under a suffix.
   *
   * @param labels labels of the suffix, left to right; none matches every identity
   */
  record Suffix(List<String> labels) implements IdentityMatch {
    /** Copies the labels. */
    public Suffix {
      labels = List.copyOf(labels);
    }
  }

  /** Every authenticated identity. */
  IdentityMatch ANY = new Suffix(List.of());

  /** Reads the form of manifests: {@code *}, {@code *.a.b}, a DNS name or a SPIFFE id. */
  static IdentityMatch parse(String text) {
    if (text.equals("*")) {
      return ANY;
    }
    if (text.startsWith("*.")) {
      List<String> labels = List.of(text.substring(2).split("\\.", -1));
      // With an empty label it is no suffix, and above all not that of everyone.
      return labels.stream().allMatch(label -> !label.isEmpty())
          ? new Suffix(labels)
          : new Exact(text);
    }
    return new Exact(text);
  }
}
