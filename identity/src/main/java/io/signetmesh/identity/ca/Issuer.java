package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import java.io.IOException;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/**
 * The key that signs leaves, and its certificate chain.
 *
 * @param key private key of the first certificate, which may be in a token; never printed
 * @param chain issuer first, then the CA certificates towards the anchor, without a self-signed
 *     anchor above the issuer
 * @param crossCertificates of the same name and key as the issuer, under other anchors: who knows
 *     only those anchors verifies leaves as well
 */
public record Issuer(
    SigningKey key, List<X509Certificate> chain, List<X509Certificate> crossCertificates) {
  /** Copies the lists. Made by {@link #of}, which checks. */
  public Issuer {
    chain = List.copyOf(chain);
    crossCertificates = List.copyOf(crossCertificates);
  }

  /**
   * The same issuer, with certificates under other anchors.
   *
   * @param source named in errors
   * @throws PkiException when one has another name or key than the issuer, or is not a CA
   */
  public Issuer withCrossCertificates(String source, List<X509Certificate> crossCertificates)
      throws PkiException {
    for (X509Certificate cross : crossCertificates) {
      if (!cross.getSubjectX500Principal().equals(certificate().getSubjectX500Principal())
          || !cross.getPublicKey().equals(certificate().getPublicKey())
          || cross.getBasicConstraints() < 0) {
        throw new PkiException(
            source
                + ": "
                + Certificates.describe(cross)
                + " is not a cross-certificate of issuer "
                + Certificates.describe(certificate())
                + ": expected a CA certificate of the same name and key");
      }
    }
    return new Issuer(key, chain, crossCertificates);
  }

  /** Whether key and certificates are the same; a handle of the same key is another object. */
  public boolean isSame(Issuer other) {
    return chain.equals(other.chain) && crossCertificates.equals(other.crossCertificates);
  }

  /** The cross-certificates that are valid at a time, to be sent after the chain. */
  public List<X509Certificate> crossCertificates(Instant now) {
    return crossCertificates.stream()
        .filter(
            certificate ->
                !now.isBefore(certificate.getNotBefore().toInstant())
                    && !now.isAfter(certificate.getNotAfter().toInstant()))
        .toList();
  }

  /**
   * Checks that the key belongs to the first certificate and is of a kind that a CA may have
   * ({@link KeyKind}), and that the certificate is a CA.
   *
   * @param source named in errors
   * @throws PkiException when one of these checks fails
   */
  public static Issuer of(String source, PrivateKey privateKey, List<X509Certificate> chain)
      throws PkiException {
    return of(source, SigningKey.of(privateKey), chain);
  }

  /**
   * Checks that the key belongs to the first certificate and is of a kind that a CA may have
   * ({@link KeyKind}), and that the certificate is a CA.
   *
   * @param source named in errors
   * @param key may be in a token
   * @throws PkiException when one of these checks fails
   */
  public static Issuer of(String source, SigningKey key, List<X509Certificate> chain)
      throws PkiException {
    if (chain.isEmpty()) {
      throw new PkiException(source + ": issuer chain is empty: expected the issuer first");
    }
    X509Certificate certificate = chain.getFirst();
    String issuer = source + ": issuer " + Certificates.describe(certificate);
    KeyKind.of(issuer, certificate.getPublicKey());
    if (certificate.getBasicConstraints() < 0) {
      throw new PkiException(issuer + " is not a CA certificate");
    }
    if (!key.matches(certificate.getPublicKey())) {
      throw new PkiException(
          source
              + ": the private key does not belong to issuer "
              + Certificates.describe(certificate));
    }
    return new Issuer(key, withoutRoot(chain), List.of());
  }

  /**
   * Reads an issuer from PEM files.
   *
   * @param certificates issuer first, then intermediates
   * @param key private key of a kind that a CA may have
   * @throws PkiException when a file is malformed, or the key and the chain do not fit together
   */
  public static Issuer read(Path certificates, Path key) throws IOException, PkiException {
    return of(
        certificates + " with " + key, PrivateKeys.read(key), Certificates.readPem(certificates));
  }

  /** The certificate that signs leaves. */
  public X509Certificate certificate() {
    return chain.getFirst();
  }

  /**
   * Kind of the key.
   *
   * @throws PkiException when a CA may not have such a key
   */
  public KeyKind keyKind() throws PkiException {
    return KeyKind.of("issuer", certificate().getPublicKey());
  }

  /**
   * Signs with the issuer's key, for instance a revocation list.
   *
   * @throws PkiException when the key cannot be used
   */
  public <T> T sign(SigningKey.Signing<T> work) throws PkiException {
    try {
      return key.sign(keyKind(), certificate().getPublicKey(), work);
    } catch (IOException e) {
      throw new PkiException("not signed: " + e.getMessage(), e);
    }
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
