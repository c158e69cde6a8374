package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.v1.TrustReport;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
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
  private final BundleWatch watch =
      new BundleWatch(
          answers -> {
            opened.add(time.instant());
            Stream stream = new Stream(answers);
            streams.add(stream);
            return stream;
          },
          () -> credentials,
          bundle -> credentials = credentials.withTrust(bundle),
          () -> 0.5,
          time);

  /** The control plane's side of one stream. */
  private static final class Stream implements StreamObserver<TrustReport> {
    private final StreamObserver<io.signetmesh.v1.TrustBundle> answers;
    private final List<TrustReport> reports = new ArrayList<>();

    Stream(StreamObserver<io.signetmesh.v1.TrustBundle> answers) {
      this.answers = answers;
    }

    @Override
    public void onNext(TrustReport report) {
      reports.add(report);
    }

    @Override
    public void onError(Throwable error) {
      throw new AssertionError(error);
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
    assertRefused(message(0, next), "is older than 5");
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
  void newLeafIsReported() {
    watch.start();
    send(message(1, pki.anchor().getCertificate()));
    credentials = new Credentials(pki.certificate(WEB), credentials.trust());

    watch.onLeafChanged();

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
    time.advance(Duration.ofMinutes(1));

    assertThat(credentials.trust().version()).isZero();
    assertThat(streams).hasSize(2);
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
}
