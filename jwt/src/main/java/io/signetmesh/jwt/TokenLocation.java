package io.signetmesh.jwt;

/** Where in a request a token may be. */
public sealed interface TokenLocation {
  /**
   * A header field.
   *
   * @param name lower case
   * @param prefix what comes before the token, for example {@code "Bearer "}; letters match in
   *     either case; may be empty
   */
  record Header(String name, String prefix) implements TokenLocation {}

  /**
   * A cookie.
   *
   * @param name as is; case matters
   */
  record Cookie(String name) implements TokenLocation {}

  /**
   * A parameter of the query.
   *
   * @param name decoded; case matters
   */
  record QueryParameter(String name) implements TokenLocation {}
}
