package io.signetmesh.identity.pki;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CertificatesFuzzTest {
  private static final TestPki PKI = TestPki.create("fuzz");
  private static final ChainVerifier VERIFIER =
      ChainVerifier.of(PKI.trust(), InstantSource.fixed(TestPki.START));

  static Stream<Arguments> certificates() {
    return Stream.of(
            PKI.certificate("web.example").leaf(),
            PKI.issuer().getCertificate(),
            PKI.anchor().getCertificate())
        .map(certificate -> Arguments.of((Object) Certificates.der(certificate)));
  }

  /** Whatever comes, the outcome is a certificate or an ordinary refusal. */
  @MethodSource("certificates")
  @FuzzTest(maxDuration = "10m")
  void bytesOfACertificate(byte[] der) {
    try {
      X509Certificate certificate = Certificates.parseDer("fuzz", der);
      PeerIdentity.of(certificate);
      Certificates.describe(certificate);
      VERIFIER.verify(List.of(certificate, PKI.issuer().getCertificate()), Purpose.CLIENT);
    } catch (PkiException | CertificateException e) {
      // Refused, as it should be.
    }
  }
}
