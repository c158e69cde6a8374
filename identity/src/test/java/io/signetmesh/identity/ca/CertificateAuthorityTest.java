package io.signetmesh.identity.ca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CertificateAuthorityTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final int DNS = 2;
  private static final int URI = 6;

  @TempDir Path state;

  private Instant now = START;
  private final InstantSource clock = () -> now;
  private EmbeddedAuthority embedded;
  private TrustBundle trust;
  private CertificateAuthority authority;

  @BeforeEach
  void open() throws Exception {
    embedded = EmbeddedAuthority.open(state, "signet", "cluster.local", clock);
    trust = new TrustBundle(1, "cluster.local", List.of(embedded.anchor()));
    authority = new CertificateAuthority(embedded, () -> trust, IssuancePolicy.DEFAULT, clock);
  }

  @Test
  void serialsAre128RandomBitsAndNeverRepeat() throws Exception {
    Set<BigInteger> serials = new HashSet<>();
    BigInteger everSet = BigInteger.ZERO;
    BigInteger alwaysSet = BigInteger.ONE.shiftLeft(128).subtract(BigInteger.ONE);
    BigInteger all = alwaysSet;
    for (int i = 0; i < 200; i++) {
      BigInteger serial = leaf(WEB).getSerialNumber();
      assertThat(serial.signum()).isPositive();
      assertThat(serial.bitLength()).isLessThanOrEqualTo(128);
      assertThat(serials.add(serial)).isTrue();
      everSet = everSet.or(serial);
      alwaysSet = alwaysSet.and(serial);
    }
    assertThat(everSet).isEqualTo(all);
    assertThat(alwaysSet).isEqualTo(BigInteger.ZERO);
  }

  @Test
  void leafCarriesTheDnsNameThenTheSpiffeIdAndNothingElse() throws Exception {
    X509Certificate leaf = leaf(WEB);

    assertThat(leaf.getSubjectAlternativeNames())
        .containsExactly(List.of(DNS, WEB.dnsName()), List.of(URI, WEB.spiffeId()));
    assertThat(leaf.getSubjectX500Principal().getName()).isEqualTo("CN=" + WEB.dnsName());
    assertThat(leaf.getExtendedKeyUsage())
        .containsExactlyInAnyOrder("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
    assertThat(leaf.getKeyUsage())
        .containsExactly(true, false, false, false, false, false, false, false, false);
    assertThat(leaf.getCriticalExtensionOIDs()).containsExactlyInAnyOrder("2.5.29.15", "2.5.29.19");
  }

  @Test
  void nameTooLongForACommonNameStandsInACriticalAlternativeNameOnly() throws Exception {
    WorkloadIdentity identity =
        new WorkloadIdentity("a".repeat(60), "n".repeat(60), "signet", "cluster.local");

    X509Certificate leaf = leaf(identity);

    assertThat(leaf.getSubjectX500Principal().getName()).isEmpty();
    assertThat(leaf.getCriticalExtensionOIDs()).contains("2.5.29.17");
    assertThat(
            ChainVerifier.of(trust, clock)
                .verify(List.of(leaf, embedded.current().certificate()), Purpose.CLIENT)
                .name())
        .isEqualTo(identity.dnsName());
  }

  @Test
  void leafLivesForTheLifetimeAndTheSkewOnBothSides() throws Exception {
    // The issuer starts five minutes before the CA was made: no bound on the skew of 20 s.
    X509Certificate leaf = leaf(WEB);

    assertThat(leaf.getNotBefore().toInstant()).isEqualTo(START.minusSeconds(20));
    assertThat(leaf.getNotAfter().toInstant()).isEqualTo(START.plusSeconds(86_400 + 20));
  }

  @Test
  void leafNeverOutlivesTheIssuer() throws Exception {
    TestPki pki = TestPki.create("short");
    now = TestPki.START;
    Issuer issuer =
        Issuer.of(
            "test", pki.issuer().getKeyPair().getPrivate(), List.of(pki.issuer().getCertificate()));
    CertificateAuthority bounded =
        new CertificateAuthority(
            () -> issuer,
            pki::trust,
            new IssuancePolicy(Duration.ofDays(30), Duration.ofHours(1)),
            clock);

    X509Certificate leaf = bounded.issue(WEB, request(WEB)).getFirst();

    X509Certificate above = pki.issuer().getCertificate();
    assertThat(leaf.getNotAfter()).isEqualTo(above.getNotAfter());
    assertThat(leaf.getNotBefore()).isEqualTo(above.getNotBefore());
  }

  @Test
  void issuingStopsBeforeTheIssuerEnds() throws Exception {
    Instant end = embedded.current().certificate().getNotAfter().toInstant();
    Issuer issuer = embedded.current();
    CertificateAuthority authority =
        new CertificateAuthority(() -> issuer, () -> trust, IssuancePolicy.DEFAULT, clock);
    now = end.minusSeconds(60);
    assertThat(authority.issue(WEB, request(WEB)).getFirst().getNotAfter().toInstant())
        .isEqualTo(end);

    now = end.minusSeconds(59);

    assertThatThrownBy(() -> authority.issue(WEB, request(WEB)))
        .isInstanceOf(IssuanceStoppedException.class)
        .hasMessageContaining("issuing has stopped: issuer")
        .hasMessageContaining("ends at " + end + ", it is " + now)
        .hasMessageContaining("expected at least 60 s to go");
  }

  @Test
  void issuingStopsTwiceTheClockSkewBeforeTheIssuerEnds() {
    assertThat(new IssuancePolicy(Duration.ofHours(1), Duration.ofMinutes(5)).leastRemaining())
        .isEqualTo(Duration.ofMinutes(10));
    assertThat(new IssuancePolicy(Duration.ofHours(1), Duration.ofSeconds(20)).leastRemaining())
        .isEqualTo(Duration.ofMinutes(1));
  }

  @Test
  void leafNeverOutlivesTheAnchorAndIssuingStopsBeforeItsEnd() throws Exception {
    TestPki pki = TestPki.create("old");
    now = TestPki.START;
    X509Bundle anchor =
        TestPki.selfSigned(
            TestPki.ca("CN=short anchor", 1).notAfter(TestPki.START.plusSeconds(600)));
    X509Bundle under = TestPki.issued(TestPki.ca("CN=issuer", 0), anchor);
    Issuer issuer =
        Issuer.of("test", under.getKeyPair().getPrivate(), List.of(under.getCertificate()));
    TrustBundle both =
        new TrustBundle(
            1, "cluster.local", List.of(anchor.getCertificate(), pki.anchor().getCertificate()));
    CertificateAuthority authority =
        new CertificateAuthority(() -> issuer, () -> both, IssuancePolicy.DEFAULT, clock);

    assertThat(authority.issue(WEB, request(WEB)).getFirst().getNotAfter())
        .isEqualTo(anchor.getCertificate().getNotAfter());

    now = TestPki.START.plusSeconds(541);
    assertThatThrownBy(() -> authority.issue(WEB, request(WEB)))
        .isInstanceOf(IssuanceStoppedException.class)
        .hasMessageContaining("issuing has stopped: trust anchor");
  }

  @Test
  void requestOfAnotherNameOrAnotherKeyIsRefused() throws Exception {
    WorkloadIdentity cart = new WorkloadIdentity("cart", "shop", "signet", "cluster.local");
    assertThatThrownBy(() -> authority.issue(WEB, request(cart)))
        .isInstanceOf(RequestRefusedException.class)
        .hasMessageContaining("names DNS \"" + cart.dnsName() + "\"")
        .hasMessageContaining("expected exactly the DNS name " + WEB.dnsName());

    // The public key of one, the signature of another.
    KeyPair mine = PrivateKeys.generate();
    KeyPair theirs = PrivateKeys.generate();
    byte[] stolen =
        SigningRequest.create(WEB.dnsName(), new KeyPair(theirs.getPublic(), mine.getPrivate()));
    assertThatThrownBy(() -> authority.issue(WEB, SigningRequest.parse(stolen)))
        .isInstanceOf(RequestRefusedException.class)
        .hasMessageContaining("no proof of possession");
  }

  @Test
  void issuerThatDoesNotLeadToTheBundleSignsNothing() throws Exception {
    trust = TestPki.create("other").trust();
    now = TestPki.START;

    assertThatThrownBy(() -> authority.issue(WEB, request(WEB)))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("issuer cannot sign")
        .hasMessageContaining("does not lead to one of the 1 trust anchors");
  }

  @Test
  void lifetimesOutOfRangeAreRefused() {
    assertThatThrownBy(() -> new IssuancePolicy(Duration.ofMillis(999), Duration.ZERO))
        .hasMessageContaining("expected 1 second to 30 days");
    assertThatThrownBy(() -> new IssuancePolicy(Duration.ofDays(31), Duration.ZERO))
        .hasMessageContaining("expected 1 second to 30 days");
    assertThatThrownBy(() -> new IssuancePolicy(Duration.ofHours(1), Duration.ofSeconds(-1)))
        .hasMessageContaining("expected 0 to 1 hour");
  }

  private X509Certificate leaf(WorkloadIdentity identity) throws Exception {
    return authority.issue(identity, request(identity)).getFirst();
  }

  private static SigningRequest request(WorkloadIdentity identity) throws Exception {
    return SigningRequest.parse(SigningRequest.create(identity.dnsName(), PrivateKeys.generate()));
  }
}
