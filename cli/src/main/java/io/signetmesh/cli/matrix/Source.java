package io.signetmesh.cli.matrix;

import org.jspecify.annotations.Nullable;

/**
 * A caller, or a group of callers that policy treats alike.
 *
 * @param name short name, such as {@code shop/frontend}
 * @param identity identity in the certificate; null without one
 * @param tls whether the caller uses mesh TLS
 * @param workload whether workloads of the mesh have this identity
 */
public record Source(String name, @Nullable String identity, boolean tls, boolean workload) {
  /** A client with mesh TLS and an identity that no policy names. */
  static final Source ANY_MESHED =
      new Source("any meshed client", "any.identity.invalid", true, false);

  /** A client without mesh TLS. */
  static final Source NO_IDENTITY = new Source("no identity", null, false, false);

  /**
   * A client whose identity ends with a suffix that policy names, and is named by no policy itself.
   *
   * @param name what the suffix stands for
   * @param suffix without the leading {@code *.}
   */
  static Source anyOf(String name, String suffix) {
    return new Source(name, "any." + suffix, true, false);
  }

  /** Name in a graph, where an edge from this source can stand for more callers than this one. */
  public String graphName() {
    return equals(NO_IDENTITY) ? "anybody" : name;
  }
}
