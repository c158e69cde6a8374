package io.signetmesh.identity.pki.crl;

import com.google.protobuf.ByteString;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.v1.RevocationUpdate;
import java.math.BigInteger;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** CRLs for tests. */
public final class TestCrls {
  private TestCrls() {}

  /** A full list of certificates of the issuer of a PKI. */
  public static byte[] full(TestPki pki, long number, List<X509Certificate> certificates) {
    return sign(pki, content(number, 0, certificates, List.of(), List.of()));
  }

  /** What a list says; made at the start of the tests and good for a day. */
  public static CrlWriter.Content content(
      long number,
      long base,
      List<X509Certificate> certificates,
      List<String> identities,
      List<String> lifted) {
    return content(
        number,
        base,
        TestPki.START,
        certificates.stream().map(c -> entry(c, RevocationReason.KEY_COMPROMISE)).toList(),
        identities,
        lifted);
  }

  public static CrlWriter.Content content(
      long number,
      long base,
      Instant thisUpdate,
      List<CrlWriter.Entry> entries,
      List<String> identities,
      List<String> lifted) {
    return new CrlWriter.Content(
        number, base, thisUpdate, thisUpdate.plus(Duration.ofDays(1)), entries, identities, lifted);
  }

  public static CrlWriter.Entry entry(X509Certificate certificate, RevocationReason reason) {
    return entry(certificate.getIssuerX500Principal(), certificate.getSerialNumber(), reason);
  }

  public static CrlWriter.Entry entry(
      X500Principal issuer, BigInteger serial, RevocationReason reason) {
    return new CrlWriter.Entry(issuer, serial, TestPki.START, reason);
  }

  public static byte[] sign(TestPki pki, CrlWriter.Content content) {
    try {
      return CrlWriter.sign(
          content,
          pki.issuer().getCertificate(),
          new JcaContentSignerBuilder("SHA256withECDSA")
              .build(pki.issuer().getKeyPair().getPrivate()));
    } catch (PkiException | OperatorCreationException e) {
      throw new AssertionError(e);
    }
  }

  /** A list as the control plane sends it. */
  public static RevocationUpdate update(TestPki pki, byte[] crl) {
    return RevocationUpdate.newBuilder()
        .setCrl(ByteString.copyFrom(crl))
        .addSignerChain(ByteString.copyFrom(Certificates.der(pki.issuer().getCertificate())))
        .build();
  }
}
