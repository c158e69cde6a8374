package io.signetmesh.identity.pki;

import java.security.GeneralSecurityException;

/**
 * A key, a certificate or a file of either that cannot be used; the message names it and says why.
 */
public final class PkiException extends GeneralSecurityException {
  private static final long serialVersionUID = 1L;

  /** An error with a complete message. */
  public PkiException(String message) {
    super(message);
  }

  /** An error with a complete message and its cause. */
  public PkiException(String message, Throwable cause) {
    super(message, cause);
  }
}
