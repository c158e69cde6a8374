package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.KeyUsage;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.math.BigInteger;
import java.security.KeyPairGenerator;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.spec.RSAKeyGenParameterSpec;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.NameConstraints;
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

  /** A peer chooses its keys; checking a signature with them is work that a stranger sets. */
  @Test
  void keysThatNoAnchorVouchesForAreNeverComputedWith() throws Exception {
    X509Bundle stranger = TestPki.selfSigned(ring());
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(TestPki.issued(TestPki.leaf("web.example"), stranger).getCertificate());
    while (chain.size() < 10) {
      chain.add(TestPki.issued(ring(), stranger).getCertificate());
    }
    AtomicInteger checks = new AtomicInteger();

    assertThatThrownBy(() -> verifier(pki.trust()).verify(counted(chain, checks), Purpose.CLIENT))
        .isInstanceOf(CertificateException.class);
    assertThat(checks).hasValue(0);
  }

  @Test
  void forgedCertificatesCostFewChecksWithTheKeyOfAnAnchor() throws Exception {
    X509Bundle namesake =
        TestPki.selfSigned(
            TestPki.ca(pki.anchor().getCertificate().getSubjectX500Principal().getName(), 1));
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(TestPki.issued(TestPki.leaf("web.example"), namesake).getCertificate());
    while (chain.size() < 10) {
      chain.add(
          TestPki.issued(
                  TestPki.ca(namesake.getCertificate().getSubjectX500Principal().getName(), 5),
                  namesake)
              .getCertificate());
    }
    AtomicInteger checks = new AtomicInteger();

    assertThatThrownBy(() -> verifier(pki.trust()).verify(counted(chain, checks), Purpose.CLIENT))
        .isInstanceOf(CertificateException.class);
    assertThat(checks.get()).isBetween(1, 3);
  }

  /** As a rotation makes them: one name, several keys. */
  @Test
  void anchorsOfOneNameAreAllTried() throws Exception {
    List<X509Certificate> anchors = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      anchors.add(TestPki.create("mesh").anchor().getCertificate());
    }
    anchors.add(pki.anchor().getCertificate());
    List<X509Certificate> chain = pki.certificate("web.example").chain();

    assertThat(
            verifier(new TrustBundle(1, TestPki.TRUST_DOMAIN, anchors))
                .verify(chain, Purpose.CLIENT)
                .name())
        .isEqualTo("web.example");
  }

  @Test
  void constraintsOfUntrustedIssuersAreNotWorkedOut() throws Exception {
    GeneralSubtree[] many = new GeneralSubtree[500];
    Arrays.setAll(many, i -> new GeneralSubtree(new GeneralName(GeneralName.dNSName, "n" + i)));
    byte[] constraints = new NameConstraints(many, many).getEncoded();
    String anchor = pki.anchor().getCertificate().getSubjectX500Principal().getName();
    X509Bundle namesake = TestPki.selfSigned(TestPki.ca(anchor, 1));
    X509Bundle issuer =
        TestPki.issued(
            TestPki.ca("CN=issuer", 0).addExtensionOctetString("2.5.29.30", true, constraints),
            namesake);
    List<X509Certificate> chain =
        List.of(
            TestPki.issued(TestPki.leaf("web.example"), issuer).getCertificate(),
            issuer.getCertificate());

    assertThatThrownBy(() -> verifier(pki.trust()).verify(chain, Purpose.CLIENT))
        .isInstanceOf(UntrustedChainException.class)
        .hasMessageContaining("is not signed by");
  }

  @Test
  void leafWithNameConstraintsIsRefused() throws Exception {
    byte[] constraints =
        new NameConstraints(
                new GeneralSubtree[] {
                  new GeneralSubtree(new GeneralName(GeneralName.dNSName, "example"))
                },
                null)
            .getEncoded();

    refused(
        TestPki.leaf("web.example").addExtensionOctetString("2.5.29.30", true, constraints),
        "has name constraints");
    refused(
        TestPki.leaf("web.example").addExtensionOctetString("2.5.29.30", false, constraints),
        "has name constraints");
  }

  @Test
  void leafThatMaySignCertificatesIsRefused() {
    refused(
        TestPki.leaf("web.example")
            .setKeyUsage(true, KeyUsage.digitalSignature, KeyUsage.keyCertSign),
        "includes keyCertSign");
  }

  @Test
  void leafThatDoesNotSayWhatItIsForIsRefused() {
    CertificateBuilder leaf =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=workload")
            .notBefore(TestPki.START.minus(1, ChronoUnit.HOURS))
            .notAfter(TestPki.START.plus(1, ChronoUnit.HOURS))
            .setKeyUsage(true, KeyUsage.digitalSignature)
            .addSanDnsName("web.example");

    refused(leaf, "has no extended key usage");
  }

  @Test
  void leafOfAServerIsNoClient() throws Exception {
    CertificateBuilder leaf =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=workload")
            .notBefore(TestPki.START.minus(1, ChronoUnit.HOURS))
            .notAfter(TestPki.START.plus(1, ChronoUnit.HOURS))
            .setKeyUsage(true, KeyUsage.digitalSignature)
            .addExtendedKeyUsageServerAuth()
            .addSanDnsName("web.example");
    List<X509Certificate> chain = pki.chain(TestPki.issued(leaf, pki.issuer()));

    verifier(pki.trust()).verify(chain, Purpose.SERVER);
    assertThatThrownBy(() -> verifier(pki.trust()).verify(chain, Purpose.CLIENT))
        .isInstanceOf(CertificateException.class)
        .hasMessageContaining("extended key usage");
  }

  @Test
  void leafIssuesNothing() {
    X509Bundle workload = TestPki.issued(TestPki.leaf("web.example"), pki.issuer());
    X509Bundle forged = TestPki.issued(TestPki.leaf("admin.example"), workload);

    refused(
        List.of(forged.getCertificate(), workload.getCertificate(), pki.issuer().getCertificate()));
  }

  @Test
  void issuerBelowTheLengthOfThePathIsRefused() {
    X509Bundle below = TestPki.issued(TestPki.ca("CN=below", 0), pki.issuer());
    X509Bundle leaf = TestPki.issued(TestPki.leaf("admin.example"), below);

    refused(List.of(leaf.getCertificate(), below.getCertificate(), pki.issuer().getCertificate()));
  }

  @Test
  void leafIsRefusedBeforeAndAfterItsTime() {
    X509Bundle leaf = TestPki.issued(TestPki.leaf("web.example"), pki.issuer());
    for (int hours : List.of(-2, 2)) {
      ChainVerifier then =
          ChainVerifier.of(
              pki.trust(), InstantSource.fixed(TestPki.START.plus(hours, ChronoUnit.HOURS)));
      assertThatThrownBy(() -> then.verify(pki.chain(leaf), Purpose.CLIENT))
          .isInstanceOf(CertificateException.class)
          .hasMessageContaining(hours < 0 ? "is valid from" : "was valid until");
    }
  }

  @Test
  void thousandsOfNamesAreNotRead() {
    CertificateBuilder leaf = TestPki.leaf("web.example");
    for (int i = 0; i < 1000; i++) {
      leaf.addSanDnsName("n" + i + ".example");
    }

    refused(leaf, "bytes of subject alternative names");
  }

  @Test
  void keyWithALongExponentIsRefused() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(
        new RSAKeyGenParameterSpec(2048, BigInteger.TWO.pow(64).add(BigInteger.valueOf(13))));

    refused(
        TestPki.leaf("web.example").keyPair(generator.generateKeyPair()), "exponent of at most");
  }

  private void refused(CertificateBuilder leaf, String because) {
    X509Bundle issued = TestPki.issued(leaf, pki.issuer());
    for (Purpose purpose : Purpose.values()) {
      assertThatThrownBy(() -> verifier(pki.trust()).verify(pki.chain(issued), purpose))
          .isInstanceOf(CertificateException.class)
          .hasMessageContaining(because);
    }
  }

  private void refused(List<X509Certificate> chain) {
    for (Purpose purpose : Purpose.values()) {
      assertThatThrownBy(() -> verifier(pki.trust()).verify(chain, purpose))
          .isInstanceOf(CertificateException.class);
    }
  }

  private static ChainVerifier verifier(TrustBundle trust) {
    return ChainVerifier.of(trust, InstantSource.fixed(TestPki.START));
  }

  private static List<X509Certificate> counted(List<X509Certificate> chain, AtomicInteger checks) {
    return chain.stream()
        .<X509Certificate>map(certificate -> new CountedChecks(certificate, checks))
        .toList();
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
