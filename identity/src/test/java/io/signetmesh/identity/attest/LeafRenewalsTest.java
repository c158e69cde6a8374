package io.signetmesh.identity.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.VerifiedPeer;
import java.nio.file.Path;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeafRenewalsTest {
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final Duration LIMIT = Duration.ofMinutes(30);

  @TempDir Path state;

  private final TestPki pki = TestPki.create("renewals");
  private final X509Certificate leaf =
      TestPki.issued(TestPki.leaf(WEB), pki.issuer()).getCertificate();
  private final X509Certificate issuer = pki.issuer().getCertificate();
  private Instant now = TestPki.START;
  private RevocationList revoked = RevocationList.NONE;
  private final Set<String> distrusted = new HashSet<>();
  private IssuedCertificates issued;
  private LeafRenewals renewals;

  @BeforeEach
  void open() throws Exception {
    issued = IssuedCertificates.open(state, () -> now);
    renewals =
        new LeafRenewals(issued, () -> revoked, key -> !distrusted.contains(key), LIMIT, () -> now);
  }

  @AfterEach
  void close() {
    issued.close();
  }

  @Test
  void aLeafOnRecordRenewsUntilTheLimitAfterTheLastOtherProof() throws Exception {
    record(issuer.getPublicKey());
    now = TestPki.START.plus(LIMIT);

    Attested attested = renewals.attest(evidence(false));

    assertThat(attested.identity().dnsName()).isEqualTo(WEB);
    assertThat(attested.attestedAt()).isEqualTo(TestPki.START);
    assertThat(attested.attestor()).isEqualTo("join-token");
    now = now.plusSeconds(1);
    refused(false, Reason.RENEWAL_LIMIT, "expected a token");
  }

  @Test
  void aLeafThatIsNotOnRecordIsRefused() {
    refused(false, Reason.LEAF, "not on record as issued here");
  }

  @Test
  void aLeafOfARevokedIdentityIsRefused() throws Exception {
    record(issuer.getPublicKey());
    revoked = RevocationList.of(1, List.of(), List.of(WEB));

    refused(false, Reason.LEAF, "is revoked");
  }

  @Test
  void aRevokedLeafIsRefused() throws Exception {
    record(issuer.getPublicKey());
    revoked =
        RevocationList.of(
            1,
            List.of(
                new RevocationList.Entry(leaf.getIssuerX500Principal(), leaf.getSerialNumber())),
            List.of());

    refused(false, Reason.LEAF, "is revoked");
  }

  @Test
  void aRenewalUnderWayIsRefusedWhenItsLeafIsRevoked() throws Exception {
    record(issuer.getPublicKey());
    Attested attested = renewals.attest(evidence(false));

    revoked =
        RevocationList.of(
            1,
            List.of(
                new RevocationList.Entry(leaf.getIssuerX500Principal(), leaf.getSerialNumber())),
            List.of());

    assertThatThrownBy(() -> attested.use().commit())
        .isInstanceOf(AttestationException.class)
        .hasMessageContaining("is revoked");
  }

  @Test
  void aLeafWithASerialOnRecordOfAnotherIssuerIsRefused() throws Exception {
    record(TestPki.create("other").issuer().getCertificate().getPublicKey());

    refused(false, Reason.LEAF, "not on record as issued here");
  }

  @Test
  void aLeafOfAnIssuerUnderACompromisedAnchorProvesNothing() throws Exception {
    record(issuer.getPublicKey());
    Attested attested = renewals.attest(evidence(false));

    distrusted.add(HexFormat.of().formatHex(Certificates.sha256(issuer.getPublicKey())));

    refused(false, Reason.LEAF, "from before a trust anchor was compromised");
    // A renewal that is under way.
    assertThatThrownBy(() -> attested.use().commit()).hasMessageContaining("compromised");
  }

  @Test
  void aFederatedPeerIsRefusedThoughItsLeafHasTheNameAndSerialOfOneOnRecord() throws Exception {
    record(issuer.getPublicKey());

    refused(true, Reason.LEAF, "of another trust domain");
  }

  private void record(PublicKey issuerKey) throws Exception {
    issued.record(IssuedLeaf.of(leaf, WEB, issuerKey, TestPki.START, "join-token"));
  }

  private Evidence evidence(boolean federated) {
    VerifiedPeer peer =
        new VerifiedPeer(
            new PeerIdentity(WEB, List.of(WEB), federated),
            List.of(leaf, issuer, pki.anchor().getCertificate()));
    return new Evidence(new byte[0], peer, "10.0.0.1:443");
  }

  private void refused(boolean federated, Reason reason, String why) {
    AttestationException refused =
        catchThrowableOfType(
            AttestationException.class, () -> renewals.attest(evidence(federated)));
    assertThat(refused).isNotNull();
    assertThat(refused.reason()).isEqualTo(reason);
    assertThat(refused).hasMessageContaining(why);
  }
}
