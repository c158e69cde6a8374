package io.signetmesh.jwt;

/**
 * An authentication cannot be used, because a part of it is missing, out of range or unknown to
 * this version. No token passes it.
 */
public final class InvalidAuthenticationException extends Exception {
  private static final long serialVersionUID = 1L;

  InvalidAuthenticationException(String message) {
    super(message);
  }
}
