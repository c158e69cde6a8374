package io.signetmesh.identity.pki;

import java.security.GeneralSecurityException;

/**
 * A key, a certificate or a file of either that cannot be used; the message names it and says why.
 */
public final class PkiException extends GeneralSecurityException {
  private static final long serialVersionUID = 1L;

  /** Made with the whole explanation. */
  public PkiException(String message) {
    super(message);
  }

  /** Made with the whole explanation and what led to it. */
  public PkiException(String message, Throwable cause) {
    super(message, cause);
  }
}
