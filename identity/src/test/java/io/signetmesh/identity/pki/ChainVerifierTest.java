package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  @ParameterizedTest
  @ValueSource(
      strings = {"*.shop.example", "batch.shop.example.", "shop.example/batch", "bätch.example"})
  void clientMayNotHaveANameThatNoDenialCouldFind(String name) throws Exception {
    List<X509Certificate> chain = chain("web.example", name);
    ChainVerifier verifier = ChainVerifier.of(pki.trust(), InstantSource.fixed(TestPki.START));

    assertThatThrownBy(() -> verifier.verify(chain, Purpose.CLIENT))
        .isInstanceOf(CertificateException.class);
    assertThat(verifier.verify(chain("web.example"), Purpose.CLIENT).names())
        .containsExactly("web.example");
  }

  /** Clients of a server look for one name among many. */
  @Test
  void serverMayHaveWildcardsAndManyNames() throws Exception {
    String[] names = new String[40];
    Arrays.setAll(names, i -> i == 0 ? "web.example" : i == 1 ? "*.example" : "n" + i + ".example");
    ChainVerifier verifier = ChainVerifier.of(pki.trust(), InstantSource.fixed(TestPki.START));

    assertThat(verifier.verify(chain(names), Purpose.SERVER).matches("n39.example")).isTrue();
  }

  @Test
  void clientMayHaveAFewNames() throws Exception {
    ChainVerifier verifier = ChainVerifier.of(pki.trust(), InstantSource.fixed(TestPki.START));
    String[] few = new String[16];
    Arrays.setAll(few, i -> "n" + i + ".example");
    String[] many = Arrays.copyOf(few, 17);
    many[16] = "one-more.example";

    assertThat(verifier.verify(chain(few), Purpose.CLIENT).names()).containsExactly(few);
    List<X509Certificate> chain = chain(many);
    assertThatThrownBy(() -> verifier.verify(chain, Purpose.CLIENT))
        .isInstanceOf(CertificateException.class)
        .hasMessageContaining("17 names: expected at most 16");
  }

  private List<X509Certificate> chain(String... names) throws Exception {
    GeneralName[] general =
        Arrays.stream(names)
            .map(name -> new GeneralName(GeneralName.dNSName, name))
            .toArray(GeneralName[]::new);
    CertificateBuilder leaf =
        TestPki.leaf()
            .addExtensionOctetString("2.5.29.17", false, new GeneralNames(general).getEncoded());
    return pki.chain(TestPki.issued(leaf, pki.issuer()));
  }

  private static CertificateBuilder ring() {
    return TestPki.ca("CN=ring", 1).setPathLengthConstraint(OptionalInt.empty());
  }
}
