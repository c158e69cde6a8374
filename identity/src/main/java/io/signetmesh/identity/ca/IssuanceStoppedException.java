package io.signetmesh.identity.ca;

import java.io.IOException;

/**
 * The issuer or the trust anchor above it ends too soon to sign with. Nothing is issued until a new
 * one is in force. A retry may then succeed.
 */
public final class IssuanceStoppedException extends IOException {
  private static final long serialVersionUID = 1L;

  IssuanceStoppedException(String message) {
    super(message);
  }
}
