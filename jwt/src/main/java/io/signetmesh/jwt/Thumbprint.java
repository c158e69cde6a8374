package io.signetmesh.jwt;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Base64;

/** A SHA-256 digest of a certificate (RFC 8705) or of a public key (RFC 7638): 32 bytes. */
public final class Thumbprint {
  private static final int LENGTH = 32;

  private final byte[] digest;

  private Thumbprint(byte[] digest) {
    this.digest = digest;
  }

  /**
   * Of a digest.
   *
   * @throws IllegalArgumentException when it has not 32 bytes
   */
  public static Thumbprint of(byte[] digest) {
    if (digest.length != LENGTH) {
      throw new IllegalArgumentException(
          "thumbprint of " + digest.length + " bytes: expected " + LENGTH);
    }
    return new Thumbprint(digest.clone());
  }

  /**
   * Of a certificate: the digest of its DER form.
   *
   * @throws IllegalArgumentException when the certificate has no DER form
   */
  public static Thumbprint ofCertificate(X509Certificate certificate) {
    try {
      return new Thumbprint(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
    } catch (CertificateEncodingException e) {
      throw new IllegalArgumentException("certificate without DER form", e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Copy of the digest. */
  public byte[] bytes() {
    return digest.clone();
  }

  /** Compares in constant time. */
  @Override
  public boolean equals(Object other) {
    return other instanceof Thumbprint that && MessageDigest.isEqual(digest, that.digest);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(digest);
  }

  /** Base64url, as tokens write it. */
  @Override
  public String toString() {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(digest);
  }
}
