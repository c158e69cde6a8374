package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.v1.PeerAnchor;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class AdoptionLedgerTest {
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z"));

  private static final Duration LIFE = Duration.ofHours(1);

  @TempDir private Path state;
  private LeafReports reports;
  private AdoptionLedger ledger;
  private final List<IssuedLeaf> onRecord = new ArrayList<>();

  @BeforeEach
  void open() throws Exception {
    reports =
        LeafReports.open(
            state,
            new LeafReports.Leaves() {
              @Override
              public Optional<IssuedLeaf> find(String serial) {
                return AdoptionLedgerTest.this.find(serial);
              }

              @Override
              public List<IssuedLeaf> newest(String identity, int most) {
                return onRecord.stream().filter(leaf -> leaf.identity().equals(identity)).toList();
              }
            },
            CLOCK);
    ledger = new AdoptionLedger(reports, LIFE, CLOCK);
  }

  private static final long KEY = 0x0102030405060708L;

  private Optional<IssuedLeaf> find(String serial) {
    String identity =
        switch (serial.isEmpty() ? '-' : serial.charAt(0)) {
          case 'a' -> "web";
          case 'b' -> "thief";
          case 'c' -> "other";
          case 'd' -> "greedy";
          default -> "nobody";
        };
    return identity.equals("nobody") ? Optional.empty() : Optional.of(issued(serial, identity));
  }

  @AfterEach
  void close() {
    reports.close();
  }

  @Test
  void leafThatAStreamReplacesIsSupersededAlsoAfterARestart() throws Exception {
    long stream = ledger.open();
    ledger.report(stream, "web", "10.0.0.1:1", serving("a1").build());
    ledger.report(stream, "web", "10.0.0.1:1", serving("a2").build());

    assertThat(reports.isSuperseded(issued("a1", "web"))).isTrue();
    assertThat(reports.isSuperseded(issued("a2", "web"))).isFalse();
    close();
    open();
    assertThat(reports.isSuperseded(issued("a1", "web"))).isTrue();
    assertThat(reports.of("a2")).hasValueSatisfying(r -> assertThat(r.superseded()).isFalse());
  }

  @Test
  void leavesThatAProcessGaveUpBeforeItsStreamAreSuperseded() {
    ledger.report(
        ledger.open(),
        "web",
        "10.0.0.1:1",
        serving("a3").addSupersededSerials("a2").addSupersededSerials("a1").build());

    assertThat(reports.isSuperseded(issued("a1", "web"))).isTrue();
    assertThat(reports.isSuperseded(issued("a2", "web"))).isTrue();
  }

  @Test
  void leafThatAProcessGivesUpAtItsEndIsSupersededUntilItIsServedAgain() {
    long stream = ledger.open();
    ledger.report(stream, "web", "10.0.0.1:1", serving("a1").addSupersededSerials("a1").build());
    ledger.close(stream);
    assertThat(reports.isSuperseded(issued("a1", "web"))).isTrue();

    ledger.report(ledger.open(), "web", "10.0.0.1:2", serving("a1").build());
    assertThat(reports.isSuperseded(issued("a1", "web"))).isFalse();
  }

  @Test
  void noProcessGivesUpALeafThatAnotherOfItsIdentityServes() {
    long victim = ledger.open();
    long thief = ledger.open();
    ledger.report(victim, "web", "10.0.0.1:1", serving("a1").build());
    ledger.report(thief, "web", "10.0.0.9:1", serving("a2").addSupersededSerials("a1").build());
    assertThat(reports.isSuperseded(issued("a1", "web"))).isFalse();

    // Neither as a leaf that it has served itself.
    ledger.report(thief, "web", "10.0.0.9:1", serving("a1").addSupersededSerials("a1").build());
    ledger.report(thief, "web", "10.0.0.9:1", serving("a2").build());
    assertThat(reports.isSuperseded(issued("a1", "web"))).isFalse();
    ledger.close(victim);
    assertThat(reports.isSuperseded(issued("a1", "web"))).isFalse();
  }

  @Test
  void leafThatIsSaidToBeGivenUpBeforeItsProcessReportsIsGoneWhenThatDisconnects() {
    ledger.report(
        ledger.open(), "web", "10.0.0.9:1", serving("a2").addSupersededSerials("a1").build());
    long victim = ledger.open();
    ledger.report(victim, "web", "10.0.0.1:1", serving("a1").build());
    reports.superseded("a1", "web");
    assertThat(reports.isSuperseded(issued("a1", "web"))).isTrue();

    ledger.close(victim);
    assertThat(reports.isSuperseded(issued("a1", "web"))).isFalse();
    assertThat(reports.of("a1"))
        .hasValueSatisfying(report -> assertThat(report.address()).isEqualTo("10.0.0.1:1"));
  }

  @Test
  void whoHasNoLeafOnRecordGivesUpNone() {
    onRecord.add(issued("a2", "web", KEY));
    ledger.report(
        ledger.open(),
        "web",
        "10.0.0.9:1",
        serving("1234").addSupersededSerials("a1").addAbandonedKeys(digest(KEY)).build());

    assertThat(reports.isSuperseded(issued("a1", "web"))).isFalse();
    assertThat(reports.isSuperseded(issued("a2", "web"))).isFalse();
  }

  /** The server was late: the call had ended for the workload, and its leaf was still made. */
  @Test
  void leafThatIsPutOnRecordAfterItsKeyWasGivenUpIsGivenUp() {
    ledger.report(
        ledger.open(), "web", "10.0.0.1:1", serving("a1").addAbandonedKeys(digest(KEY)).build());
    onRecord.add(issued("b2", "other", KEY));
    onRecord.add(issued("a2", "web", KEY));

    assertThat(reports.isSuperseded(issued("b2", "other", KEY))).as("of another").isFalse();
    assertThat(reports.isSuperseded(issued("a2", "web", KEY))).isTrue();
    onRecord.add(issued("a3", "web", KEY));
    assertThat(reports.isSuperseded(issued("a3", "web", KEY))).as("one leaf for a key").isFalse();
  }

  @Test
  void leafThatIsServedIsNotGivenUpBecauseItsKeyWasBefore() {
    ledger.report(
        ledger.open(), "web", "10.0.0.1:1", serving("a1").addAbandonedKeys(digest(KEY)).build());
    onRecord.add(issued("a2", "web", KEY));
    ledger.report(ledger.open(), "web", "10.0.0.2:1", serving("a2").build());

    assertThat(reports.isSuperseded(issued("a2", "web", KEY))).isFalse();
  }

  @Test
  void leafThatWasIssuedLongBeforeIsNotGivenUpWithItsKey() {
    onRecord.add(issued("a2", "web", KEY));
    AtomicReference<Instant> now = new AtomicReference<>(CLOCK.instant().plusSeconds(601));
    AdoptionLedger later = new AdoptionLedger(reports, LIFE, now::get);
    TrustReport report = serving("a1").addAbandonedKeys(digest(KEY)).build();
    later.report(later.open(), "web", "10.0.0.1:1", report);
    assertThat(reports.isSuperseded(issued("a2", "web"))).isFalse();

    now.set(CLOCK.instant().plusSeconds(600));
    later.report(later.open(), "web", "10.0.0.1:1", report);
    assertThat(reports.isSuperseded(issued("a2", "web"))).isTrue();
  }

  @Test
  void nobodySaysThatALeafOfAnotherIsGivenUp() {
    ledger.report(ledger.open(), "web", "10.0.0.1:1", serving("a1").build());
    ledger.report(
        ledger.open(), "thief", "10.0.0.2:1", serving("b1").addSupersededSerials("a1").build());
    ledger.report(
        ledger.open(), "thief", "10.0.0.2:1", serving("b1").addSupersededSerials("c1").build());

    assertThat(reports.isSuperseded(issued("a1", "web"))).isFalse();
    assertThat(reports.isSuperseded(issued("c1", "other"))).isFalse();
  }

  @Test
  void nobodySpeaksForALeafThatAnotherReported() {
    ledger.report(ledger.open(), "thief", "10.0.0.2:1", serving("a1").build());
    assertThat(reports.of("a1")).isEmpty();
    ledger.report(ledger.open(), "web", "10.0.0.1:1", serving("a1").build());
    ledger.report(ledger.open(), "thief", "10.0.0.2:1", serving("a1").build());

    assertThat(reports.of("a1"))
        .hasValueSatisfying(report -> assertThat(report.identity()).isEqualTo("web"));
  }

  @Test
  void reportsOfOneIdentityLeaveRoomForOthersAndGoWithTheirLeaves() throws Exception {
    Instant now = CLOCK.instant();
    AtomicReference<Instant> time = new AtomicReference<>(now);
    Path other = state.resolve("other");
    Files.createDirectory(other);
    LeafReports.Leaves leaves =
        serial ->
            Optional.of(
                new IssuedLeaf(
                    serial,
                    serial.equals("ffff") ? "modest" : "greedy",
                    "0".repeat(64),
                    now.plusSeconds(serial.length() > 2 ? 600 : 60),
                    now,
                    "workload-token"));
    try (LeafReports few = LeafReports.open(other, leaves, time::get, 100)) {
      for (int i = 0; i < 200; i++) {
        few.serves(Integer.toHexString(i), "greedy", "10.0.0.1:1", "00");
      }
      few.serves("ffff", "modest", "10.0.0.1:1", "00");
      assertThat(few.of("ffff")).isPresent();
      assertThat(few.of("5")).isEmpty();

      time.set(now.plusSeconds(61));
      few.serves("fffe", "greedy", "10.0.0.1:1", "00");
      assertThat(few.of("fffe")).isPresent();
      assertThat(few.of("0")).isEmpty();
    }
  }

  @Test
  void leafOfAKeyThatItsWorkloadGaveUpIsSupersededAlsoAfterARestart() throws Exception {
    onRecord.add(issued("a2", "web", KEY));
    onRecord.add(issued("a3", "web", KEY + 1));
    ledger.report(
        ledger.open(), "web", "10.0.0.1:1", serving("a1").addAbandonedKeys(digest(KEY)).build());

    assertThat(reports.isSuperseded(issued("a2", "web"))).isTrue();
    assertThat(reports.isSuperseded(issued("a3", "web"))).isFalse();
    assertThat(reports.isSuperseded(issued("a1", "web"))).isFalse();
    close();
    open();
    assertThat(reports.isSuperseded(issued("a2", "web"))).isTrue();
  }

  @Test
  void leafThatWasIssuedAfterItsKeyWasGivenUpIsSupersededWithTheNextLeaf() {
    long stream = ledger.open();
    ledger.report(stream, "web", "10.0.0.1:1", serving("a1").addAbandonedKeys(digest(KEY)).build());
    onRecord.add(issued("a2", "web", KEY));
    ledger.report(stream, "web", "10.0.0.1:1", serving("a3").addAbandonedKeys(digest(KEY)).build());

    assertThat(reports.isSuperseded(issued("a2", "web"))).isTrue();
  }

  @Test
  void nobodySaysThatTheKeyOfAnotherIsGivenUp() {
    onRecord.add(issued("a2", "web", KEY));
    ledger.report(
        ledger.open(), "thief", "10.0.0.2:1", serving("b1").addAbandonedKeys(digest(KEY)).build());

    assertThat(reports.isSuperseded(issued("a2", "web"))).isFalse();
  }

  @Test
  void leafThatSomebodyReportedToServeIsNotGivenUpWithItsKey() {
    onRecord.add(issued("a2", "web", KEY));
    long stream = ledger.open();
    ledger.report(stream, "web", "10.0.0.1:1", serving("a2").build());
    ledger.close(stream);
    ledger.report(
        ledger.open(), "web", "10.0.0.2:1", serving("a1").addAbandonedKeys(digest(KEY)).build());

    assertThat(reports.isSuperseded(issued("a2", "web"))).isFalse();
  }

  @Test
  void leafOfWhichTheKeyIsUnknownIsNotGivenUp() {
    onRecord.add(issued("a2", "web", 0));
    ledger.report(
        ledger.open(), "web", "10.0.0.2:1", serving("a1").addAbandonedKeys(digest(0)).build());

    assertThat(reports.isSuperseded(issued("a2", "web"))).isFalse();
  }

  @Test
  void abandonedKeysThatAreTooManyOrNoDigestsAreAProblem() {
    TrustReport.Builder report = serving("a1").clearLeaf();
    for (int i = 0; i < 17; i++) {
      report.addAbandonedKeys(digest(i));
    }
    assertThat(AdoptionLedger.problem(report.build()))
        .isEqualTo("abandoned_keys has 17 entries: expected at most 16");
    assertThat(
            AdoptionLedger.problem(
                serving("a1")
                    .clearLeaf()
                    .addAbandonedKeys(ByteString.copyFrom(new byte[8]))
                    .build()))
        .isEqualTo("abandoned_keys has one of 8 bytes: expected 32");
  }

  private static ByteString digest(long key) {
    return ByteString.copyFrom(ByteBuffer.allocate(32).putLong(key).array());
  }

  private static IssuedLeaf issued(String serial, String identity) {
    return issued(serial, identity, 0);
  }

  private static IssuedLeaf issued(String serial, String identity, long key) {
    return new IssuedLeaf(
        serial,
        identity,
        "0".repeat(64),
        CLOCK.instant().plusSeconds(3600),
        CLOCK.instant(),
        "workload-token",
        key);
  }

  private static TrustReport.Builder serving(String serial) {
    return TrustReport.newBuilder()
        .setTrustedDigest(ByteString.copyFrom(new byte[32]))
        .setLeaf(
            ServedLeaf.newBuilder()
                .setSerial(serial)
                .setSha256(ByteString.copyFromUtf8(serial))
                .setNotAfter(
                    Timestamp.newBuilder()
                        .setSeconds(CLOCK.instant().plusSeconds(3600).getEpochSecond())));
  }

  @Test
  void identityThatReportsAgainAndAgainLeavesRoomForOthersAndForItsOwnLiveWorkloads() {
    for (int i = 0; i < AdoptionLedger.MAX_ENTRIES_OF_ONE + 10; i++) {
      long stream = ledger.open();
      ledger.report(stream, "greedy", "10.0.0.1:1", serving("d" + i).build());
      ledger.close(stream);
    }
    assertThat(ledger.adoptions()).hasSize(AdoptionLedger.MAX_ENTRIES_OF_ONE);

    ledger.report(ledger.open(), "modest", "10.0.0.2:1", leaf(0));
    ledger.report(ledger.open(), "greedy", "10.0.0.3:1", serving("dd").build());

    assertThat(ledger.adoptions()).hasSize(AdoptionLedger.MAX_ENTRIES_OF_ONE + 1);
    assertThat(ledger.adoptions())
        .filteredOn(AdoptionLedger.Adoption::connected)
        .extracting(AdoptionLedger.Adoption::address)
        .containsExactlyInAnyOrder("10.0.0.2:1", "10.0.0.3:1");
  }

  @Test
  void workloadsThatAreGoneGiveWayToLiveOnesWhenTheLedgerIsFull() {
    AdoptionLedger small = new AdoptionLedger(reports, LIFE, CLOCK, 2);
    for (int i = 0; i < 2; i++) {
      long stream = small.open();
      small.report(stream, "greedy", "10.0.0.1:" + i, serving("d" + i).build());
      small.close(stream);
    }
    small.report(small.open(), "web", "10.0.0.2:1", serving("a1").build());
    small.report(small.open(), "other", "10.0.0.3:1", serving("c1").build());
    // Live ones do not give way.
    small.report(small.open(), "thief", "10.0.0.4:1", serving("b1").build());

    assertThat(small.adoptions())
        .extracting(AdoptionLedger.Adoption::identity)
        .containsExactlyInAnyOrder("web", "other");
  }

  @Test
  void leafThatWasNotIssuedToTheWorkloadIsForgottenWithItsStream() {
    for (String serial : List.of("1234", "a1", "")) {
      long stream = ledger.open();
      ledger.report(stream, "thief", "10.0.0.1:1", serving(serial).build());
      assertThat(ledger.adoptions())
          .singleElement()
          .satisfies(adoption -> assertThat(adoption.onRecord()).isFalse());
      ledger.close(stream);
      assertThat(ledger.adoptions()).as("leaf '%s'", serial).isEmpty();
    }
  }

  @Test
  void endOfALeafIsThatOnRecordAndElseNoLaterThanLeavesLive() {
    Timestamp far = Timestamp.newBuilder().setSeconds(Long.MAX_VALUE).build();
    for (String serial : List.of("a1", "1234")) {
      TrustReport.Builder report = serving(serial);
      report.getLeafBuilder().setNotAfter(far);
      ledger.report(ledger.open(), "web", "10.0.0.1:1", report.build());
    }
    assertThat(ledger.adoptions())
        .hasSize(2)
        .allSatisfy(
            adoption ->
                assertThat(adoption.report().getLeaf().getNotAfter().getSeconds())
                    .isEqualTo(CLOCK.instant().plus(LIFE).getEpochSecond()));
  }

  @Test
  void whatWorkloadsAddToTheirReportsIsNotKept() {
    UnknownFieldSet more =
        UnknownFieldSet.newBuilder()
            .addField(99, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    TrustReport.Builder report = serving("a1").setUnknownFields(more);
    report.getLeafBuilder().setUnknownFields(more);
    report.addPeerAnchors(anchor());
    long stream = ledger.open();
    ledger.report(stream, "web", "10.0.0.1:1", report.build());

    assertThat(ledger.adoptions())
        .singleElement()
        .satisfies(
            adoption -> {
              assertThat(adoption.report().getUnknownFields().asMap()).isEmpty();
              assertThat(adoption.report().getLeaf().getUnknownFields().asMap()).isEmpty();
              assertThat(adoption.report().getPeerAnchorsCount()).isOne();
            });
    ledger.close(stream);
    assertThat(ledger.adoptions())
        .singleElement()
        .satisfies(adoption -> assertThat(adoption.report().getPeerAnchorsCount()).isZero());
  }

  @Test
  void reportWithinTheLimitsOfTheProtocolIsTaken() {
    TrustReport.Builder report = valid("f".repeat(40)).setRefusal("x".repeat(1024));
    for (int i = 0; i < 16; i++) {
      PeerAnchor.Builder anchor = anchor();
      for (int j = 0; j < 8; j++) {
        anchor.addPeers("peer");
      }
      report.addSupersededSerials("a" + i).addPeerAnchors(anchor);
    }
    assertThat(AdoptionLedger.problem(report.build())).isEmpty();
    assertThat(AdoptionLedger.problem(report.clearLeaf().build())).isEmpty();
  }

  @Test
  void reportBeyondALimitIsRefusedWithFieldAndValue() {
    TrustReport.Builder anchors = valid("a1");
    TrustReport.Builder superseded = valid("a1");
    PeerAnchor.Builder peers = anchor();
    for (int i = 0; i < 17; i++) {
      anchors.addPeerAnchors(anchor());
      superseded.addSupersededSerials("a1");
      if (i < 9) {
        peers.addPeers("");
      }
    }
    refused(anchors, "peer_anchors has 17 entries: expected at most 16");
    refused(superseded, "superseded_serials has 17 entries: expected at most 16");
    refused(
        valid("a1").addPeerAnchors(peers), "peer_anchors.peers has 9 entries: expected at most 8");
    refused(
        valid("a1").addPeerAnchors(PeerAnchor.getDefaultInstance()),
        "peer_anchors.anchor_sha256 has 0 bytes: expected 32");
    refused(
        valid("a1").addSupersededSerials("A1"),
        "superseded_serials has \"A1\": expected 1 to 40 lower-case hexadecimal digits");
    refused(valid("g"), "leaf.serial has \"g\": expected 1 to 40 lower-case hexadecimal digits");
    refused(
        valid("f".repeat(41)),
        "leaf.serial has \""
            + "f".repeat(41)
            + "\": expected 1 to 40 lower-case hexadecimal digits");
    TrustReport.Builder shortDigest = valid("a1");
    shortDigest.getLeafBuilder().setSha256(ByteString.copyFrom(new byte[31]));
    refused(shortDigest, "leaf.sha256 has 31 bytes: expected 32");
    TrustReport.Builder longKey = valid("a1");
    longKey.getLeafBuilder().setIssuerKeySha256(ByteString.copyFrom(new byte[33]));
    refused(longKey, "leaf.issuer_key_sha256 has 33 bytes: expected 32");
    refused(valid("a1").clearTrustedDigest(), "trusted_digest has 0 bytes: expected 32");
    refused(
        valid("a1").setRefusal("x".repeat(1025)),
        "refusal has 1025 characters: expected at most 1024");
    assertThat(
            AdoptionLedger.problem(
                valid("a1").addPeerAnchors(anchor().addPeers("x".repeat(4096))).build()))
        .startsWith("TrustReport has 4")
        .endsWith("bytes: expected at most 4096");
  }

  private static void refused(TrustReport.Builder report, String problem) {
    assertThat(AdoptionLedger.problem(report.build())).isEqualTo(problem);
  }

  private static TrustReport.Builder valid(String serial) {
    return TrustReport.newBuilder()
        .setTrustedDigest(ByteString.copyFrom(new byte[32]))
        .setLeaf(
            ServedLeaf.newBuilder()
                .setSerial(serial)
                .setSha256(ByteString.copyFrom(new byte[32]))
                .setIssuerKeySha256(ByteString.copyFrom(new byte[32])));
  }

  private static PeerAnchor.Builder anchor() {
    return PeerAnchor.newBuilder().setAnchorSha256(ByteString.copyFrom(new byte[32]));
  }

  @Test
  @Timeout(20)
  void fiftyThousandWorkloadsThatComeAtOnceDoNotLookAtEachOther() {
    for (int i = 0; i < 50_000; i++) {
      ledger.report(ledger.open(), "workload " + i, "10.0.0.1:1", leaf(i));
    }
    assertThat(ledger.adoptions()).hasSize(50_000);
  }

  @Test
  void workloadThatConnectsAgainWithItsLeafHasOneEntry() {
    for (int i = 0; i < 3; i++) {
      long stream = ledger.open();
      ledger.report(stream, "web", "10.0.0.1:" + i, serving("a1").build());
      if (i < 2) {
        ledger.close(stream);
      }
    }
    assertThat(ledger.adoptions())
        .singleElement()
        .satisfies(adoption -> assertThat(adoption.connected()).isTrue());
  }

  @Test
  void workloadThatIsGoneIsForgottenAfterTheEndOfItsLeaf() {
    AtomicReference<Instant> now = new AtomicReference<>(CLOCK.instant());
    AdoptionLedger moving = new AdoptionLedger(reports, LIFE, now::get);
    TrustReport.Builder forEver = serving("a1");
    forEver.getLeafBuilder().getNotAfterBuilder().setSeconds(Long.MAX_VALUE);
    long gone = moving.open();
    moving.report(gone, "web", "10.0.0.1:1", forEver.build());
    moving.close(gone);
    moving.report(moving.open(), "other", "10.0.0.2:1", serving("c1").build());
    assertThat(moving.adoptions()).hasSize(2);

    now.set(CLOCK.instant().plus(LIFE).plusSeconds(1));
    moving.report(moving.open(), "new", "10.0.0.3:1", leaf(3));
    assertThat(moving.adoptions())
        .extracting(AdoptionLedger.Adoption::identity)
        .containsExactlyInAnyOrder("other", "new");
  }

  /** A leaf that claims to be good for ever, of another digest each time. */
  private static TrustReport leaf(int number) {
    return TrustReport.newBuilder()
        .setLeaf(
            ServedLeaf.newBuilder()
                .setSha256(ByteString.copyFromUtf8("leaf " + number))
                .setNotAfter(Timestamp.newBuilder().setSeconds(Long.MAX_VALUE)))
        .build();
  }
}
