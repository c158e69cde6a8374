package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;

class ChainVerifierTest {
  private final TestPki pki = TestPki.create("mesh");

  /** One name and one key: every certificate issues every other, in 9! orders. */
  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = ThreadMode.SEPARATE_THREAD)
  void chainWhoseCertificatesAllIssueEachOtherIsGivenUpSoon() {
    X509Bundle first = TestPki.selfSigned(ring());
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(TestPki.issued(TestPki.leaf("web.example"), first).getCertificate());
    chain.add(first.getCertificate());
    while (chain.size() < 10) {
      chain.add(TestPki.issued(ring().keyPair(first.getKeyPair()), first).getCertificate());
    }
    ChainVerifier verifier = ChainVerifier.of(pki.trust(), InstantSource.fixed(TestPki.START));

    // The second time all signatures are known.
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> verifier.verify(chain, Purpose.CLIENT))
          .isInstanceOf(CertificateException.class)
          .hasMessageContaining("more than");
    }
  }

  /** A signature whose last bit is zero is the same with one bit less. */
  @Test
  void certificateHasOnlyOneSpelling() throws Exception {
    byte[] leaf;
    byte[] signature;
    do {
      X509Certificate certificate = pki.certificate("web.example").leaf();
      leaf = Certificates.der(certificate);
      signature = certificate.getSignature();
    } while ((signature[signature.length - 1] & 1) != 0);
    leaf[leaf.length - signature.length - 1] = 1;
    X509Certificate respelt = Certificates.parseDer("leaf", leaf);
    ChainVerifier verifier = ChainVerifier.of(pki.trust(), InstantSource.fixed(TestPki.START));

    assertThatThrownBy(
            () -> verifier.verify(List.of(respelt, pki.issuer().getCertificate()), Purpose.CLIENT))
        .isInstanceOf(CertificateException.class)
        .hasMessageContaining("unused bits");
  }

  private static CertificateBuilder ring() {
    return TestPki.ca("CN=ring", 1).setPathLengthConstraint(OptionalInt.empty());
  }
}
