package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import java.io.IOException;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;

/**
 * The key that signs leaves and the chain that vouches for it.
 *
 * @param privateKey ECDSA P-256 key of the first certificate; never printed
 * @param chain issuer first, then the CA certificates towards the anchor, without a self-signed
 *     anchor above the issuer
 */
public record Issuer(PrivateKey privateKey, List<X509Certificate> chain) {
  /** Copies the chain. Made by {@link #of}, which checks. */
  public Issuer {
    chain = List.copyOf(chain);
  }

  /**
   * Checks that the key is the certificate's and on P-256, and that the certificate is a CA.
   *
   * @param source named in errors
   */
  public static Issuer of(String source, PrivateKey privateKey, List<X509Certificate> chain)
      throws PkiException {
    if (chain.isEmpty()) {
      throw new PkiException(source + ": issuer chain is empty: expected the issuer first");
    }
    X509Certificate certificate = chain.getFirst();
    if (!PrivateKeys.isP256(certificate.getPublicKey())) {
      throw new PkiException(
          source
              + ": issuer "
              + Certificates.describe(certificate)
              + " has a key of type "
              + certificate.getPublicKey().getAlgorithm()
              + ": expected ECDSA P-256");
    }
    if (certificate.getBasicConstraints() < 0) {
      throw new PkiException(
          source + ": issuer " + Certificates.describe(certificate) + " is not a CA certificate");
    }
    if (!PrivateKeys.matches(privateKey, certificate.getPublicKey())) {
      throw new PkiException(
          source
              + ": the private key does not belong to issuer "
              + Certificates.describe(certificate));
    }
    return new Issuer(privateKey, withoutRoot(chain));
  }

  /**
   * Reads an issuer from PEM files.
   *
   * @param certificates issuer first, then intermediates
   * @param key ECDSA P-256 private key
   */
  public static Issuer read(Path certificates, Path key) throws IOException, PkiException {
    return of(
        certificates + " with " + key, PrivateKeys.read(key), Certificates.readPem(certificates));
  }

  /** The certificate that signs leaves. */
  public X509Certificate certificate() {
    return chain.getFirst();
  }

  /** Peers have the anchor already; it is not sent along. */
  private static List<X509Certificate> withoutRoot(List<X509Certificate> chain) {
    X509Certificate last = chain.getLast();
    boolean selfIssued = last.getSubjectX500Principal().equals(last.getIssuerX500Principal());
    return chain.size() > 1 && selfIssued ? chain.subList(0, chain.size() - 1) : chain;
  }

  @Override
  public String toString() {
    return "Issuer[" + Certificates.describe(certificate()) + "]";
  }
}
