package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.live.AnchorUse;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.crl.RevocationReason;
import io.signetmesh.identity.pki.crl.TestCrls;
import io.signetmesh.v1.PeerAnchor;
import io.signetmesh.v1.TrustReport;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BundleWatchTest {
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";

  private final ManualTimer time = new ManualTimer(TestPki.START);
  private final TestPki pki = TestPki.create("mesh");
  private final X509Certificate next = TestPki.create("next").anchor().getCertificate();
  private final List<Stream> streams = new ArrayList<>();
  private final List<Instant> opened = new ArrayList<>();
  private Credentials credentials =
      new Credentials(pki.certificate(WEB), pki.trust().withVersion(0));
  private final List<@Nullable RenewalRequest> asked = new ArrayList<>();
  private int settled;
  private int revoked;
  private final AbandonedKeys abandoned = new AbandonedKeys();
  private final BundleWatch watch =
      new BundleWatch(
          answers -> {
            opened.add(time.instant());
            Stream stream = new Stream(answers);
            streams.add(stream);
            return stream;
          },
          () -> credentials,
          trust -> credentials = credentials.withPeers(trust),
          asked::add,
          () -> settled++,
          () -> revoked++,
          abandoned,
          () -> 0.5,
          time,
          time);

  /** The control plane's side of one stream. */
  private static final class Stream implements StreamObserver<TrustReport> {
    private final StreamObserver<io.signetmesh.v1.TrustBundle> answers;
    private final List<TrustReport> reports = new ArrayList<>();
    private boolean mayEnd;
    private boolean ended;

    Stream(StreamObserver<io.signetmesh.v1.TrustBundle> answers) {
      this.answers = answers;
    }

    @Override
    public void onNext(TrustReport report) {
      reports.add(report);
    }

    @Override
    public void onError(Throwable error) {
      assertThat(mayEnd).as(error.getMessage()).isTrue();
      ended = true;
    }

    @Override
    public void onCompleted() {
      throw new AssertionError("the client never ends the stream");
    }
  }

  @Test
  void reportsAtOnceWhatIsInForce() {
    watch.start();

    TrustReport report = streams.getFirst().reports.getFirst();
    assertThat(report.getTrustedVersion()).isZero();
    assertThat(report.getTrustedDigest().toByteArray()).isEqualTo(pki.trust().digest());
    X509Certificate leaf = credentials.certificate().leaf();
    assertThat(report.getLeaf().getSha256().toByteArray()).isEqualTo(Certificates.sha256(leaf));
    assertThat(report.getLeaf().getSerial()).isEqualTo(leaf.getSerialNumber().toString(16));
    assertThat(report.getLeaf().getIssuerKeySha256().toByteArray())
        .isEqualTo(Certificates.sha256(pki.issuer().getCertificate().getPublicKey()));
    assertThat(report.getLeaf().getNotAfter().getSeconds())
        .isEqualTo(leaf.getNotAfter().toInstant().getEpochSecond());
    assertThat(report.getRefusal()).isEmpty();
  }

  @Test
  void bundleIsAcknowledgedOnceItIsInForce() {
    watch.start();

    send(message(1, pki.anchor().getCertificate()));
    send(message(7, pki.anchor().getCertificate(), next));

    assertThat(credentials.trust().version()).isEqualTo(7);
    assertThat(credentials.trust().anchors()).containsExactly(pki.anchor().getCertificate(), next);
    assertThat(streams.getFirst().reports)
        .extracting(TrustReport::getTrustedVersion)
        .containsExactly(0L, 1L, 7L);
    assertThat(streams.getFirst().reports.getLast().getTrustedDigest().toByteArray())
        .isEqualTo(credentials.trust().digest());
  }

  @Test
  void badBundlesAreRefusedWithTheReasonAndTheEarlierOneStays() {
    watch.start();
    send(message(5, pki.anchor().getCertificate()));
    TrustBundle good = credentials.trust();

    assertRefused(message(4, next), "is older than 5");
    assertRefused(message(0, next), "expected a version of 1 or more");
    assertRefused(message(5, next), "differs from the one of the same version");
    assertRefused(message(6), "has no anchor");
    assertRefused(message(6, next, next), "listed twice");
    assertRefused(message(6, pki.certificate(WEB).leaf()), "is not a CA certificate");
    assertRefused(
        message(6, next).toBuilder().setTrustDomain("other.example").build(),
        "another trust domain");
    assertRefused(
        message(6, next).toBuilder().addAnchors(ByteString.copyFromUtf8("x".repeat(5000))).build(),
        "not an X.509 certificate");
    assertRefused(
        message(6, next).toBuilder().addAnchors(ByteString.EMPTY).build(),
        "certificate of 0 bytes");

    assertThat(credentials.trust()).isSameAs(good);
    assertThat(watch.refusals()).isEqualTo(9);
    assertThat(streams).hasSize(1);
    send(message(6, next));
    assertThat(credentials.trust().version()).isEqualTo(6);
  }

  @Test
  void revocationListIsInForceBeforeItIsAcknowledged() {
    X509Certificate bad = pki.certificate("bad.example").leaf();
    watch.start();
    assertThat(settled).isZero();

    send(revoking(TestCrls.full(pki, 4, List.of(bad))));

    assertThat(settled).isOne();
    assertThat(credentials.peers().revoked().lists(bad)).isTrue();
    assertThat(lastReport().getRevocationNumber()).isEqualTo(4);

    // The identity in addition, by a delta; and the certificate no longer.
    send(
        revoking(
            TestCrls.sign(
                pki,
                TestCrls.content(
                    6,
                    4,
                    TestPki.START,
                    List.of(TestCrls.entry(bad, RevocationReason.REMOVE_FROM_CRL)),
                    List.of("bad.example"),
                    List.of()))));
    assertThat(credentials.peers().revoked().lists(bad)).isFalse();
    assertThat(credentials.peers().revoked().lists("bad.example")).isTrue();
    assertThat(lastReport().getRevocationNumber()).isEqualTo(6);
  }

  @Test
  void badRevocationListsAreRefusedWithTheReasonAndTheEarlierOneStays() {
    X509Certificate bad = pki.certificate("bad.example").leaf();
    watch.start();
    send(revoking(TestCrls.full(pki, 4, List.of(bad))));

    assertListRefused(TestCrls.full(pki, 3, List.of()), "CRL 3 is older than 4");
    TestPki other = TestPki.create("other");
    assertListRefused(TestCrls.full(other, 5, List.of()), "of another issuer");
    TestPki twin = TestPki.create("mesh");
    assertListRefused(TestCrls.full(twin, 5, List.of()), "is not signed by");
    assertListRefused(new byte[] {0x30, 0}, "nothing at offset 2");
    assertListRefused(
        TestCrls.sign(
            pki,
            TestCrls.content(
                5, 0, TestPki.START.minus(Duration.ofDays(2)), List.of(), List.of(), List.of())),
        "is out of date since");
    // Signed by a CA that leads to no anchor here.
    send(
        message(1, pki.anchor().getCertificate()).toBuilder()
            .setRevocation(TestCrls.update(other, TestCrls.full(other, 5, List.of())))
            .build());
    assertThat(lastReport().getRefusal()).contains("signer of CRL 5 is not trusted");
    // Without the certificates of its signer.
    send(
        message(1, pki.anchor().getCertificate()).toBuilder()
            .setRevocation(
                TestCrls.update(pki, TestCrls.full(pki, 5, List.of())).toBuilder()
                    .clearSignerChain())
            .build());
    assertThat(lastReport().getRefusal()).contains("has 0 certificates of its signer");

    assertThat(credentials.peers().revoked().number()).isEqualTo(4);
    assertThat(credentials.peers().revoked().lists(bad)).isTrue();
    assertThat(watch.refusals()).isEqualTo(7);
    assertThat(streams).hasSize(1);
  }

  @Test
  void listSignedUnderARevokedIssuerIsRefused() {
    watch.start();
    send(revoking(TestCrls.full(pki, 4, List.of(pki.issuer().getCertificate()))));
    assertThat(credentials.peers().revoked().number()).isEqualTo(4);

    assertListRefused(TestCrls.full(pki, 5, List.of()), "signed under the revoked certificate");
    assertThat(credentials.peers().revoked().number()).isEqualTo(4);
  }

  @Test
  void deltaToAnotherListHasTheStreamOpenedAgainForTheFullOne() {
    watch.start();
    send(revoking(TestCrls.full(pki, 4, List.of())));
    Stream old = streams.getFirst();
    old.mayEnd = true;

    send(
        revoking(
            TestCrls.sign(
                pki, TestCrls.content(9, 8, List.of(), List.of("bad.example"), List.of()))));

    assertThat(old.ended).isTrue();
    assertThat(credentials.peers().revoked().number()).isEqualTo(4);
    time.advance(Duration.ofSeconds(1));
    assertThat(streams).hasSize(2);
    assertThat(lastReport().getRevocationNumber()).isEqualTo(4);
  }

  @Test
  void streamOnWhichNothingComesIsGivenUp() {
    watch.start();
    streams.getFirst().mayEnd = true;

    time.advance(Duration.ofSeconds(59));
    assertThat(streams).hasSize(1);
    time.advance(Duration.ofSeconds(2));

    assertThat(streams.getFirst().ended).isTrue();
    assertThat(streams).hasSize(2);
    assertThat(settled).isZero();
  }

  @Test
  void controlPlaneWithoutTheStreamSettlesWhatIsInForce() {
    watch.start();
    streams.getLast().answers.onError(Status.UNAVAILABLE.asException());
    assertThat(settled).isZero();
    time.advance(Duration.ofSeconds(1));
    streams.getLast().answers.onError(Status.UNIMPLEMENTED.asException());

    assertThat(settled).isOne();
  }

  @Test
  void newLeafIsReported() {
    watch.start();
    send(message(1, pki.anchor().getCertificate()));
    X509Certificate replaced = credentials.certificate().leaf();
    credentials = new Credentials(pki.certificate(WEB), credentials.trust());

    watch.onLeafChanged(replaced);

    assertThat(lastReport().getSupersededSerialsList())
        .containsExactly(Certificates.serial(replaced));
    assertThat(streams.getFirst().reports.getLast().getLeaf().getSha256().toByteArray())
        .isEqualTo(Certificates.sha256(credentials.certificate().leaf()));
  }

  @Test
  void streamThatEndsIsOpenedAgainWithGrowingWaitsAndTheBundleStays() {
    watch.start();
    send(message(3, next));
    for (int i = 0; i < 12; i++) {
      streams.getLast().answers.onError(Status.UNAVAILABLE.asException());
      int before = streams.size();
      time.advance(Duration.ofSeconds(10));
      assertThat(streams).hasSize(before + 1);
    }
    assertThat(credentials.trust().version()).isEqualTo(3);
    assertThat(streams.getLast().reports.getFirst().getTrustedVersion()).isEqualTo(3);

    // A bundle shows that the control plane is well: the next wait is short again.
    send(message(3, next));
    Instant end = time.instant();
    streams.getLast().answers.onCompleted();
    time.advance(Duration.ofSeconds(10));
    assertThat(Duration.between(end, opened.getLast())).isLessThan(Duration.ofMillis(300));
  }

  @Test
  void controlPlaneWithoutTheStreamIsAskedRarely() {
    watch.start();
    streams.getLast().answers.onError(Status.UNIMPLEMENTED.asException());

    time.advance(Duration.ofMinutes(9));
    assertThat(streams).hasSize(1);
    time.advance(Duration.ofMinutes(1));
    assertThat(streams).hasSize(2);
  }

  @Test
  void whatComesFromAStreamThatEndedIsNotTaken() {
    watch.start();
    Stream old = streams.getFirst();
    old.answers.onError(Status.UNAVAILABLE.asException());
    time.advance(Duration.ofSeconds(1));

    old.answers.onNext(message(9, next));
    old.answers.onError(Status.UNAVAILABLE.asException());
    time.advance(Duration.ofSeconds(30));

    assertThat(credentials.trust().version()).isZero();
    assertThat(streams).hasSize(2);
  }

  private TrustReport lastReport() {
    return streams.getLast().reports.getLast();
  }

  private io.signetmesh.v1.TrustBundle revoking(byte[] crl) {
    return message(1, pki.anchor().getCertificate()).toBuilder()
        .setRevocation(TestCrls.update(pki, crl))
        .build();
  }

  private void assertListRefused(byte[] crl, String why) {
    send(revoking(crl));
    assertThat(lastReport().getRefusal()).contains(why);
    assertThat(lastReport().getRevocationNumber()).isEqualTo(4);
  }

  private io.signetmesh.v1.TrustBundle federated(io.signetmesh.v1.TrustBundle... foreign) {
    return message(5, pki.anchor().getCertificate()).toBuilder()
        .addAllFederated(List.of(foreign))
        .build();
  }

  private static io.signetmesh.v1.TrustBundle of(
      String domain, long version, X509Certificate... anchors) {
    return message(version, anchors).toBuilder().setTrustDomain(domain).build();
  }

  private List<String> domains() {
    return credentials.peers().federated().stream()
        .map(bundle -> bundle.trustDomain() + " " + bundle.version())
        .toList();
  }

  @Test
  void eachFederatedDomainHasVersionsOfItsOwn() {
    X509Certificate b = TestPki.create("b").anchor().getCertificate();
    X509Certificate c = TestPki.create("c").anchor().getCertificate();
    watch.start();

    send(federated(of("b.example", 9, b), of("c.example", 3, c)));
    assertThat(domains()).containsExactly("b.example 9", "c.example 3");
    send(federated(of("b.example", 9, b), of("c.example", 4, c, next)));
    assertThat(domains()).containsExactly("b.example 9", "c.example 4");

    assertRefused(federated(of("b.example", 8, b), of("c.example", 5, c)), "8 of b.example");
    assertRefused(federated(of("b.example", 9, c)), "differs from the one of the same version");
    assertRefused(federated(of("b.example", 9, b), of("b.example", 10, b)), "two trust bundles");
    assertRefused(federated(of(TestPki.TRUST_DOMAIN, 9, b)), "two trust bundles");
    assertRefused(federated(of("b.example", 10)), "has no anchor");
    assertThat(domains()).containsExactly("b.example 9", "c.example 4");
  }

  @Test
  void domainThatIsNotSentAnyMoreIsNotTrustedAnyMore() {
    X509Certificate b = TestPki.create("b").anchor().getCertificate();
    X509Certificate c = TestPki.create("c").anchor().getCertificate();
    watch.start();
    send(federated(of("b.example", 9, b), of("c.example", 3, c)));

    send(federated(of("c.example", 3, c)));

    assertThat(domains()).containsExactly("c.example 3");
    send(federated());
    assertThat(domains()).isEmpty();
  }

  @Test
  void foreignDomainsThatAreNamedAreKnownWithoutABundle() {
    watch.start();

    send(federated().toBuilder().addForeignDomains("b.example").build());

    assertThat(lastReport().getRefusal()).isEmpty();
    assertThat(credentials.peers().foreignDomains()).containsExactly("b.example");
    assertRefused(
        federated().toBuilder().addForeignDomains(TestPki.TRUST_DOMAIN).build(), "is the own one");
    assertThat(credentials.peers().foreignDomains()).containsExactly("b.example");
  }

  @Test
  void aForeignBundleThatIsRefusedDoesNotKeepTheOwnBundleOut() {
    X509Certificate b = TestPki.create("b").anchor().getCertificate();
    watch.start();
    send(federated(of("b.example", 9, b)));

    send(
        message(6, pki.anchor().getCertificate(), next).toBuilder()
            .addFederated(of("b.example", 8, b))
            .addForeignDomains("c.example")
            .build());

    assertThat(lastReport().getRefusal()).contains("8 of b.example");
    assertThat(lastReport().getTrustedVersion()).isEqualTo(6);
    assertThat(credentials.trust().anchors()).contains(next);
    assertThat(domains()).containsExactly("b.example 9");
    assertThat(credentials.peers().foreignDomains()).containsExactly("c.example");
  }

  private static io.signetmesh.v1.RenewalRequest.Builder renewal() {
    return io.signetmesh.v1.RenewalRequest.newBuilder()
        .setId("r1")
        .setIssuerKeySha256(ByteString.copyFrom(new byte[32]))
        .setWindow(com.google.protobuf.Duration.newBuilder().setSeconds(600));
  }

  private io.signetmesh.v1.TrustBundle asking(
      long version, io.signetmesh.v1.RenewalRequest.Builder request) {
    return message(version, pki.anchor().getCertificate()).toBuilder().setRenewal(request).build();
  }

  @Test
  void renewalIsAskedForAsLongAsItIsInTheMessages() {
    watch.start();

    send(asking(1, renewal()));
    send(asking(1, renewal().setId("~ ".repeat(32)).clearWindow()));
    send(asking(1, renewal().setWindow(seconds(24 * 3600))));
    send(message(1, pki.anchor().getCertificate()));

    String key = "00".repeat(32);
    assertThat(asked)
        .containsExactly(
            new RenewalRequest("r1", key, Duration.ofMinutes(10)),
            new RenewalRequest("~ ".repeat(32), key, Duration.ZERO),
            new RenewalRequest("r1", key, Duration.ofHours(24)),
            null);
    assertThat(watch.refusals()).isZero();
  }

  @Test
  void badRenewalRequestIsRefusedByNameAndTheBundleIsTaken() {
    watch.start();
    List<io.signetmesh.v1.RenewalRequest.Builder> bad =
        List.of(
            renewal().clearId(),
            renewal().setId("x".repeat(65)),
            renewal().setId("a\nb"),
            renewal().setId("é"),
            renewal().clearIssuerKeySha256(),
            renewal().setIssuerKeySha256(ByteString.copyFrom(new byte[33])),
            renewal().setWindow(seconds(-1)),
            renewal().setWindow(seconds(24 * 3600 + 1)),
            renewal().setWindow(seconds(Long.MAX_VALUE).setNanos(Integer.MAX_VALUE)));

    for (int i = 0; i < bad.size(); i++) {
      send(asking(i + 1, bad.get(i)));

      assertThat(lastReport().getRefusal()).startsWith("renewal request ").contains("expected");
      assertThat(lastReport().getTrustedVersion()).isEqualTo(i + 1);
    }
    assertThat(asked).hasSize(bad.size()).containsOnlyNulls();
    assertThat(watch.refusals()).isEqualTo(bad.size());
  }

  private static com.google.protobuf.Duration.Builder seconds(long seconds) {
    return com.google.protobuf.Duration.newBuilder().setSeconds(seconds);
  }

  @Test
  void bundleThatIsRefusedAsksForNothingNew() {
    watch.start();
    send(asking(5, renewal()));

    send(asking(4, renewal().setId("r2")));

    assertThat(asked).hasSize(1);
  }

  private io.signetmesh.v1.TrustBundle retiring(byte[]... fingerprints) {
    var message = message(1, pki.anchor().getCertificate()).toBuilder();
    for (byte[] fingerprint : fingerprints) {
      message.addRetiredAnchors(ByteString.copyFrom(fingerprint));
    }
    return message.build();
  }

  @Test
  void retiredAnchorsAreThoseOfTheLastMessage() {
    watch.start();

    send(retiring(Certificates.sha256(next)));
    assertThat(credentials.peers().retiredAnchors())
        .containsExactly(Certificates.fingerprint(next));
    assertThat(credentials.trust().anchors()).doesNotContain(next);

    byte[][] many = new byte[17][32];
    for (int i = 0; i < many.length; i++) {
      many[i][0] = (byte) i;
    }
    for (io.signetmesh.v1.TrustBundle bad :
        List.of(retiring(new byte[31]), retiring(new byte[0]), retiring(many))) {
      send(bad);
      assertThat(lastReport().getRefusal()).contains("retired anchor", "expected");
      assertThat(credentials.peers().retiredAnchors())
          .as("the earlier ones stay")
          .containsExactly(Certificates.fingerprint(next));
    }
    send(retiring(Arrays.copyOf(many, 16)));
    assertThat(credentials.peers().retiredAnchors()).hasSize(16);
    send(retiring());
    assertThat(credentials.peers().retiredAnchors()).isEmpty();
    assertThat(lastReport().getRefusal()).isEmpty();
  }

  @Test
  void eachPartThatIsRefusedIsNamed() {
    watch.start();

    send(
        retiring(new byte[31]).toBuilder()
            .setRenewal(renewal().clearId())
            .addForeignDomains(TestPki.TRUST_DOMAIN)
            .build());

    assertThat(lastReport().getRefusal())
        .contains("is the own one", "; trust bundle 1 has a retired anchor", "; renewal request");
  }

  @Test
  void supersededLeavesAreInEachReport() {
    watch.start();
    send(message(1, pki.anchor().getCertificate()));
    List<String> serials = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      X509Certificate replaced = credentials.certificate().leaf();
      serials.addFirst(Certificates.serial(replaced));
      credentials = new Credentials(pki.certificate(WEB), credentials.trust());
      watch.onLeafChanged(replaced);
    }
    assertThat(lastReport().getSupersededSerialsList()).isEqualTo(serials);

    streams.getLast().answers.onError(Status.UNAVAILABLE.asException());
    time.advance(Duration.ofSeconds(1));
    assertThat(streams).hasSize(2);
    assertThat(lastReport().getSupersededSerialsList()).isEqualTo(serials);
  }

  /** Only another bundle changes it. */
  @Test
  void whyABundleWasRefusedIsInLaterReportsToo() {
    watch.start();
    send(message(5, pki.anchor().getCertificate()));
    assertRefused(message(4, next), "is older than 5");

    watch.onLeafChanged(credentials.certificate().leaf());
    assertThat(lastReport().getRefusal()).contains("is older than 5");
    send(message(5, pki.anchor().getCertificate()));
    assertThat(lastReport().getRefusal()).isEmpty();
  }

  @Test
  void anchorsOfPeersAreInReports() {
    List<AnchorUse> uses = new ArrayList<>();
    watch.peers().from(() -> CompletableFuture.completedFuture(List.copyOf(uses)));
    watch.start();
    send(message(1, pki.anchor().getCertificate(), next));
    time.advance(Duration.ofSeconds(5));
    assertThat(lastReport().getPeerAnchorsList()).isEmpty();
    int before = streams.getLast().reports.size();

    uses.add(new AnchorUse(next, 3, List.of("cart.example")));
    watch.peers().changed();
    time.advance(Duration.ofSeconds(5));

    assertThat(streams.getLast().reports).hasSize(before + 1);
    assertThat(lastReport().getPeerAnchorsList())
        .containsExactly(
            PeerAnchor.newBuilder()
                .setAnchorSha256(ByteString.copyFrom(Certificates.sha256(next)))
                .setConnections(3)
                .addPeers("cart.example")
                .build());
    watch.onLeafChanged(credentials.certificate().leaf());
    assertThat(lastReport().getPeerAnchorsCount()).isOne();
  }

  /** What has another bound on each part has one for the whole. */
  @Test
  void theLargestReportIsTaken() {
    List<AnchorUse> uses = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      String name = (i + ".").repeat(80) + "example";
      uses.add(
          new AnchorUse(
              TestPki.create("a" + i).anchor().getCertificate(),
              Integer.MAX_VALUE,
              List.of(name, "x" + name)));
    }
    watch.peers().from(() -> CompletableFuture.completedFuture(uses));
    watch.start();
    time.advance(Duration.ofSeconds(5));
    for (int i = 0; i < 20; i++) {
      watch.onLeafChanged(pki.certificate(WEB).leaf());
    }

    send(message(1).toBuilder().setTrustDomain("é".repeat(5000)).build());
    send(
        message(1, next).toBuilder()
            .addFederated(of("é".repeat(200), 1, next))
            .addRetiredAnchors(ByteString.copyFrom(new byte[1]))
            .build());

    assertThat(streams.getLast().reports)
        .allSatisfy(
            report -> {
              assertThat(report.getSerializedSize()).isLessThanOrEqualTo(4096);
              assertThat(report.getRefusal()).matches("[ -~]{0,1024}");
            });
    assertThat(lastReport().getPeerAnchorsCount()).isEqualTo(16);
    assertThat(lastReport().getSupersededSerialsCount()).isEqualTo(16);
  }

  /** The chain may have a certificate for peers who know another anchor only. */
  @Test
  void issuerKeyIsThatOfTheCertificateThatSignedTheLeaf() {
    X509Certificate cross =
        TestPki.issued(TestPki.ca("CN=mesh issuer", 0), TestPki.create("other").anchor())
            .getCertificate();
    X509Bundle leaf = TestPki.issued(TestPki.leaf(WEB), pki.issuer());
    credentials =
        new Credentials(
            new WorkloadCertificate(
                leaf.getKeyPair().getPrivate(),
                List.of(leaf.getCertificate(), cross, pki.issuer().getCertificate())),
            pki.trust());

    watch.start();

    assertThat(lastReport().getLeaf().getIssuerKeySha256().toByteArray())
        .isEqualTo(Certificates.sha256(pki.issuer().getCertificate().getPublicKey()));
  }

  private void send(io.signetmesh.v1.TrustBundle message) {
    streams.getLast().answers.onNext(message);
  }

  private void assertRefused(io.signetmesh.v1.TrustBundle message, String why) {
    send(message);
    TrustReport report = streams.getLast().reports.getLast();
    assertThat(report.getRefusal()).contains(why).hasSizeLessThanOrEqualTo(1024);
    assertThat(report.getTrustedVersion()).isEqualTo(5);
  }

  private static io.signetmesh.v1.TrustBundle message(long version, X509Certificate... anchors) {
    var message =
        io.signetmesh.v1.TrustBundle.newBuilder()
            .setVersion(version)
            .setTrustDomain(TestPki.TRUST_DOMAIN);
    for (X509Certificate anchor : anchors) {
      message.addAnchors(ByteString.copyFrom(Certificates.der(anchor)));
    }
    return message.build();
  }

  @Test
  void aLeafThatTheControlPlaneRefusesAsRevokedIsToldAndOtherFailuresAreNot() {
    watch.start();
    streams.getLast().answers.onError(Status.UNAVAILABLE.asException());
    time.advance(Duration.ofMinutes(1));
    streams
        .getLast()
        .answers
        .onError(
            Status.UNAVAILABLE
                .withCause(new SSLHandshakeException("alert bad_certificate"))
                .asException());
    time.advance(Duration.ofMinutes(1));
    assertThat(revoked).isZero();

    streams
        .getLast()
        .answers
        .onError(
            Status.UNAVAILABLE
                .withCause(
                    new java.io.IOException(
                        new SSLHandshakeException("SSLV3_ALERT_CERTIFICATE_REVOKED")))
                .asException());

    assertThat(revoked).isOne();
  }
}
