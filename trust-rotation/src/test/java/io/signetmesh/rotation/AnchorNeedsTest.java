package io.signetmesh.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.rotation.AnchorNeeds.Reason;
import io.signetmesh.rotation.Member.Presence;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class AnchorNeedsTest {
  private static final Instant NOW = Instant.parse("2026-06-01T00:00:00Z");
  private static final Instant LATER = NOW.plusSeconds(60);
  private static final String A = "a".repeat(64);
  private static final String B = "b".repeat(64);
  private static final String NEW = "c".repeat(64);
  private static final AnchorSet BEFORE = AnchorSet.of(A, B);
  private static final AnchorSet AFTER = AnchorSet.of(NEW);
  private static final AnchorSet UNION = BEFORE.plus(AFTER);

  /** The proof for operators and what Retire waits for, over all kinds of leaves. */
  @Test
  void whatIsProvedIsWhatRetireWaitsFor() {
    Rotation rotation =
        Rotation.start("0123456789abcdef", BEFORE, AFTER, false, Duration.ZERO, NOW, "uid 0", "")
            .in(Phase.RETIRE, NOW, "");
    List<Member> all = leaves();
    assertThat(all).hasSizeGreaterThan(100);
    for (Member member : all) {
      List<Member> fleet = List.of(member);
      for (Rotation of :
          List.of(rotation, rotation.waive(Set.of(member.identity()), fleet, NOW, "uid 0", ""))) {
        Situation situation =
            new Situation(NOW, NOW, UNION, NEW, "", true, AnchorSet.NONE, true, fleet);
        boolean needed = false;
        for (String anchor : of.leaving()) {
          AnchorNeeds needs = AnchorNeeds.of(anchor, UNION, of, fleet, NOW);
          needed |= !needs.reasons(member, anchor).isEmpty() && !needs.isWaived(member);
        }
        assertThat(needed)
            .as("%s, waived: %s", member, of.waived())
            .isEqualTo(!RotationProcedure.stillNeeded(of, situation).isEmpty());
      }
    }
  }

  @Test
  void aLeafNeedsTheAnchorThatItIsUnderAndNoOther() {
    Rotation rotation =
        Rotation.start("0123456789abcdef", BEFORE, AFTER, false, Duration.ZERO, NOW, "uid 0", "");
    Member member = member(Presence.LIVE, A, UNION.digest(), Map.of(B, Set.of("unknown")), LATER);

    List<Member> fleet = List.of(member);
    assertThat(AnchorNeeds.of(A, UNION, rotation, fleet, NOW).reasons(member, A))
        .containsExactly(Reason.LEAF);
    assertThat(AnchorNeeds.of(B, UNION, rotation, fleet, NOW).reasons(member, B))
        .containsExactly(Reason.PEER);
    assertThat(AnchorNeeds.of(NEW, UNION, rotation, fleet, NOW).reasons(member, NEW)).isEmpty();
  }

  @Test
  void withoutARotationAnAnchorIsNeededByWhoWouldBeCutOffWithoutIt() {
    Member web = member(Presence.LIVE, A, BEFORE.digest(), Map.of(), LATER);
    Member silent = member(Presence.SILENT, A, "", Map.of(), LATER);
    Member behind = member(Presence.LIVE, A, AnchorSet.of(B).digest(), Map.of(), LATER);

    AnchorNeeds of = AnchorNeeds.of(B, BEFORE, null, List.of(web, silent, behind), NOW);

    assertThat(of.reasons(web, B)).isEmpty();
    assertThat(of.reasons(silent, B)).containsExactly(Reason.SILENT);
    assertThat(of.reasons(behind, B)).containsExactly(Reason.BEHIND);
    assertThat(of.isWaived(silent)).isFalse();
    // The only anchor is everybody's.
    assertThat(AnchorNeeds.of(A, AnchorSet.of(A), null, List.of(web), NOW).reasons(web, A))
        .containsExactly(Reason.LEAF);
  }

  private static List<Member> leaves() {
    List<Member> all = new ArrayList<>();
    for (Presence presence : Presence.values()) {
      for (String anchor : List.of(A, B, NEW, "", "d".repeat(64))) {
        for (String trusts :
            List.of(UNION.digest(), AFTER.digest(), BEFORE.digest(), "", "e".repeat(64))) {
          for (Map<String, Set<String>> peers :
              List.<Map<String, Set<String>>>of(
                  Map.of(),
                  Map.of(A, Set.of("unknown")),
                  Map.of(NEW, Set.of("unknown")),
                  Map.of(A, Set.of("web")))) {
            for (Instant end : List.of(NOW, LATER)) {
              all.add(member(presence, anchor, trusts, peers, end));
            }
          }
        }
      }
    }
    return all;
  }

  private static Member member(
      Presence presence,
      String anchor,
      String trusts,
      Map<String, Set<String>> peers,
      Instant end) {
    return new Member("web", "", "7", presence, NOW, trusts, "", anchor, end, peers);
  }
}
