package io.signetmesh.identity.pki;

import java.security.cert.CertificateException;

/** A chain that does not lead to an anchor, as opposed to one that breaks a rule on the way. */
public final class UntrustedChainException extends CertificateException {
  private static final long serialVersionUID = 1L;

  UntrustedChainException(String message) {
    super(message);
  }
}
