package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.live.AnchorUse;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.v1.PeerAnchor;
import io.signetmesh.v1.TrustReport;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class PeerReportsTest {
  private static final X509Certificate OLD = TestPki.create("old").anchor().getCertificate();
  private static final X509Certificate NEXT = TestPki.create("next").anchor().getCertificate();

  private final ManualTimer time = new ManualTimer(TestPki.START);
  private final List<Instant> reports = new ArrayList<>();
  private final List<CompletableFuture<List<AnchorUse>>> slow = new ArrayList<>();
  private List<X509Certificate> trusted = List.of(OLD, NEXT);
  private List<AnchorUse> inUse = List.of();
  private Duration clockOffBy = Duration.ZERO;
  private boolean answers = true;
  private int looks;
  private final PeerReports peers =
      new PeerReports(
          () -> trusted,
          () -> reports.add(time.instant()),
          time,
          () -> time.instant().plus(clockOffBy));

  private CompletableFuture<List<AnchorUse>> look() {
    looks++;
    if (answers) {
      return CompletableFuture.completedFuture(inUse);
    }
    slow.add(new CompletableFuture<>());
    return slow.getLast();
  }

  private static AnchorUse use(X509Certificate anchor, String... peers) {
    return new AnchorUse(anchor, Math.max(1, peers.length), List.of(peers));
  }

  private void change(AnchorUse... uses) {
    inUse = List.of(uses);
    peers.changed();
  }

  private List<PeerAnchor> reported() {
    TrustReport.Builder report = TrustReport.newBuilder();
    peers.addTo(report, 4000);
    return report.getPeerAnchorsList();
  }

  @Test
  void nothingIsKnownWithoutASource() {
    peers.changed();
    time.advance(Duration.ofMinutes(10));

    assertThat(looks).isZero();
    assertThat(reported()).isEmpty();
  }

  @Test
  void newAnchorIsReportedAtOnceAndTheNextChangeFiveSecondsLater() {
    peers.from(this::look);
    time.advance(Duration.ofMinutes(1));
    assertThat(reports).isEmpty();
    Instant start = time.instant();

    change(use(OLD, "a.example"));
    time.advance(Duration.ZERO);
    for (int i = 0; i < 40; i++) {
      time.advance(Duration.ofMillis(100));
      change(use(OLD, "a.example"), use(NEXT, "b" + i + ".example"));
    }
    assertThat(reports).containsExactly(start);
    time.advance(Duration.ofSeconds(1));

    assertThat(reports).containsExactly(start, start.plusSeconds(5));
    assertThat(reported())
        .extracting(anchor -> anchor.getAnchorSha256().toByteArray())
        .containsExactlyInAnyOrder(Certificates.sha256(OLD), Certificates.sha256(NEXT));
  }

  @Test
  void anchorThatNobodyDependsOnAnyMoreIsReported() {
    peers.from(this::look);
    change(use(OLD, "a.example"), use(NEXT, "b.example"));
    time.advance(Duration.ofSeconds(5));

    change(use(NEXT, "b.example"));
    time.advance(Duration.ofSeconds(5));

    assertThat(reports).hasSize(2);
    assertThat(reported())
        .singleElement()
        .satisfies(
            anchor -> {
              assertThat(anchor.getConnections()).isOne();
              assertThat(anchor.getPeersList()).containsExactly("b.example");
            });
  }

  /** Connections come and go: it must not cost the control plane a report each time. */
  @Test
  void theOnlyAnchorTrustedIsAMatterOfCourse() {
    trusted = List.of(OLD);
    peers.from(this::look);
    for (int i = 0; i < 600; i++) {
      change(i % 2 == 0 ? new AnchorUse[] {use(OLD, "a.example")} : new AnchorUse[] {});
      time.advance(Duration.ofMillis(700));
    }

    assertThat(reports).isEmpty();
    assertThat(looks).isLessThanOrEqualTo(600 * 700 / 5000 + 1);
    change(use(OLD, "a.example"));
    time.advance(Duration.ofSeconds(5));
    assertThat(reported()).as("it is in other reports").hasSize(1);

    trusted = List.of(OLD, NEXT);
    peers.changed();
    time.advance(Duration.ofSeconds(5));
    assertThat(reports).as("of two it is none").hasSize(1);
  }

  @Test
  void anchorThatHasLeftTheBundleIsNoMatterOfCourse() {
    trusted = List.of(NEXT);
    peers.from(this::look);

    change(use(OLD, "a.example"), use(NEXT, "b.example"));
    time.advance(Duration.ofSeconds(5));

    assertThat(reports).hasSize(1);
  }

  @Test
  void peersThatComeAndGoAreReportedEachHalfMinuteWhileItMatters() {
    peers.from(this::look);
    change(use(OLD, "a.example", "b.example"));
    time.advance(Duration.ofSeconds(5));
    assertThat(reports).hasSize(1);
    inUse = List.of(use(OLD, "b.example"));

    time.advance(Duration.ofSeconds(31));
    assertThat(reports).hasSize(2);
    time.advance(Duration.ofMinutes(5));
    assertThat(reports).as("no change, no report").hasSize(2);

    change();
    time.advance(Duration.ofSeconds(5));
    assertThat(reports).hasSize(3);
    int before = looks;
    time.advance(Duration.ofHours(1));
    assertThat(looks).as("nothing to look at").isEqualTo(before);
  }

  @Test
  void looksDoNotPileUpWhenALoopIsSlow() {
    answers = false;
    peers.from(this::look);
    for (int i = 0; i < 20; i++) {
      peers.changed();
      time.advance(Duration.ofSeconds(5));
    }
    assertThat(slow).hasSize(1);

    answers = true;
    inUse = List.of(use(NEXT, "b.example"));
    slow.getFirst().complete(List.of(use(OLD, "a.example")));
    time.advance(Duration.ofSeconds(5));

    assertThat(reported())
        .extracting(anchor -> anchor.getAnchorSha256().toByteArray())
        .containsExactly(Certificates.sha256(NEXT));
  }

  @Test
  void aLookThatFailsIsForgotten() {
    answers = false;
    peers.from(this::look);
    time.advance(Duration.ofSeconds(5));
    slow.getFirst().completeExceptionally(new IllegalStateException("no"));
    answers = true;

    change(use(OLD, "a.example"));
    time.advance(Duration.ofSeconds(5));

    assertThat(reported()).hasSize(1);
  }

  @Test
  void clockThatIsPutBackDelaysNothing() {
    peers.from(this::look);
    change(use(OLD, "a.example"));
    time.advance(Duration.ofSeconds(5));
    clockOffBy = Duration.ofDays(-1);

    change(use(NEXT, "a.example"));
    time.advance(Duration.ofSeconds(5));

    assertThat(reports).hasSize(2);
  }

  @Test
  void namesThatAreLeftOutAreToldAlsoWhenTheOthersStayTheSame() {
    peers.from(this::look);
    change(use(OLD, "a.example"), use(NEXT, "a.example"));
    time.advance(Duration.ofSeconds(5));
    TrustReport.Builder all = TrustReport.newBuilder();
    peers.addTo(all, 4000);
    assertThat(all.getPeerAnchorsList()).hasSize(2).noneMatch(PeerAnchor::getPeersLeftOut);
    int told = reports.size();

    change(new AnchorUse(OLD, 2, List.of("a.example"), true), use(NEXT, "a.example"));
    time.advance(Duration.ofSeconds(5));

    assertThat(reports).hasSize(told + 1);
    TrustReport.Builder some = TrustReport.newBuilder();
    peers.addTo(some, 4000);
    assertThat(some.getPeerAnchorsList()).filteredOn(PeerAnchor::getPeersLeftOut).hasSize(1);
  }

  @Test
  void reportStaysWithinItsBoundAndNoAnchorIsLeftOut() {
    List<AnchorUse> uses = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      List<String> names = new ArrayList<>();
      for (int j = 0; j < 8; j++) {
        names.add((i + "-" + j + ".").repeat(40) + "example");
      }
      uses.add(
          use(TestPki.create("a" + i).anchor().getCertificate(), names.toArray(String[]::new)));
    }
    inUse = uses;
    peers.from(this::look);
    time.advance(Duration.ofSeconds(5));

    TrustReport.Builder report = TrustReport.newBuilder().setRefusal("x".repeat(1024));
    peers.addTo(report, 4000);

    assertThat(report.build().getSerializedSize()).isBetween(3600, 4000);
    assertThat(report.getPeerAnchorsList()).hasSize(16);
    long named = report.getPeerAnchorsList().stream().filter(a -> a.getPeersCount() > 0).count();
    assertThat(named).as("one each, before any has two").isGreaterThan(8);
    assertThat(report.getPeerAnchorsList())
        .allMatch(a -> a.getPeersCount() <= 1)
        .allMatch(PeerAnchor::getPeersLeftOut);
  }
}
