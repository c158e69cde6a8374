package io.signetmesh.rotation;

import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;

/**
 * An anchor that a rotation leads to.
 *
 * @param certificate the anchor
 * @param key its private key, which signs the issuer
 */
public record NewAnchor(X509Certificate certificate, CaKey key) {
  private static final int KEY_CERT_SIGN = 5;

  /**
   * Checks an anchor that an operator brings.
   *
   * @throws PkiException when it is not a self-signed CA certificate of that key, or the token of
   *     the key cannot be used
   */
  public static NewAnchor of(X509Certificate certificate, CaKey key) throws PkiException {
    String name = "new anchor " + Certificates.describe(certificate);
    boolean[] usage = certificate.getKeyUsage();
    if (certificate.getBasicConstraints() < 1 || usage == null || !usage[KEY_CERT_SIGN]) {
      throw new PkiException(
          name
              + " is not a CA certificate that allows an issuer below it: expected basic constraints"
              + " with CA true and a path length of 1 or more, and key usage keyCertSign");
    }
    if (!key.matches(certificate.getPublicKey())) {
      throw new PkiException(name + ": the private key does not belong to it");
    }
    try {
      Signatures.verify(certificate, certificate.getPublicKey());
    } catch (GeneralSecurityException e) {
      throw new PkiException(name + " is not self-signed: expected a root", e);
    }
    return new NewAnchor(certificate, key);
  }

  @Override
  public String toString() {
    return "NewAnchor[" + Certificates.describe(certificate) + "]";
  }
}
