package io.signetmesh.identity.ca.revocation;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.crl.Crl;
import io.signetmesh.identity.pki.crl.RevocationReason;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import javax.security.auth.x500.X500Principal;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RevocationPublisherTest {
  private static final X500Principal FOREIGN = new X500Principal("CN=earlier issuer");

  @TempDir Path state;
  private final TestPki pki = TestPki.create("mesh");
  private final TestPki next = TestPki.create("next");
  private final X500Principal own = pki.issuer().getCertificate().getSubjectX500Principal();
  private Instant now = TestPki.START;
  private TestPki inUse = pki;
  private RevocationStore store;
  private RevocationPublisher publisher;

  @BeforeEach
  void open() throws Exception {
    store = RevocationStore.open(state, () -> now);
    TrustBundle bundle =
        new TrustBundle(
            1,
            TestPki.TRUST_DOMAIN,
            List.of(pki.anchor().getCertificate(), next.anchor().getCertificate()));
    publisher =
        new RevocationPublisher(
            store,
            new CertificateAuthority(
                () -> issuer(inUse), () -> bundle, IssuancePolicy.DEFAULT, () -> now),
            () -> now);
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void deltaBringsAnEarlierListUpToDate() throws Exception {
    store.revoke(List.of(certificate(own, 1)));
    RevocationPublisher.Publication first = publisher.current();
    RevocationList held = read(first.full()).onto(RevocationList.NONE);
    store.revoke(new RevokedIdentity("a.example", RevocationReason.SUPERSEDED, now), List::of);
    store.revoke(new RevokedIdentity("b.example", RevocationReason.SUPERSEDED, now), List::of);
    store.lift("a.example");
    store.revoke(List.of(certificate(own, 2)));

    RevocationPublisher.Publication newest = publisher.current();
    Crl delta = read(newest.since(first.number()));

    assertThat(delta.base()).isEqualTo(first.number());
    RevocationList list = delta.onto(held);
    assertThat(list.number()).isEqualTo(newest.number());
    assertThat(list.lists(own, BigInteger.ONE)).isTrue();
    assertThat(list.lists(own, BigInteger.TWO)).isTrue();
    assertThat(list.lists("a.example")).isFalse();
    assertThat(list.lists("b.example")).isTrue();
    assertThat(newest.since(first.number())).isSameAs(newest.since(first.number()));
    assertThat(newest.since(0)).isSameAs(newest.full());
    assertThat(newest.since(12)).isSameAs(newest.full());
  }

  @Test
  void certificatesOfAnotherIssuerAreInTheListForWorkloadsOnly() throws Exception {
    store.revoke(List.of(certificate(own, 1), certificate(FOREIGN, 2)));

    RevocationPublisher.Publication publication = publisher.current();

    RevocationList full = read(publication.full()).onto(RevocationList.NONE);
    assertThat(full.lists(FOREIGN, BigInteger.TWO)).isTrue();
    RevocationList direct = read(publication.direct()).onto(RevocationList.NONE);
    assertThat(direct.lists(FOREIGN, BigInteger.TWO)).isFalse();
    assertThat(direct.lists(own, BigInteger.ONE)).isTrue();
  }

  @Test
  void listIsSignedAgainBeforeItsEndAndByANewIssuer() throws Exception {
    long first = publisher.current().number();
    publisher.refresh();
    assertThat(publisher.current().number()).isEqualTo(first);

    now = now.plus(RevocationPublisher.REFRESH).plus(Duration.ofMinutes(6));
    publisher.refresh();
    RevocationPublisher.Publication second = publisher.current();
    assertThat(second.number()).isGreaterThan(first);
    assertThat(second.thisUpdate()).isAfter(TestPki.START);

    inUse = next;
    publisher.refresh();
    RevocationPublisher.Publication third = publisher.current();
    assertThat(third.number()).isGreaterThan(second.number());
    Crl crl = Crl.parse("test", third.full());
    crl.verify(next.issuer().getCertificate());
    // Of another issuer: no delta adds to a list of the one before.
    assertThat(third.since(second.number())).isSameAs(third.full());
    assertThat(store.issuers())
        .extracting(KnownIssuer::name)
        .contains(own, next.issuer().getCertificate().getSubjectX500Principal());
  }

  /** Its leaf is out before the next upkeep. */
  @Test
  void issuerIsOnRecordBeforeItIsGivenToSign() throws Exception {
    KnowingIssuers issuers = new KnowingIssuers(store, () -> issuer(inUse));
    inUse = next;

    Issuer issuer = issuers.current();

    assertThat(store.issuers()).contains(KnownIssuer.of(issuer.certificate()));
  }

  private Crl read(byte[] der) throws Exception {
    Crl crl = Crl.parse("test", der);
    crl.verify(pki.issuer().getCertificate());
    return crl;
  }

  private RevokedCertificate certificate(X500Principal issuer, long serial) {
    return new RevokedCertificate(
        issuer,
        BigInteger.valueOf(serial),
        RevocationReason.SUPERSEDED,
        now,
        now.plus(Duration.ofDays(1)),
        "");
  }

  private static Issuer issuer(TestPki of) {
    X509Certificate certificate = of.issuer().getCertificate();
    try {
      return Issuer.of("test", of.issuer().getKeyPair().getPrivate(), List.of(certificate));
    } catch (PkiException e) {
      throw new AssertionError(e);
    }
  }
}
