package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;

/**
 * Provides the issuer to sign with. It is asked before each signature, so the issuer can change
 * while the server runs.
 */
@FunctionalInterface
public interface IssuerSource {
  /**
   * The issuer in force now.
   *
   * @throws IOException when it cannot be read
   * @throws PkiException when it cannot be used
   */
  Issuer current() throws IOException, PkiException;
}
