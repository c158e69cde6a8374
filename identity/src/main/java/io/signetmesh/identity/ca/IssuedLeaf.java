package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import java.nio.ByteBuffer;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * The record of an issued leaf in {@link IssuedCertificates}.
 *
 * @param serial lower-case hexadecimal without leading zeros, as {@link Certificates#serial}
 * @param identity DNS name of the workload
 * @param issuerKeySha256 SHA-256 of the SubjectPublicKeyInfo of the issuer, 64 hexadecimal digits
 * @param notAfter end of validity, whole seconds
 * @param attestedAt when the workload last proved its identity with evidence other than a leaf,
 *     whole seconds; renewals copy it from leaf to leaf
 * @param attestor kind of that evidence, such as {@code workload-token}: lower-case letters, digits
 *     and hyphens
 * @param keyDigest the first 8 bytes of the SHA-256 of its SubjectPublicKeyInfo; 0 when unknown
 */
public record IssuedLeaf(
    String serial,
    String identity,
    String issuerKeySha256,
    Instant notAfter,
    Instant attestedAt,
    String attestor,
    long keyDigest) {
  private static final Pattern SERIAL = Pattern.compile("[0-9a-f]{1,40}");
  private static final Pattern IDENTITY = Pattern.compile("[!-~]{1,255}");
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern ATTESTOR = Pattern.compile("[a-z0-9-]{1,40}");

  /** Refuses values that do not fit the format of a record. */
  public IssuedLeaf {
    require("serial", serial, SERIAL);
    require("identity", identity, IDENTITY);
    require("issuer key digest", issuerKeySha256, DIGEST);
    require("attestor", attestor, ATTESTOR);
    notAfter = Instant.ofEpochSecond(notAfter.getEpochSecond());
    attestedAt = Instant.ofEpochSecond(attestedAt.getEpochSecond());
  }

  /** A leaf whose key is unknown, as earlier versions recorded it. */
  public IssuedLeaf(
      String serial,
      String identity,
      String issuerKeySha256,
      Instant notAfter,
      Instant attestedAt,
      String attestor) {
    this(serial, identity, issuerKeySha256, notAfter, attestedAt, attestor, 0);
  }

  /**
   * What is kept of the key of a leaf.
   *
   * @param sha256 of its SubjectPublicKeyInfo, 32 bytes
   */
  public static long keyDigest(byte[] sha256) {
    return ByteBuffer.wrap(sha256).getLong();
  }

  /**
   * Makes the record of a leaf.
   *
   * @param issuerKey public key of the certificate that signed it
   */
  public static IssuedLeaf of(
      X509Certificate leaf,
      String identity,
      PublicKey issuerKey,
      Instant attestedAt,
      String attestor) {
    return new IssuedLeaf(
        Certificates.serial(leaf),
        identity,
        HexFormat.of().formatHex(Certificates.sha256(issuerKey)),
        leaf.getNotAfter().toInstant(),
        attestedAt,
        attestor,
        keyDigest(Certificates.sha256(leaf.getPublicKey())));
  }

  private static void require(String what, String value, Pattern expected) {
    if (!expected.matcher(value).matches()) {
      throw new IllegalArgumentException(
          what + " '" + value + "' of an issued leaf: expected " + expected);
    }
  }
}
