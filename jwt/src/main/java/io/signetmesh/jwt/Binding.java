package io.signetmesh.jwt;

/** What a token is bound to, so that nobody else can use it. */
public enum Binding {
  /** Nothing: a bearer token. */
  NONE,
  /** The client's mesh certificate, by {@code cnf.x5t#S256} (RFC 8705 section 3). */
  CERTIFICATE,
  /** A key of the client, by {@code cnf.jkt} and a proof in each request (RFC 9449). */
  DPOP
}
