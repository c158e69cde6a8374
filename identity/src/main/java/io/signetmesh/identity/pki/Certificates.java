package io.signetmesh.identity.pki;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemReader;

/** Reads, writes and names X.509 certificates (RFC 5280, PEM of RFC 7468). */
public final class Certificates {
  /** Largest certificate taken, in bytes of DER: far above what a mesh makes. */
  private static final int MAX_DER = 64 * 1024;

  private static final int MAX_PEM = 1 << 20;

  private Certificates() {}

  /**
   * Parses one certificate in DER.
   *
   * @param source named in errors
   * @throws PkiException when the bytes are not exactly one X.509 certificate
   */
  public static X509Certificate parseDer(String source, byte[] der) throws PkiException {
    if (der.length == 0 || der.length > MAX_DER) {
      throw new PkiException(
          source + ": certificate of " + der.length + " bytes: expected 1 to " + MAX_DER);
    }
    try {
      var in = new ByteArrayInputStream(der);
      var certificate =
          (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
      if (in.available() != 0) {
        throw new PkiException(source + ": " + in.available() + " bytes after the certificate");
      }
      return certificate;
    } catch (CertificateException e) {
      throw new PkiException(source + ": not an X.509 certificate in DER: " + e.getMessage(), e);
    }
  }

  /**
   * Reads the certificates of a PEM file, in order.
   *
   * @throws PkiException when the file holds none, or anything else than certificates
   */
  public static List<X509Certificate> readPem(Path file) throws IOException, PkiException {
    long size = Files.size(file);
    if (size > MAX_PEM) {
      throw new PkiException(file + ": " + size + " bytes: expected at most " + MAX_PEM);
    }
    return parsePem(file.toString(), Files.readString(file, StandardCharsets.ISO_8859_1));
  }

  /**
   * Reads the certificates of a PEM text, in order.
   *
   * @param source named in errors
   * @throws PkiException when the text holds none, or anything else than certificates
   */
  public static List<X509Certificate> parsePem(String source, String text) throws PkiException {
    List<X509Certificate> certificates = new ArrayList<>();
    try (PemReader reader = new PemReader(new StringReader(text))) {
      PemObject object;
      while ((object = reader.readPemObject()) != null) {
        String at = source + ": PEM object " + (certificates.size() + 1);
        if (!object.getType().equals("CERTIFICATE")) {
          throw new PkiException(at + " is a " + object.getType() + ": expected CERTIFICATE");
        }
        certificates.add(parseDer(at, object.getContent()));
      }
    } catch (IOException | RuntimeException e) {
      throw new PkiException(source + ": not well-formed PEM: " + e.getMessage(), e);
    }
    if (certificates.isEmpty()) {
      throw new PkiException(source + ": no certificate in PEM found");
    }
    return certificates;
  }

  /** The certificates in PEM, in order. */
  public static String toPem(List<X509Certificate> certificates) {
    StringBuilder pem = new StringBuilder();
    for (X509Certificate certificate : certificates) {
      pem.append("-----BEGIN CERTIFICATE-----\n")
          .append(Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der(certificate)))
          .append("\n-----END CERTIFICATE-----\n");
    }
    return pem.toString();
  }

  /** The certificate in DER. */
  public static byte[] der(X509Certificate certificate) {
    try {
      return certificate.getEncoded();
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("certificate without encoding", e);
    }
  }

  /** SHA-256 of the certificate in DER, 32 bytes. */
  public static byte[] sha256(X509Certificate certificate) {
    return newSha256().digest(der(certificate));
  }

  /** SHA-256 of the certificate in DER, lower-case hexadecimal. */
  public static String fingerprint(X509Certificate certificate) {
    return HexFormat.of().formatHex(sha256(certificate));
  }

  /** SHA-256 of a public key as SubjectPublicKeyInfo, 32 bytes. */
  public static byte[] sha256(PublicKey key) {
    return newSha256().digest(key.getEncoded());
  }

  /** Serial number in lower-case hexadecimal without leading zeros. */
  public static String serial(X509Certificate certificate) {
    return certificate.getSerialNumber().toString(16);
  }

  /**
   * Describes a certificate in logs and errors: its first usable name or its subject, and the start
   * of its SHA-256 digest.
   */
  public static String describe(X509Certificate certificate) {
    String name =
        PeerIdentity.of(certificate)
            .map(PeerIdentity::name)
            .orElseGet(() -> certificate.getSubjectX500Principal().getName());
    return WorkloadIdentity.printable(name)
        + " (sha256 "
        + HexFormat.of().formatHex(sha256(certificate), 0, 8)
        + ")";
  }

  static MessageDigest newSha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
