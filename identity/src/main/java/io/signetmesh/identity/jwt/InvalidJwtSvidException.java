package io.signetmesh.identity.jwt;

/** A token is not a valid JWT-SVID. The message says why and never holds the token. */
public final class InvalidJwtSvidException extends Exception {
  private static final long serialVersionUID = 1L;

  InvalidJwtSvidException(String message) {
    super(message);
  }
}
