package io.signetmesh.jwt.key;

/** A text is no JWK set. The message says where and why, and quotes nothing of it. */
public final class InvalidKeySetException extends Exception {
  private static final long serialVersionUID = 1L;

  InvalidKeySetException(String message) {
    super(message);
  }
}
