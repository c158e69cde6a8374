package io.signetmesh.rotation;

import static io.signetmesh.rotation.SimulatedMesh.AFTER;
import static io.signetmesh.rotation.SimulatedMesh.BEFORE;
import static io.signetmesh.rotation.SimulatedMesh.NEW;
import static io.signetmesh.rotation.SimulatedMesh.OLD;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.signetmesh.rotation.Member.Presence;
import io.signetmesh.rotation.Obstacle.Kind;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Each phase: what it does, and what it waits for. */
final class RotationProcedureTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final Instant LONG_AGO = NOW.minusSeconds(3600);
  private static final AnchorSet BOTH = BEFORE.plus(AFTER);

  // ---- Prepare, Distribute

  @Test
  void theFirstChangeIsABundleOfAllAnchors() {
    Rotation rotation = rotation(false);

    assertThat(RotationProcedure.next(rotation, situation(BEFORE, OLD)))
        .isEqualTo(new Step.Next(Phase.DISTRIBUTE));
    assertThat(RotationProcedure.next(in(Phase.DISTRIBUTE), situation(BEFORE, OLD)))
        .isEqualTo(new Step.Publish(BOTH));
  }

  @Test
  void distributeWaitsForEachLiveWorkloadAndSaysWhyItIsBehind() {
    Member refusing =
        new Member(
            "db",
            "10.0.0.3:1",
            "3",
            Presence.LIVE,
            NOW,
            BEFORE.digest(),
            "anchor 2: not a CA",
            OLD,
            NOW.plusSeconds(60),
            Map.of());

    assertThat(
            wait(
                in(Phase.DISTRIBUTE),
                situation(BOTH, OLD, live("web", BOTH, OLD), live("cart", BEFORE, OLD), refusing)))
        .extracting(Obstacle::kind, Obstacle::workload)
        .containsExactly(tuple(Kind.NOT_ACKNOWLEDGED, "cart"), tuple(Kind.REFUSED, "db"));
  }

  @Test
  void distributeDoesNotWaitForThoseThatCannotAnswer() {
    assertThat(
            RotationProcedure.next(
                in(Phase.DISTRIBUTE),
                situation(BOTH, OLD, live("web", BOTH, OLD), gone("cart", BEFORE, OLD), silent())))
        .isEqualTo(new Step.Next(Phase.ACTIVATE));
  }

  // ---- Activate

  @Test
  void activateIssuesUnderTheNewAnchorForWhichTheOldOneVouches() {
    assertThat(RotationProcedure.next(in(Phase.ACTIVATE), situation(BOTH, OLD)))
        .isEqualTo(new Step.IssueUnder(AFTER, true));
  }

  @Test
  void withoutACrossCertificateActivateWaitsForAllWhoMayKnowOnlyTheOldAnchor() {
    Rotation rotation = rotation(false).withoutCrossCertificate().in(Phase.ACTIVATE, LONG_AGO, "");
    Member stranger =
        member("client", Presence.LIVE, BOTH.digest(), OLD, Map.of(OLD, Set.of("web", "unknown")));

    assertThat(
            wait(
                rotation,
                situation(
                    BOTH,
                    OLD,
                    live("web", BOTH, OLD),
                    live("cart", BEFORE, OLD),
                    gone("db", BEFORE, OLD),
                    gone("batch", BOTH, OLD),
                    silent(),
                    stranger)))
        .extracting(Obstacle::kind, Obstacle::workload)
        .containsExactlyInAnyOrder(
            tuple(Kind.NOT_ACKNOWLEDGED, "cart"),
            tuple(Kind.GONE, "db"),
            tuple(Kind.SILENT, "legacy"),
            tuple(Kind.PEER, "client"));
    assertThat(
            RotationProcedure.next(
                rotation.waive(
                    Set.of("legacy", "db"),
                    List.of(silent(), gone("db", BEFORE, OLD)),
                    NOW,
                    "uid 0",
                    ""),
                situation(BOTH, OLD, live("web", BOTH, OLD), gone("db", BEFORE, OLD), silent())))
        .isEqualTo(new Step.IssueUnder(AFTER, false));
  }

  @Test
  void withoutACrossCertificateActivateWaitsForWhoeverLeavesPeersOutOfItsReport() {
    Rotation rotation = rotation(false).withoutCrossCertificate().in(Phase.ACTIVATE, LONG_AGO, "");
    Member ingress = leavingPeersOut(live("ingress", BOTH, OLD));
    Situation now = situation(BOTH, OLD, live("web", BOTH, OLD), ingress);

    assertThat(wait(rotation, now))
        .singleElement()
        .satisfies(
            obstacle -> {
              assertThat(obstacle.kind()).isEqualTo(Kind.PEER);
              assertThat(obstacle.workload()).isEqualTo("ingress");
              assertThat(obstacle.message())
                  .contains("more live peers under the anchor that leaves than their reports name")
                  .contains("ingress at ");
            });
    Member other = leavingPeersOut(live("egress", BOTH, OLD));
    assertThat(wait(rotation, situation(BOTH, OLD, live("web", BOTH, OLD), ingress, other)))
        .singleElement()
        .extracting(Obstacle::message)
        .asString()
        .startsWith("2 workloads have ")
        .contains("egress at ")
        .contains("ingress at ");
    Member under = with(ingress, ingress.serial(), Set.of(NEW, "c".repeat(64)), Set.of());
    assertThat(
            RotationProcedure.next(rotation, situation(BOTH, OLD, live("web", BOTH, OLD), under)))
        .as("peers under other anchors")
        .isEqualTo(new Step.IssueUnder(AFTER, false));
    Rotation waived = rotation.waive(Set.of("ingress"), now.fleet(), NOW, "uid 0", "");
    assertThat(RotationProcedure.next(waived, now)).isEqualTo(new Step.IssueUnder(AFTER, false));
    assertThat(
            RotationProcedure.next(
                waived, situation(BOTH, OLD, serving("another", ingress), live("web", BOTH, OLD))))
        .as("a leaf that was not waived")
        .isInstanceOf(Step.Wait.class);
    assertThat(RotationProcedure.next(in(Phase.ACTIVATE), now))
        .as("with a cross-certificate")
        .isEqualTo(new Step.IssueUnder(AFTER, true));
  }

  @Test
  void withoutACrossCertificateActivateWaitsUntilPeersCanHaveBeenReported() {
    Rotation rotation = rotation(false).withoutCrossCertificate();
    Situation now = situation(BOTH, OLD, live("web", BOTH, OLD));

    for (Duration ago : List.of(Duration.ZERO, Duration.ofMillis(39_999))) {
      assertThat(wait(rotation.in(Phase.ACTIVATE, NOW.minus(ago), ""), now))
          .singleElement()
          .satisfies(
              obstacle -> {
                assertThat(obstacle.kind()).isEqualTo(Kind.PEER);
                assertThat(obstacle.message()).contains("to report the peers");
              });
    }
    Rotation since = rotation.in(Phase.ACTIVATE, NOW.minusSeconds(40), "");
    assertThat(RotationProcedure.next(since, now)).isEqualTo(new Step.IssueUnder(AFTER, false));
    assertThat(
            RotationProcedure.next(
                since,
                new Situation(
                    NOW,
                    NOW.minusSeconds(1),
                    BOTH,
                    OLD,
                    "",
                    false,
                    AnchorSet.NONE,
                    true,
                    now.fleet())))
        .as("after a start of the identity server")
        .isInstanceOf(Step.Wait.class);
  }

  private static Member leavingPeersOut(Member member) {
    return with(member, member.serial(), Set.of(OLD), Set.of());
  }

  private static Member serving(String serial, Member member) {
    return with(member, serial, member.peersLeftOut(), Set.of());
  }

  private static Member with(
      Member member, String serial, Set<String> peersLeftOut, Set<String> earlierAnchors) {
    return new Member(
        member.identity(),
        member.address(),
        serial,
        member.presence(),
        member.seen(),
        member.trusts(),
        member.refusal(),
        member.anchor(),
        member.leafEnd(),
        member.peerAnchors(),
        peersLeftOut,
        earlierAnchors);
  }

  /** By hand, before the rotation: nobody can tell which of its leaves need the first anchor. */
  @Test
  void aLeafOfAnIssuerThatWasUnderTheLeavingAnchorTooHasToBeRenewed() {
    Member recertified = with(live("web", BOTH, NEW), "1", Set.of(), Set.of(OLD));

    assertThat(wait(in(Phase.RENEW), situation(BOTH, NEW, recertified)))
        .singleElement()
        .satisfies(
            obstacle ->
                assertThat(obstacle.message())
                    .contains("of an issuer that was under the anchor that leaves, too"));
    assertThat(RotationProcedure.stillNeeded(in(Phase.RETIRE), situation(BOTH, NEW, recertified)))
        .extracting(Obstacle::kind)
        .containsExactly(Kind.NOT_RENEWED);
    assertThat(
            RotationProcedure.stillNeeded(
                in(Phase.RETIRE),
                situation(
                    BOTH,
                    NEW,
                    with(live("web", BOTH, NEW), "1", Set.of(), Set.of("c".repeat(64))))))
        .as("an earlier anchor that does not leave")
        .isEmpty();
  }

  @Test
  void afterACompromiseNobodyIsWaitedForAlsoWithoutACrossCertificate() {
    Rotation rotation = rotation(false).withoutCrossCertificate().in(Phase.ACTIVATE, NOW, "");

    assertThat(
            RotationProcedure.next(
                rotation.compromise(AnchorSet.NONE, NOW, "uid 0", ""),
                situation(BOTH, OLD, silent())))
        .isEqualTo(new Step.IssueUnder(AFTER, false));
    assertThat(
            RotationProcedure.next(
                rotation.abort(NOW, "uid 0", ""), situation(BOTH, NEW, silent())))
        .isEqualTo(new Step.IssueUnder(BEFORE, false));
  }

  @Test
  void anAnchorThatSomebodyTookOutIsPutBackOnlyAfterACompromise() {
    for (Phase phase : List.of(Phase.ACTIVATE, Phase.RENEW)) {
      assertThat(wait(in(phase), situation(BEFORE, OLD)))
          .singleElement()
          .satisfies(
              obstacle -> {
                assertThat(obstacle.kind()).isEqualTo(Kind.CHANGED);
                assertThat(obstacle.message())
                    .contains("anchor " + AnchorSet.brief(NEW) + " was taken out")
                    .contains("rotations/0123456789abcdef/anchors.crt");
              });
    }
    assertThat(
            RotationProcedure.next(
                rotation(true).in(Phase.ACTIVATE, NOW, ""), situation(BEFORE, OLD)))
        .isEqualTo(new Step.Publish(BOTH));
  }

  @Test
  void anAnchorThatSomebodyAddedIsNotTakenAwayInAnyPhaseUnlessAfterACompromise() {
    String other = "c".repeat(64);
    for (Phase phase : List.of(Phase.DISTRIBUTE, Phase.ACTIVATE, Phase.RENEW, Phase.RETIRE)) {
      for (AnchorSet bundle : List.of(BEFORE, AFTER, BOTH)) {
        List<Obstacle> obstacles =
            wait(in(phase), situation(bundle.plus(AnchorSet.of(other)), NEW));
        assertThat(obstacles)
            .extracting(Obstacle::kind)
            .as("%s %s", phase, bundle)
            .containsOnly(Kind.CHANGED);
        assertThat(obstacles.getFirst().message())
            .contains(AnchorSet.brief(other) + " was added to the files of the CA");
      }
    }
    assertThat(
            RotationProcedure.next(
                rotation(true).in(Phase.RETIRE, NOW, ""),
                situation(BOTH.plus(AnchorSet.of(other)), NEW)))
        .isEqualTo(new Step.Publish(AFTER));
  }

  @Test
  void activateEndsWhenALeafIssuedAsATestVerifies() {
    assertThat(wait(in(Phase.ACTIVATE), failing("no path under the old anchor")))
        .containsExactly(new Obstacle(Kind.CANARY, "", "no path under the old anchor"));
    assertThat(RotationProcedure.next(in(Phase.ACTIVATE), situation(BOTH, NEW)))
        .isEqualTo(new Step.Next(Phase.RENEW));
  }

  // ---- Renew

  @Test
  void renewAsksForRenewalOverWhatIsLeftOfTheWindow() {
    Situation fresh =
        new Situation(NOW, LONG_AGO, BOTH, NEW, "", false, AnchorSet.NONE, false, List.of());
    Situation later =
        new Situation(
            NOW.plusSeconds(100), LONG_AGO, BOTH, NEW, "", false, AnchorSet.NONE, false, List.of());

    assertThat(RotationProcedure.next(in(Phase.RENEW), fresh))
        .isEqualTo(new Step.AskRenewal(Duration.ofMinutes(10)));
    // After a restart of the server.
    assertThat(RotationProcedure.next(in(Phase.RENEW), later))
        .isEqualTo(new Step.AskRenewal(Duration.ofSeconds(500)));
  }

  @Test
  void renewWaitsForLiveWorkloadsWithOldOrUnknownLeaves() {
    assertThat(
            wait(
                in(Phase.RENEW),
                situation(
                    BOTH,
                    NEW,
                    live("web", BOTH, NEW),
                    live("cart", BOTH, OLD),
                    live("db", BOTH, ""),
                    gone("job", BOTH, OLD))))
        .extracting(Obstacle::workload)
        .containsExactly("cart", "db");
  }

  @Test
  void renewGoesBackWhenTheIssuerIsTheOldOneAgain() {
    assertThat(RotationProcedure.next(in(Phase.RENEW), situation(BOTH, OLD)))
        .isEqualTo(new Step.Next(Phase.ACTIVATE));
  }

  // ---- Retire

  @Test
  void retireTakesTheOldAnchorAwayWhenNothingNeedsIt() {
    assertThat(
            RotationProcedure.next(in(Phase.RETIRE), situation(BOTH, NEW, live("web", BOTH, NEW))))
        .isEqualTo(new Step.Publish(AFTER));
  }

  @Test
  void retireNeverTakesAnAnchorAwayThatSomethingNeeds() {
    Map<Member, Kind> needing =
        Map.of(
            live("old leaf", BOTH, OLD), Kind.NOT_RENEWED,
            live("unknown issuer", BOTH, ""), Kind.NOT_RENEWED,
            live("old trust", BEFORE, NEW), Kind.NOT_ACKNOWLEDGED,
            gone("old leaf", BOTH, OLD), Kind.GONE,
            gone("old trust", BEFORE, NEW), Kind.GONE,
            silent(), Kind.SILENT,
            withPeer(OLD), Kind.PEER);

    needing.forEach(
        (member, kind) ->
            assertThat(wait(in(Phase.RETIRE), situation(BOTH, NEW, live("web", BOTH, NEW), member)))
                .as("%s", member)
                .singleElement()
                .extracting(Obstacle::kind)
                .isEqualTo(kind));
  }

  @Test
  void retireWaitsNeitherForWhatHasExpiredNorForWhatIsWaivedNorForPeersUnderTheNewAnchor() {
    Member expired =
        new Member("job", "", "9", Presence.GONE, NOW, BEFORE.digest(), "", OLD, NOW, Map.of());
    Rotation waived =
        in(Phase.RETIRE)
            .waive(
                Set.of("legacy", "old"),
                List.of(silent(), gone("old", BEFORE, OLD)),
                NOW,
                "uid 0",
                "known");

    assertThat(
            RotationProcedure.next(
                waived,
                situation(BOTH, NEW, expired, silent(), gone("old", BEFORE, OLD), withPeer(NEW))))
        .isEqualTo(new Step.Publish(AFTER));
  }

  /** What an operator waives is what was known then, not the name for all that comes. */
  @Test
  void aWaivedWorkloadThatComesBackWithAnotherLeafCountsAgain() {
    Rotation waived =
        in(Phase.RETIRE)
            .waive(Set.of("batch"), List.of(gone("batch", BEFORE, OLD)), NOW, "uid 0", "scrapped");
    Member again = withSerial(live("batch", BEFORE, NEW), "8");

    assertThat(wait(waived, situation(BOTH, NEW, gone("batch", BEFORE, OLD), again)))
        .singleElement()
        .extracting(Obstacle::kind)
        .isEqualTo(Kind.NOT_ACKNOWLEDGED);
    // Nor may somebody use the name who never reports.
    assertThat(
            wait(
                waived,
                situation(
                    BOTH,
                    NEW,
                    withSerial(member("batch", Presence.SILENT, "", NEW, Map.of()), "9"))))
        .singleElement()
        .extracting(Obstacle::kind)
        .isEqualTo(Kind.SILENT);
    // Until it is waived in turn; the first leaf stays waived.
    assertThat(
            RotationProcedure.next(
                waived.waive(Set.of("batch"), List.of(again), NOW, "uid 0", "again"),
                situation(BOTH, NEW, gone("batch", BEFORE, OLD), again)))
        .isEqualTo(new Step.Publish(AFTER));
  }

  /** Linkerd's proxies renew, and report nothing. */
  @Test
  void aWaivedWorkloadThatNeverReportsStaysWaivedWhenItRenewsAndCountsWhenItReports() {
    Rotation waived =
        in(Phase.RETIRE).waive(Set.of("legacy"), List.of(silent()), NOW, "uid 0", "has both");

    assertThat(RotationProcedure.next(waived, situation(BOTH, NEW, withSerial(silent(), "8"))))
        .isEqualTo(new Step.Publish(AFTER));
    assertThat(wait(waived, situation(BOTH, NEW, withSerial(live("legacy", BEFORE, NEW), "9"))))
        .singleElement()
        .extracting(Obstacle::kind)
        .isEqualTo(Kind.NOT_ACKNOWLEDGED);
  }

  @Test
  void retireAsksThoseAgainThatWereAwayInRenew() {
    Situation notAsked =
        new Situation(
            NOW,
            LONG_AGO,
            BOTH,
            NEW,
            "",
            false,
            AnchorSet.NONE,
            false,
            List.of(live("web", BOTH, OLD)));

    assertThat(RotationProcedure.next(in(Phase.RETIRE), notAsked))
        .isEqualTo(new Step.AskRenewal(Duration.ofMinutes(10)));
  }

  @Test
  void aConnectionThatIsOlderThanTheRenewalOfItsPeerIsNoReasonToWait() {
    Member peer = live("unknown straggler", BOTH, NEW);

    assertThat(RotationProcedure.next(in(Phase.RETIRE), situation(BOTH, NEW, withPeer(OLD), peer)))
        .isEqualTo(new Step.Publish(AFTER));
  }

  @Test
  void retireEndsWhenAllLiveWorkloadsHaveTakenTheBundleAndNothingIsLeft() {
    Situation taken =
        new Situation(
            NOW,
            LONG_AGO,
            AFTER,
            NEW,
            "",
            true,
            AnchorSet.NONE,
            false,
            List.of(live("web", AFTER, NEW)));

    assertThat(wait(in(Phase.RETIRE), situation(AFTER, NEW, live("web", BOTH, NEW))))
        .extracting(Obstacle::kind)
        .containsExactly(Kind.NOT_ACKNOWLEDGED);
    assertThat(RotationProcedure.next(in(Phase.RETIRE), taken)).isEqualTo(new Step.Settle());
    assertThat(
            RotationProcedure.next(
                in(Phase.RETIRE), situation(AFTER, NEW, live("web", AFTER, NEW))))
        .isEqualTo(new Step.Next(Phase.DONE));
  }

  @Test
  void theOldAnchorVouchesForTheNewIssuerAsLongAsSomebodyMayHaveJoinedWhoKnowsNoOther() {
    Situation joined =
        new Situation(
            NOW, LONG_AGO, AFTER, NEW, "", true, AnchorSet.NONE, false, List.of(silent()));

    assertThat(wait(in(Phase.RETIRE), joined))
        .extracting(Obstacle::kind)
        .containsExactly(Kind.SILENT);
    assertThat(
            RotationProcedure.next(
                in(Phase.RETIRE).waive(Set.of("legacy"), List.of(silent()), NOW, "operator", ""),
                joined))
        .isEqualTo(new Step.Settle());
    assertThat(RotationProcedure.next(rotation(true).in(Phase.RETIRE, NOW, ""), joined))
        .as("a compromised anchor vouches for nothing")
        .isEqualTo(new Step.Revoke());
  }

  // ---- Abort

  @Test
  void abortBeforeTheIssuerChangedOnlyTakesTheNewAnchorAway() {
    Rotation back = in(Phase.DISTRIBUTE).abort(NOW, "uid 0", "");

    assertThat(back.phase()).isEqualTo(Phase.RETIRE);
    assertThat(RotationProcedure.next(back, situation(BOTH, OLD, live("web", BOTH, OLD))))
        .isEqualTo(new Step.Publish(BEFORE));
  }

  @Test
  void abortAfterTheIssuerChangedReplacesWhatItIssuedFirst() {
    Rotation back = in(Phase.RENEW).abort(NOW, "uid 0", "");

    assertThat(RotationProcedure.next(back, situation(BOTH, NEW)))
        .isEqualTo(new Step.IssueUnder(BEFORE, false));
    Rotation retiring = back.in(Phase.RETIRE, NOW, "");
    assertThat(wait(retiring, situation(BOTH, OLD, gone("web", BOTH, NEW))))
        .extracting(Obstacle::kind)
        .containsExactly(Kind.GONE);
  }

  @Test
  void abortIsRefusedWhenItIsTooLate() {
    assertThatThrownBy(() -> in(Phase.RETIRE).abort(NOW, "uid 0", ""))
        .hasMessageContaining("is retiring the old anchor");
    assertThatThrownBy(() -> in(Phase.DONE).abort(NOW, "uid 0", "")).hasMessageContaining("ended");
    assertThatThrownBy(() -> in(Phase.RENEW).abort(NOW, "uid 0", "").abort(NOW, "uid 0", ""))
        .hasMessageContaining("going back already");
    assertThatThrownBy(() -> rotation(true).abort(NOW, "uid 0", ""))
        .hasMessageContaining("compromised");
  }

  // ---- Compromised

  @Test
  void aCompromisedAnchorIsNotWaitedForAndVouchesForNothingNew() {
    Rotation distribute = rotation(true).in(Phase.DISTRIBUTE, NOW, "");
    Situation behind = situation(BOTH, OLD, live("web", BEFORE, OLD));

    assertThat(wait(distribute, behind)).hasSize(1);
    assertThat(
            RotationProcedure.next(
                distribute, at(behind, NOW.plus(RotationProcedure.URGENT_DISTRIBUTION))))
        .isInstanceOfSatisfying(
            Step.Next.class,
            next -> {
              assertThat(next.phase()).isEqualTo(Phase.ACTIVATE);
              assertThat(next.leftBehind()).hasSize(1);
            });
    assertThat(
            RotationProcedure.next(
                rotation(true).in(Phase.ACTIVATE, NOW, ""), situation(BOTH, OLD)))
        .isEqualTo(new Step.IssueUnder(AFTER, false));
  }

  @Test
  void aPhaseThatTookLongLeavesLessTimeForRenewalsAfterACompromise() {
    Instant end = NOW.plus(RotationProcedure.URGENT_TOTAL);
    // The start of Renew after that of the rotation, and the time at which it ends.
    Map<Duration, Instant> ends =
        Map.of(
            Duration.ofMillis(500), NOW.plusMillis(500).plus(RotationProcedure.URGENT_RENEWAL),
            Duration.ofMillis(2500), end,
            Duration.ofMillis(3500), NOW.plusMillis(4500));
    ends.forEach(
        (began, ended) -> {
          Rotation renew =
              rotation(true)
                  .in(Phase.DISTRIBUTE, NOW, "")
                  .in(Phase.RENEW, NOW.plus(began), "2 left behind");
          Situation behind = situation(BOTH, NEW, live("web", BOTH, OLD));
          assertThat(wait(renew, at(behind, ended.minusMillis(1)))).hasSize(1);
          assertThat(RotationProcedure.next(renew, at(behind, ended)))
              .isInstanceOf(Step.Next.class);
        });
  }

  @Test
  void aCompromiseThatIsKnownLaterHasItsTimeFromThenOn() {
    Rotation renew =
        rotation(false)
            .in(Phase.RENEW, NOW.plusSeconds(10), "")
            .compromise(AnchorSet.NONE, NOW.plusSeconds(11), "uid 0", "");
    Situation behind = situation(BOTH, NEW, live("web", BOTH, OLD));

    assertThat(wait(renew, at(behind, NOW.plusMillis(12_499)))).hasSize(1);
    assertThat(RotationProcedure.next(renew, at(behind, NOW.plusMillis(12_500))))
        .isInstanceOf(Step.Next.class);
  }

  @Test
  void whatACompromisedAnchorSignedIsRevokedWhenItIsTakenAway() {
    Rotation retire = rotation(true).in(Phase.RETIRE, NOW, "");
    Member straggler = live("web", BEFORE, OLD);

    assertThat(RotationProcedure.next(retire, situation(BOTH, NEW, straggler)))
        .isEqualTo(new Step.Publish(AFTER));
    Situation published = situation(AFTER, NEW, straggler);
    assertThat(RotationProcedure.next(retire, published)).isEqualTo(new Step.Revoke());
    Situation revoked =
        new Situation(NOW, LONG_AGO, AFTER, NEW, "", true, BEFORE, true, List.of(straggler));
    assertThat(wait(retire, revoked)).hasSize(1);
    assertThat(
            RotationProcedure.next(
                retire,
                new Situation(
                    NOW.plus(RotationProcedure.URGENT_RETIREMENT),
                    LONG_AGO,
                    AFTER,
                    NEW,
                    "",
                    true,
                    BEFORE,
                    true,
                    List.of(straggler))))
        .as("somebody who never acknowledges does not keep the keys there")
        .isInstanceOf(Step.Next.class);
  }

  @Test
  void afterAStartOfTheServerWorkloadsHaveTimeToComeBackAlsoAfterACompromise() {
    for (boolean compromised : new boolean[] {false, true}) {
      for (Phase phase : List.of(Phase.DISTRIBUTE, Phase.RENEW)) {
        Rotation rotation = rotation(compromised).in(phase, NOW.minusSeconds(600), "");
        List<Member> away = List.of(seen(gone("web", BEFORE, OLD), NOW.minusSeconds(3600)));
        List<Member> left = List.of(seen(gone("web", BEFORE, OLD), NOW));
        Situation started =
            new Situation(
                NOW,
                NOW,
                BOTH,
                phase == Phase.RENEW ? NEW : OLD,
                "",
                true,
                AnchorSet.NONE,
                true,
                away);
        Situation later =
            new Situation(
                NOW,
                NOW.minus(RotationProcedure.RETURN),
                BOTH,
                phase == Phase.RENEW ? NEW : OLD,
                "",
                true,
                AnchorSet.NONE,
                true,
                away);

        Situation ended =
            new Situation(
                NOW,
                NOW,
                BOTH,
                phase == Phase.RENEW ? NEW : OLD,
                "",
                true,
                AnchorSet.NONE,
                true,
                left);

        assertThat(wait(rotation, started)).extracting(Obstacle::workload).containsExactly("web");
        assertThat(RotationProcedure.next(rotation, later)).isInstanceOf(Step.Next.class);
        assertThat(RotationProcedure.next(rotation, ended)).isInstanceOf(Step.Next.class);
      }
    }
  }

  @Test
  void aWorkloadThatIsWaivedHoldsNoPhase() {
    Rotation waived =
        rotation(false).waive(Set.of("liar"), List.of(live("liar", BEFORE, OLD)), NOW, "uid 0", "");

    assertThat(
            RotationProcedure.next(
                waived.in(Phase.DISTRIBUTE, NOW, ""),
                situation(BOTH, OLD, live("liar", BEFORE, OLD))))
        .isEqualTo(new Step.Next(Phase.ACTIVATE));
    assertThat(
            RotationProcedure.next(
                waived.in(Phase.RENEW, NOW, ""), situation(BOTH, NEW, live("liar", BEFORE, ""))))
        .isEqualTo(new Step.Next(Phase.RETIRE));
  }

  @Test
  void aRotationThatWaitsIsTurnedIntoOneAfterACompromise() {
    Rotation waiting = in(Phase.RETIRE);
    Situation situation = situation(BOTH, NEW, gone("job", BEFORE, OLD));
    assertThat(wait(waiting, situation)).hasSize(1);

    Rotation compromised =
        waiting.compromise(AnchorSet.NONE, NOW, "uid 0", "key found in a backup");

    assertThat(compromised.phase()).isEqualTo(Phase.RETIRE);
    assertThat(RotationProcedure.next(compromised, situation)).isEqualTo(new Step.Publish(AFTER));
    assertThatThrownBy(() -> compromised.compromise(BEFORE, NOW, "uid 0", ""))
        .hasMessageContaining("is after a compromise already");
  }

  /** The issuer that the rotation made before signed for whoever had the key of the old one. */
  @Test
  void aCompromiseThatIsKnownLaterReplacesTheIssuerFromBefore() {
    for (AnchorSet bundle : List.of(BOTH, AFTER)) {
      assertThat(RotationProcedure.next(knownIn(Phase.RENEW), situation(bundle, "")))
          .as("%s", bundle)
          .isEqualTo(new Step.Next(Phase.ACTIVATE));
    }
    assertThat(RotationProcedure.next(knownIn(Phase.RETIRE), situation(AFTER, "")))
        .isEqualTo(new Step.Next(Phase.ACTIVATE));
    for (AnchorSet bundle : List.of(BOTH, AFTER)) {
      Rotation activate = knownIn(Phase.ACTIVATE);
      assertThat(RotationProcedure.next(activate, situation(bundle, "")))
          .as("nothing vouches for it, and no anchor comes back")
          .isEqualTo(new Step.IssueUnder(AFTER, false));
      assertThat(RotationProcedure.next(activate, situation(bundle, NEW)))
          .isEqualTo(new Step.Next(Phase.RENEW));
    }
    assertThat(wait(in(Phase.ACTIVATE), situation(AFTER, NEW)))
        .as("without a compromise")
        .extracting(Obstacle::kind)
        .containsExactly(Kind.CHANGED);
  }

  @Test
  void inRetireACompromisedAnchorLeavesBeforeThereIsAnotherIssuer() {
    Rotation retire = knownIn(Phase.RETIRE);

    assertThat(RotationProcedure.next(retire, situation(BOTH, "", live("web", BOTH, ""))))
        .isEqualTo(new Step.Publish(AFTER));
    assertThat(RotationProcedure.next(retire, situation(BOTH, OLD)))
        .as("nobody could get a leaf")
        .isEqualTo(new Step.Next(Phase.ACTIVATE));
  }

  @Test
  void aCompromisedAnchorDoesNotWaitForTheKeyOfAnotherIssuer() {
    Rotation activate =
        in(Phase.RENEW)
            .compromise(AnchorSet.NONE, NOW, "uid 0", "")
            .in(Phase.ACTIVATE, NOW.plusMillis(1), "");
    Situation behind = situation(BOTH, "", live("web", BOTH, OLD));
    Instant end = NOW.plus(RotationProcedure.URGENT_TOTAL);

    assertThat(RotationProcedure.next(activate, at(behind, end.minusMillis(1))))
        .isEqualTo(new Step.IssueUnder(AFTER, false));
    assertThat(RotationProcedure.next(activate, at(behind, end)))
        .isEqualTo(new Step.Publish(AFTER));
    assertThat(RotationProcedure.next(activate, at(behind, NOW.minusMillis(1))))
        .as("a clock that was set back")
        .isEqualTo(new Step.Publish(AFTER));
    assertThat(RotationProcedure.next(activate, at(situation(AFTER, ""), end)))
        .as("it is tried again, and the anchor stays away")
        .isEqualTo(new Step.IssueUnder(AFTER, false));
    assertThat(RotationProcedure.next(activate, at(situation(BOTH, NEW), end)))
        .as("another issuer: workloads have time to come to it")
        .isEqualTo(new Step.Next(Phase.RENEW));
    assertThat(RotationProcedure.next(activate, at(situation(BOTH, OLD), end)))
        .as("nobody could get a leaf")
        .isEqualTo(new Step.IssueUnder(AFTER, false));
  }

  @Test
  void aKeyThatIsThereIsUsedBeforeACompromisedAnchorLeavesHoweverLateThatIs() {
    Instant late = NOW.plusSeconds(60);
    Rotation activate =
        in(Phase.RENEW)
            .compromise(AnchorSet.NONE, NOW, "uid 0", "")
            .in(Phase.ACTIVATE, NOW.plusMillis(1), "");
    Member away = gone("web", BOTH, OLD);

    assertThat(
            RotationProcedure.next(
                activate.in(Phase.RENEW, NOW.plusMillis(2), "").in(Phase.ACTIVATE, late, ""),
                at(situation(BOTH, ""), late.plusMillis(1))))
        .as("Activate has just begun")
        .isEqualTo(new Step.IssueUnder(AFTER, false));
    // The time since the server has started, and whether the anchor waits.
    Map<Duration, Boolean> starts =
        Map.of(
            Duration.ofMillis(1),
            true,
            RotationProcedure.RETURN.minusMillis(1),
            true,
            RotationProcedure.RETURN,
            false);
    starts.forEach(
        (up, waits) -> {
          Situation started =
              new Situation(
                  late,
                  late.minus(up),
                  BOTH,
                  "",
                  "",
                  false,
                  AnchorSet.NONE,
                  false,
                  List.of(seen(away, NOW)));
          assertThat(RotationProcedure.next(activate, started))
              .as("%s after the start of the server", up)
              .isEqualTo(waits ? new Step.IssueUnder(AFTER, false) : new Step.Publish(AFTER));
        });
    Situation nobodyAway =
        new Situation(
            late,
            late.minusMillis(1),
            BOTH,
            "",
            "",
            false,
            AnchorSet.NONE,
            false,
            List.of(live("web", BOTH, OLD)));
    assertThat(RotationProcedure.next(activate, nobodyAway))
        .isEqualTo(new Step.IssueUnder(AFTER, false));
  }

  @Test
  void afterARestartInRetireLeavesOfTheNewIssuerProveAnIdentityAgain() {
    Rotation retire = rotation(true).in(Phase.RETIRE, NOW, "");
    for (AnchorSet bundle : List.of(BOTH, AFTER)) {
      assertThat(RotationProcedure.next(retire, notAsked(bundle, NEW, false)))
          .isEqualTo(new Step.AskRenewal(Duration.ZERO));
    }
    assertThat(RotationProcedure.next(retire, notAsked(AFTER, "", false)))
        .as("not those of an issuer from before the compromise")
        .isEqualTo(new Step.Next(Phase.ACTIVATE));
    assertThat(
            RotationProcedure.next(
                retire,
                new Situation(NOW, LONG_AGO, AFTER, NEW, "", false, BEFORE, true, List.of())))
        .as("when all is settled nobody is asked")
        .isEqualTo(new Step.Next(Phase.DONE));
  }

  private static Situation notAsked(AnchorSet bundle, String issuing, boolean settled) {
    return new Situation(
        NOW, LONG_AGO, bundle, issuing, "", false, AnchorSet.NONE, settled, List.of());
  }

  @Test
  void aCompromisedAnchorThatSomebodyTookOutDoesNotComeBackInDistribute() {
    Rotation distribute = rotation(true).in(Phase.DISTRIBUTE, NOW, "");

    assertThat(RotationProcedure.next(distribute, situation(AFTER, "")))
        .isEqualTo(new Step.Next(Phase.ACTIVATE));
    assertThat(RotationProcedure.next(distribute, situation(AnchorSet.of("c".repeat(64)), "")))
        .isEqualTo(new Step.Publish(AFTER));
    assertThat(RotationProcedure.next(distribute, situation(BEFORE, OLD)))
        .isEqualTo(new Step.Publish(BOTH));
  }

  @Test
  void ofSeveralCompromisedAnchorsNoneComesBackThatHasLeft() {
    String other = "c".repeat(64);
    AnchorSet before = BEFORE.plus(AnchorSet.of(other));
    Rotation rotation =
        Rotation.start("0123456789abcdef", before, AFTER, true, Duration.ZERO, NOW, "uid 0", "")
            .in(Phase.ACTIVATE, NOW, "");

    assertThat(RotationProcedure.next(rotation, situation(AFTER.plus(AnchorSet.of(other)), "")))
        .isEqualTo(new Step.IssueUnder(AFTER, false));
    assertThat(RotationProcedure.next(rotation, situation(AnchorSet.of(other), "")))
        .isEqualTo(new Step.Publish(AFTER.plus(AnchorSet.of(other))));
  }

  @Test
  void leavesFromBeforeAreWaitedForInTheTimeThatIsLeftSinceTheCompromise() {
    Rotation renew =
        in(Phase.RETIRE)
            .compromise(AnchorSet.NONE, NOW.plusSeconds(60), "uid 0", "")
            .in(Phase.ACTIVATE, NOW.plusSeconds(60), "")
            .in(Phase.RENEW, NOW.plusSeconds(62), "");
    Situation behind = situation(AFTER, NEW, live("web", AFTER, ""));
    Instant end = NOW.plusSeconds(60).plus(RotationProcedure.URGENT_TOTAL);

    assertThat(wait(renew, at(behind, end.minusMillis(1))))
        .singleElement()
        .satisfies(
            obstacle -> {
              assertThat(obstacle.kind()).isEqualTo(Kind.NOT_RENEWED);
              assertThat(obstacle.message()).contains("or from before a compromise");
            });
    assertThat(RotationProcedure.next(renew, at(behind, end))).isInstanceOf(Step.Next.class);
  }

  private static Rotation knownIn(Phase phase) {
    return in(phase).compromise(AnchorSet.NONE, NOW, "uid 0", "");
  }

  @Test
  void aRotationThatWouldKeepACompromisedAnchorIsNotTakenForOneAwayFromIt() {
    Rotation retiring =
        Rotation.start("0123456789abcdef", BOTH, AFTER, false, Duration.ZERO, NOW, "uid 0", "");

    assertThat(retiring.refusalToLeave(BEFORE)).isEmpty();
    assertThat(retiring.compromise(BEFORE, NOW, "uid 0", "").compromised()).isTrue();
    for (AnchorSet compromised : List.of(AFTER, BOTH, AnchorSet.NONE)) {
      assertThatThrownBy(() -> retiring.compromise(compromised, NOW, "uid 0", ""))
          .as("%s", compromised)
          .isInstanceOf(RotationRefusedException.class)
          .hasMessageContaining("would leave compromised anchors " + AFTER + " in force")
          .hasMessageContaining("abort it, or let it end");
    }
    Rotation back = in(Phase.RENEW).abort(NOW, "uid 0", "");
    assertThat(back.refusalToLeave(BEFORE))
        .contains("goes back and would leave compromised anchors " + BEFORE)
        .doesNotContain("abort");
    assertThat(back.refusalToLeave(AFTER)).isEmpty();
    assertThat(back.refusalToLeave(AnchorSet.of("c".repeat(64))))
        .contains("is not about anchors [cccccccccccccccc]: expected some of " + AFTER)
        .contains("(none has)")
        .contains("rotate away from the anchors in force");
  }

  /** It would else end when nothing is kept any more of the anchor that has left. */
  @Test
  void aRotationThatIsUnderWayTakesAnAnchorThatHasLeftForOneThatItTakesAway() {
    AnchorSet left = AnchorSet.of("c".repeat(64));
    Rotation retiring = in(Phase.RETIRE);

    Rotation compromised = retiring.compromise(left, left, NOW, "uid 0", "");
    assertThat(compromised.compromised()).isTrue();
    assertThat(compromised.leaving()).isEqualTo(BEFORE.plus(left));
    assertThat(compromised.staying()).isEqualTo(AFTER);
    assertThat(compromised.onTheWay(BOTH)).as("it does not come back").isEqualTo(BOTH);
    Rotation back = in(Phase.RENEW).abort(NOW, "uid 0", "").compromise(left, left, NOW, "a", "");
    assertThat(back.leaving()).isEqualTo(AFTER.plus(left));
    assertThat(back.staying()).isEqualTo(BEFORE);
    assertThat(retiring.refusalToLeave(left.plus(AFTER), left))
        .contains("would leave compromised anchors " + AFTER + " in force");
    assertThat(compromised.refusalToLeave(AnchorSet.of("d".repeat(64)), left))
        .contains("is not about anchors [dddddddddddddddd]")
        .contains("still are " + left);
  }

  /** The anchor that an abort takes away leaves at once, and the way is still the way back. */
  @Test
  void theCompromiseOfTheAnchorThatAnAbortTakesAwayGoesOnBackWithAnotherIssuer() {
    Rotation back = in(Phase.RENEW).abort(NOW, "uid 0", "").compromise(AFTER, NOW, "uid 0", "");

    assertThat(back.compromised()).isTrue();
    assertThat(back.staying()).isEqualTo(BEFORE);
    assertThat(back.phase()).isEqualTo(Phase.ACTIVATE);
    assertThat(RotationProcedure.next(back, situation(BOTH, NEW, silent())))
        .isEqualTo(new Step.IssueUnder(BEFORE, false));
    assertThat(RotationProcedure.next(back, situation(BOTH, "", silent())))
        .as("the issuer from before the rotation may have signed for a thief")
        .isEqualTo(new Step.IssueUnder(BEFORE, false));
    assertThat(
            RotationProcedure.next(
                back.in(Phase.RETIRE, NOW, ""), situation(BOTH, OLD, live("web", BOTH, NEW))))
        .as("waits for nobody")
        .isEqualTo(new Step.Publish(BEFORE));
    assertThat(RotationProcedure.next(back.in(Phase.RETIRE, NOW, ""), situation(BEFORE, OLD)))
        .isEqualTo(new Step.Revoke());
    assertThatThrownBy(() -> back.compromise(AFTER, NOW, "uid 0", ""))
        .hasMessageContaining("is after a compromise already");
  }

  @Test
  void aClockThatIsSetBackHoldsNoPhaseAfterACompromise() {
    for (Phase phase : List.of(Phase.DISTRIBUTE, Phase.RENEW)) {
      String issuing = phase == Phase.RENEW ? NEW : OLD;
      Situation behind = situation(BOTH, issuing, live("web", BEFORE, OLD));
      Situation setBack = at(behind, NOW.minusMillis(1));

      assertThat(wait(rotation(true).in(phase, NOW, ""), behind)).hasSize(1);
      assertThat(RotationProcedure.next(rotation(true).in(phase, NOW, ""), setBack))
          .as("%s", phase)
          .isInstanceOf(Step.Next.class);
      assertThat(wait(in(phase), setBack)).hasSize(1);

      // The clock was set back after the start of the identity server.
      List<Member> away = List.of(seen(gone("web", BEFORE, OLD), NOW.minusSeconds(3600)));
      Situation started =
          new Situation(
              NOW, NOW.plusMillis(1), BOTH, issuing, "", true, AnchorSet.NONE, true, away);
      assertThat(RotationProcedure.next(rotation(true).in(phase, NOW, ""), started))
          .isInstanceOf(Step.Next.class);
      assertThat(wait(in(phase), started)).hasSize(1);
    }
  }

  // ---- Taking away only

  @Test
  void anAnchorThatNobodyUsesIsTakenAwayWithoutANewIssuer() {
    Rotation rotation =
        Rotation.start("0123456789abcdef", BOTH, AFTER, false, Duration.ZERO, NOW, "uid 0", "");

    assertThat(
            RotationProcedure.next(
                rotation.in(Phase.DISTRIBUTE, NOW, ""),
                situation(BOTH, NEW, live("web", BOTH, NEW))))
        .isEqualTo(new Step.Next(Phase.ACTIVATE));
    assertThat(RotationProcedure.next(rotation.in(Phase.ACTIVATE, NOW, ""), situation(BOTH, NEW)))
        .isEqualTo(new Step.Next(Phase.RENEW));
  }

  private static Rotation rotation(boolean compromised) {
    return Rotation.start(
        "0123456789abcdef",
        BEFORE,
        AFTER,
        compromised,
        Duration.ofMinutes(10),
        NOW,
        "uid 0",
        "test");
  }

  private static Rotation in(Phase phase) {
    return rotation(false).in(phase, NOW, "");
  }

  private static Member live(String identity, AnchorSet trusts, String anchor) {
    return member(identity, Presence.LIVE, trusts.digest(), anchor, Map.of());
  }

  private static Member gone(String identity, AnchorSet trusts, String anchor) {
    return member(identity, Presence.GONE, trusts.digest(), anchor, Map.of());
  }

  private static Member seen(Member member, Instant when) {
    return new Member(
        member.identity(),
        member.address(),
        member.serial(),
        member.presence(),
        when,
        member.trusts(),
        member.refusal(),
        member.anchor(),
        member.leafEnd(),
        member.peerAnchors());
  }

  private static Member withSerial(Member member, String serial) {
    return new Member(
        member.identity(),
        member.address(),
        serial,
        member.presence(),
        member.seen(),
        member.trusts(),
        member.refusal(),
        member.anchor(),
        member.leafEnd(),
        member.peerAnchors());
  }

  private static Member silent() {
    return member("legacy", Presence.SILENT, "", NEW, Map.of());
  }

  private static Member withPeer(String anchor) {
    return member(
        "client", Presence.LIVE, BOTH.digest(), NEW, Map.of(anchor, Set.of("unknown straggler")));
  }

  private static Member member(
      String identity,
      Presence presence,
      String trusts,
      String anchor,
      Map<String, Set<String>> peers) {
    return new Member(
        identity,
        presence == Presence.SILENT ? "" : "10.0.0.1:4000",
        "7",
        presence,
        NOW,
        trusts,
        "",
        anchor,
        NOW.plusSeconds(3600),
        peers);
  }

  /** Renewal is asked for, nothing is revoked, nothing is left over. */
  private static Situation situation(AnchorSet bundle, String issuing, Member... fleet) {
    return new Situation(
        NOW, LONG_AGO, bundle, issuing, "", true, AnchorSet.NONE, true, List.of(fleet));
  }

  private static Situation failing(String canary) {
    return new Situation(NOW, LONG_AGO, BOTH, NEW, canary, true, AnchorSet.NONE, true, List.of());
  }

  private static Situation at(Situation situation, Instant now) {
    return new Situation(
        now,
        LONG_AGO,
        situation.bundle(),
        situation.issuing(),
        situation.canaryFailure(),
        situation.renewalAsked(),
        situation.revoked(),
        situation.settled(),
        situation.fleet());
  }

  private static List<Obstacle> wait(Rotation rotation, Situation situation) {
    Step step = RotationProcedure.next(rotation, situation);
    assertThat(step).isInstanceOf(Step.Wait.class);
    return ((Step.Wait) step).obstacles();
  }
}
