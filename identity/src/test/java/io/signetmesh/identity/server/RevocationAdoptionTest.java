package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.ca.revocation.KnownIssuer;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.ca.revocation.RevokedCertificate;
import io.signetmesh.identity.ca.revocation.RevokedIdentity;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.crl.RevocationReason;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RevocationAdoptionTest {
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final String CART = "cart.shop.serviceaccount.identity.signet.cluster.local";
  private static final long NUMBER = 5;

  @TempDir Path state;
  private final X509Certificate issuer = TestPki.create("a").issuer().getCertificate();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final Map<String, IssuedLeaf> issued = new HashMap<>();
  private AdoptionLedger ledger;
  private LeafReports reports;
  private RevocationStore store;
  private RevocationAdoption adoption;

  @BeforeEach
  void open() throws Exception {
    store = RevocationStore.open(state, () -> now);
    reports = LeafReports.open(state, serial -> Optional.ofNullable(issued.get(serial)), () -> now);
    ledger = new AdoptionLedger(reports, Duration.ofMinutes(1), () -> now);
    adoption = new RevocationAdoption(store, ledger, () -> now);
  }

  @AfterEach
  void close() {
    reports.close();
    store.close();
  }

  private long report(String identity, String address, int serial, long number) {
    long stream = ledger.open();
    report(stream, identity, address, serial, number);
    return stream;
  }

  private void report(long stream, String identity, String address, int serial, long number) {
    String hex = Integer.toHexString(serial);
    issued.put(
        hex,
        new IssuedLeaf(hex, identity, "0".repeat(64), now.plusSeconds(60), now, "workload-token"));
    ledger.report(
        stream,
        identity,
        address,
        TrustReport.newBuilder()
            .setRevocationNumber(number)
            .setLeaf(
                ServedLeaf.newBuilder()
                    .setSha256(ByteString.copyFromUtf8("leaf " + serial))
                    .setSerial(hex)
                    .setIssuerKeySha256(
                        ByteString.copyFrom(Certificates.sha256(issuer.getPublicKey())))
                    .setNotAfter(
                        Timestamp.newBuilder().setSeconds(now.plusSeconds(60).getEpochSecond())))
            .build());
  }

  @Test
  void aWorkloadCountsWhenItReportsTheListOrANewerOne() {
    long late = report(WEB, "10.0.0.1:1000", 1, NUMBER - 1);
    report(WEB, "10.0.0.2:1000", 2, NUMBER);
    report(CART, "10.0.0.3:1000", 3, NUMBER + 1);

    RevocationAdoption.Counts counts = adoption.of(NUMBER);
    assertThat(counts.inForce()).isEqualTo(2);
    assertThat(counts.connected()).isEqualTo(3);
    assertThat(counts.behind())
        .singleElement()
        .satisfies(behind -> assertThat(behind.address()).isEqualTo("10.0.0.1:1000"));

    report(late, WEB, "10.0.0.1:1000", 1, NUMBER);
    assertThat(adoption.of(NUMBER).inForce()).isEqualTo(3);
    assertThat(adoption.of(NUMBER).behind()).isEmpty();
  }

  @Test
  void whoIsRevokedIsNotWaitedFor() throws Exception {
    report(WEB, "10.0.0.1:1000", 1, 0);
    report(CART, "10.0.0.2:1000", 0x2a, 0);
    report(CART, "10.0.0.3:1000", 3, NUMBER);
    store.knowIssuer(KnownIssuer.of(issuer));
    store.revoke(new RevokedIdentity(WEB, RevocationReason.KEY_COMPROMISE, now), List::of);
    store.revoke(
        List.of(
            new RevokedCertificate(
                issuer.getSubjectX500Principal(),
                BigInteger.valueOf(0x2a),
                RevocationReason.KEY_COMPROMISE,
                now,
                now.plusSeconds(60),
                CART)));

    RevocationAdoption.Counts counts = adoption.of(NUMBER);
    assertThat(counts.connected()).isOne();
    assertThat(counts.behind()).isEmpty();
    assertThat(counts.absent()).isEmpty();
  }

  @Test
  void whoIsNotConnectedIsAbsentUntilItsLeafEndsOrItComesBack() {
    ledger.close(report(WEB, "10.0.0.1:1000", 1, NUMBER - 1));
    ledger.close(report(CART, "10.0.0.2:1000", 2, NUMBER));

    assertThat(adoption.of(NUMBER).absent())
        .extracting(AdoptionLedger.Adoption::identity)
        .containsExactly(CART, WEB);
    assertThat(adoption.of(NUMBER).connected()).isZero();

    // From the same address, with another leaf: its proxy has started again.
    report(WEB, "10.0.0.1:2000", 3, NUMBER);
    // Another workload of the identity is none of its.
    report(CART, "10.0.0.9:2000", 4, NUMBER);
    assertThat(adoption.of(NUMBER).absent())
        .extracting(AdoptionLedger.Adoption::identity)
        .containsExactly(CART);

    now = now.plusSeconds(61);
    assertThat(adoption.of(NUMBER).absent()).isEmpty();
  }

  @Test
  void metricsTellOfTheNewestList() throws Exception {
    SimpleMeterRegistry registry = new SimpleMeterRegistry();
    adoption.bind(registry);
    store.revoke(new RevokedIdentity("other." + WEB, RevocationReason.SUPERSEDED, now), List::of);
    report(WEB, "10.0.0.1:1000", 1, store.number());
    report(CART, "10.0.0.2:1000", 2, store.number() - 1);

    assertThat(registry.get("signet.identity.revocation.number").gauge().value())
        .isEqualTo(store.number());
    for (String state : List.of("in_force", "behind")) {
      assertThat(
              registry
                  .get("signet.identity.revocation.workloads")
                  .tag("state", state)
                  .gauge()
                  .value())
          .as(state)
          .isEqualTo(1);
    }
  }
}
