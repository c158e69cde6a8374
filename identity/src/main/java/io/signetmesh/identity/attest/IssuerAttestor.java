package io.signetmesh.identity.attest;

/** Attests callers by JWTs of one issuer. */
public interface IssuerAttestor extends Attestor, AutoCloseable {
  /** The {@code iss} claim of its tokens (RFC 7519 section 4.1.1). */
  String issuer();

  /** Stops background work, such as fetching keys. */
  @Override
  default void close() {}
}
