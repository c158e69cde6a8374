package io.signetmesh.identity.ca.revocation;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.RevocationList;
import java.math.BigInteger;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.HexFormat;
import javax.security.auth.x500.X500Principal;

/**
 * An issuer that has signed leaves. Its name and key tell which serial numbers belong to it.
 *
 * @param name distinguished name
 * @param keySha256 SHA-256 of its SubjectPublicKeyInfo, 64 hexadecimal digits
 * @param parent distinguished name of the CA that signed it
 * @param serial its serial number
 * @param notAfter end of its validity, whole seconds
 */
public record KnownIssuer(
    X500Principal name,
    String keySha256,
    X500Principal parent,
    BigInteger serial,
    Instant notAfter) {
  /** Makes the record of an issuer's certificate. */
  public static KnownIssuer of(X509Certificate certificate) {
    return new KnownIssuer(
        certificate.getSubjectX500Principal(),
        HexFormat.of().formatHex(Certificates.sha256(certificate.getPublicKey())),
        certificate.getIssuerX500Principal(),
        certificate.getSerialNumber(),
        Instant.ofEpochSecond(certificate.getNotAfter().toInstant().getEpochSecond()));
  }

  /** The revocation list entry for the issuer's own certificate. */
  public RevocationList.Entry entry() {
    return new RevocationList.Entry(parent, serial);
  }
}
