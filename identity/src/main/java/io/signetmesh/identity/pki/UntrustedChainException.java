package io.signetmesh.identity.pki;

import java.security.cert.CertificateException;

/**
 * A chain that does not lead to an anchor. A chain that breaks a rule on the way is another error.
 */
public final class UntrustedChainException extends CertificateException {
  private static final long serialVersionUID = 1L;

  UntrustedChainException(String message) {
    super(message);
  }
}
