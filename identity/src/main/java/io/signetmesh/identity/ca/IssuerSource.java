package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;

/** Gives the issuer to sign with. Asked before each signature, so it can change while serving. */
@FunctionalInterface
public interface IssuerSource {
  /** The issuer of this moment. */
  Issuer current() throws IOException, PkiException;
}
