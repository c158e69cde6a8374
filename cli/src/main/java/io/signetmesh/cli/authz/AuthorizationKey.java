package io.signetmesh.cli.authz;

import java.util.Comparator;

/**
 * Identifies a row of the table, by the labels of the proxies' metrics.
 *
 * @param server {@code kind/name} of the Server, or {@code default/policy}
 * @param route {@code kind/name} of the route
 * @param authorization {@code kind/name} of the authorization or DenyPolicy; empty for requests
 *     that no authorization allows
 */
public record AuthorizationKey(String server, String route, String authorization)
    implements Comparable<AuthorizationKey> {
  private static final Comparator<AuthorizationKey> ORDER =
      Comparator.comparing(AuthorizationKey::server)
          .thenComparing(AuthorizationKey::route)
          // Denials count before everything else.
          .thenComparing(key -> !key.authorization().startsWith("denypolicy/"))
          // What is refused stands below what is allowed.
          .thenComparing(key -> key.authorization().isEmpty())
          .thenComparing(AuthorizationKey::authorization);

  /** The same for requests that nothing allows. */
  AuthorizationKey unauthorized() {
    return new AuthorizationKey(server, route, "");
  }

  @Override
  public int compareTo(AuthorizationKey other) {
    return ORDER.compare(this, other);
  }
}
