package io.signetmesh.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.RetiredAnchors;
import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.rotation.Member.Presence;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class RotationPlanTest {
  private static final Instant NOW = Instant.parse("2026-06-01T00:00:00Z");
  private static final Duration DAY = Duration.ofDays(1);

  private final KeyPair oldKeys = generate();
  private final X509Certificate old =
      anchor(oldKeys, DAY.multipliedBy(-100), DAY.multipliedBy(900));
  private final KeyPair newKeys = generate();
  private final KeyPair thirdKeys = generate();

  @Test
  void allAnchorsInForceLeaveForANewOne() {
    NewAnchor added = added(DAY.multipliedBy(1000));

    RotationPlan plan = plan(added, Set.of(), Set.of());

    assertThat(plan.findings()).isEmpty();
    assertThat(plan.before()).isEqualTo(AnchorSet.of(RotationPlan.fingerprint(old)));
    assertThat(plan.after()).isEqualTo(AnchorSet.of(RotationPlan.fingerprint(added.certificate())));
    assertThat(plan.latestEnd()).isAfter(NOW.plus(DAY)).isBefore(NOW.plus(DAY.multipliedBy(2)));
  }

  @Test
  void newAnchorThatEndsBeforeTheRotationIsAnError() {
    assertThat(errors(plan(added(Duration.ofHours(20)), Set.of(), Set.of())))
        .singleElement()
        .asString()
        .contains("before the rotation has ended for sure");
  }

  @Test
  void newAnchorThatEndsBeforeTheOldOneIsAWarning() {
    RotationPlan plan = plan(added(DAY.multipliedBy(30)), Set.of(), Set.of());

    assertThat(plan.isClean()).isTrue();
    assertThat(plan.findings()).singleElement().asString().contains("ends before");
  }

  @Test
  void newAnchorThatIsNotValidYetIsAnError() {
    NewAnchor early =
        new NewAnchor(anchor(newKeys, DAY, DAY.multipliedBy(1000)), CaKey.of(newKeys.getPrivate()));

    assertThat(errors(plan(early, Set.of(), Set.of())))
        .singleElement()
        .asString()
        .contains("is not valid before");
  }

  @Test
  void newAnchorWithTheKeyOfAnOldOneIsAnError() {
    NewAnchor same =
        new NewAnchor(
            anchor(oldKeys, DAY.negated(), DAY.multipliedBy(1000)), CaKey.of(oldKeys.getPrivate()));

    assertThat(errors(plan(same, Set.of(), Set.of())))
        .singleElement()
        .asString()
        .contains("has the key of");
  }

  @Test
  void anchorThatWasRetiredIsNotTakenAgain() {
    NewAnchor added = added(DAY.multipliedBy(1000));

    assertThat(errors(plan(added, Set.of(), Set.of(RotationPlan.fingerprint(added.certificate())))))
        .singleElement()
        .asString()
        .contains("was retired before");
  }

  @Test
  void newCertificateOfARetiredKeyIsNotTaken() {
    NewAnchor added = added(DAY.multipliedBy(1000));
    X509Certificate earlier = anchor(newKeys, DAY.negated(), DAY.multipliedBy(10));
    Set<String> retired = Set.of(RotationPlan.fingerprint(earlier), RetiredAnchors.key(earlier));

    assertThat(errors(plan(added, Set.of(), retired)))
        .singleElement()
        .asString()
        .contains("has the key of an anchor that was retired before");
  }

  @Test
  void anchorThatTheIssuerNeedsDoesNotLeaveWithoutAnother() {
    X509Certificate other = anchor(newKeys, DAY.negated(), DAY.multipliedBy(1000));
    RotationPlan plan =
        RotationPlan.of(
            new RotationPlan.Request(
                null, Set.of(RotationPlan.fingerprint(old)), false, Duration.ZERO),
            List.of(old, other),
            RotationPlan.fingerprint(old),
            Set.of(),
            null,
            List.of(),
            DAY,
            NOW);

    assertThat(errors(plan)).singleElement().asString().contains("rotate to another anchor first");
  }

  @Test
  void anAnchorThatTheIssuerWasUnderBeforeDoesNotLeaveWhileTheIssuerStays() {
    X509Certificate other = anchor(newKeys, DAY.negated(), DAY.multipliedBy(1000));
    String first = RotationPlan.fingerprint(old);
    String last = RotationPlan.fingerprint(other);
    for (boolean compromised : new boolean[] {false, true}) {
      RotationPlan plan =
          RotationPlan.of(
              new RotationPlan.Request(null, Set.of(first), compromised, Duration.ZERO),
              List.of(old, other),
              last,
              Set.of(),
              null,
              List.of(),
              DAY,
              NOW);
      assertThat(plan.isClean()).isTrue();
      assertThat(plan.certifiedAgain(last, Set.of("c".repeat(64))).isClean())
          .as("it was under another that is not about to leave")
          .isTrue();
      List<String> errors = errors(plan.certifiedAgain(last, Set.of(first)));
      if (compromised) {
        assertThat(errors).as("another issuer is made").isEmpty();
      } else {
        assertThat(errors)
            .singleElement()
            .asString()
            .contains("is under anchor " + last.substring(0, 16))
            .contains("was under [" + first.substring(0, 16) + "] before");
      }
    }
    NewAnchor added =
        new NewAnchor(
            anchor(thirdKeys, DAY.negated(), DAY.multipliedBy(1000)),
            CaKey.of(thirdKeys.getPrivate()));
    assertThat(
            RotationPlan.of(
                    new RotationPlan.Request(added, Set.of(), false, Duration.ZERO),
                    List.of(old, other),
                    last,
                    Set.of(),
                    null,
                    List.of(),
                    DAY,
                    NOW)
                .certifiedAgain(last, Set.of(first))
                .isClean())
        .as("to an anchor with another issuer")
        .isTrue();
  }

  @Test
  void oldAnchorThatEndsBeforeTheRotationIsAnErrorUnlessItIsCompromised() {
    X509Certificate ending = anchor(oldKeys, DAY.negated(), Duration.ofHours(20));
    List<RotationPlan> plans = new ArrayList<>();
    for (boolean compromised : new boolean[] {false, true}) {
      plans.add(
          RotationPlan.of(
              new RotationPlan.Request(
                  added(DAY.multipliedBy(1000)), Set.of(), compromised, Duration.ZERO),
              List.of(ending),
              RotationPlan.fingerprint(ending),
              Set.of(),
              null,
              List.of(),
              DAY,
              NOW));
    }

    assertThat(errors(plans.getFirst()))
        .singleElement()
        .asString()
        .contains("follow the recovery of an expired anchor");
    assertThat(errors(plans.getLast())).isEmpty();
  }

  @Test
  void secondRotationUnknownAnchorAndLongWindowAreErrors() {
    RotationPlan plan =
        RotationPlan.of(
            new RotationPlan.Request(
                added(DAY.multipliedBy(1000)), Set.of("f".repeat(64)), false, DAY.multipliedBy(2)),
            List.of(old),
            RotationPlan.fingerprint(old),
            Set.of(),
            "0123456789abcdef",
            List.of(),
            DAY,
            NOW);

    assertThat(errors(plan))
        .anySatisfy(error -> assertThat(error).contains("is not in force"))
        .anySatisfy(error -> assertThat(error).contains("renew window PT48H: expected 0 to 24 h"))
        .anySatisfy(error -> assertThat(error).contains("0123456789abcdef is under way"));
  }

  @Test
  void workloadsThatCannotAnswerAreNamedBeforeItStarts() {
    List<Member> fleet = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      fleet.add(member("legacy-" + (i + 10), Presence.SILENT));
    }
    fleet.add(member("gone", Presence.GONE));
    fleet.add(member("web", Presence.LIVE));
    RotationPlan plan =
        RotationPlan.of(
            new RotationPlan.Request(added(DAY.multipliedBy(1000)), Set.of(), false, Duration.ZERO),
            List.of(old),
            RotationPlan.fingerprint(old),
            Set.of(),
            null,
            fleet,
            DAY,
            NOW);

    assertThat(plan.isClean()).isTrue();
    assertThat(plan.findings())
        .extracting(RotationPlan.Finding::message)
        .satisfiesExactly(
            silent ->
                assertThat(silent)
                    .startsWith("workloads that never reported what they trust: 12 (legacy-10, ")
                    .contains(", …); Retire waits"),
            gone ->
                assertThat(gone).startsWith("workloads that went away: 1 (gone); Retire waits"));
    assertThat(plan.withoutToken(Set.of("edge"))).isSameAs(plan);
  }

  @Test
  void workloadsThatACompromisedAnchorCutsOffAreNamedBeforeItStarts() {
    RotationPlan plan =
        RotationPlan.of(
                new RotationPlan.Request(
                    added(DAY.multipliedBy(1000)), Set.of(), true, Duration.ZERO),
                List.of(old),
                RotationPlan.fingerprint(old),
                Set.of(),
                null,
                List.of(member("legacy", Presence.SILENT), member("gone", Presence.GONE)),
                DAY,
                NOW)
            .withoutToken(Set.of("edge"));

    assertThat(plan.isClean()).isTrue();
    assertThat(plan.findings())
        .extracting(RotationPlan.Finding::message)
        .satisfiesExactly(
            silent -> assertThat(silent).contains("1 (legacy); they are cut off"),
            gone -> assertThat(gone).contains("1 (gone); they are cut off"),
            token -> assertThat(token).contains("join token: 1 (edge);"));
  }

  @Test
  void anOldAnchorWhoseKeyCannotBeUsedIsAnErrorUntilTheRotationGoesWithoutIt() {
    NewAnchor added = added(DAY.multipliedBy(1000));
    RotationPlan plan = plan(added, Set.of(), Set.of());
    String above = RotationPlan.fingerprint(old);
    assertThat(plan.needsCrossCertificate(above)).isTrue();
    assertThat(errors(plan.cannotVouch("the token is away")))
        .singleElement()
        .asString()
        .contains("cannot vouch for the new issuer: the token is away")
        .contains("--no-cross-certificate")
        .contains("put the new anchor beside the old one, until Done, into the files");

    RotationPlan without = plan.withoutCrossCertificate();
    assertThat(without.isClean()).isTrue();
    assertThat(without.crossSigned()).isFalse();
    assertThat(without.needsCrossCertificate(above)).isFalse();
    assertThat(without.findings())
        .extracting(RotationPlan.Finding::message)
        .anyMatch(
            message ->
                message.contains("cut off from Activate on")
                    && message.contains("put the new anchor beside the old one, until Done"));
    // Nothing is signed for an anchor that is only taken away.
    assertThat(plan(null, Set.of(above), Set.of()).needsCrossCertificate(above)).isFalse();
  }

  @Test
  void whatAnOperatorBringsHasToBeARootOfItsKey() throws Exception {
    X509Certificate root = anchor(newKeys, DAY.negated(), DAY.multipliedBy(1000));
    X509Certificate issuer =
        CertificateBuilder.issuer(
            "issuer",
            newKeys.getPublic(),
            SigningKey.of(oldKeys.getPrivate()),
            old,
            NOW,
            NOW.plus(DAY));

    assertThat(NewAnchor.of(root, CaKey.of(newKeys.getPrivate())).certificate()).isEqualTo(root);
    assertThat(NewAnchor.of(root, CaKey.of(newKeys.getPrivate())).toString())
        .doesNotContain("rivate");
    assertThatThrownBy(() -> NewAnchor.of(root, CaKey.of(oldKeys.getPrivate())))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("does not belong to it");
    assertThatThrownBy(() -> NewAnchor.of(issuer, CaKey.of(newKeys.getPrivate())))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("path length of 1 or more");
  }

  /** Somebody has made a second certificate of the same key. */
  @Test
  void noAnchorOfACompromisedKeyStays() {
    X509Certificate again = anchor(oldKeys, DAY.multipliedBy(-1), DAY.multipliedBy(900));
    X509Certificate other = added(DAY.multipliedBy(900)).certificate();
    AnchorSet compromised = AnchorSet.of(RotationPlan.fingerprint(old));

    assertThat(
            RotationPlan.sharedKey(
                compromised,
                AnchorSet.of(RotationPlan.fingerprint(again)),
                List.of(other, again, old)))
        .contains("would stay and has the key of the compromised anchor")
        .contains("rotate --compromised");
    assertThat(
            RotationPlan.sharedKey(
                compromised,
                AnchorSet.of(RotationPlan.fingerprint(other)),
                List.of(other, again, old)))
        .isEmpty();
  }

  private RotationPlan plan(@Nullable NewAnchor added, Set<String> leaving, Set<String> retired) {
    return RotationPlan.of(
        new RotationPlan.Request(added, leaving, false, Duration.ofMinutes(10)),
        List.of(old),
        RotationPlan.fingerprint(old),
        retired,
        null,
        List.of(),
        DAY,
        NOW);
  }

  private static List<String> errors(RotationPlan plan) {
    return plan.findings().stream()
        .filter(RotationPlan.Finding::isError)
        .map(RotationPlan.Finding::message)
        .toList();
  }

  private NewAnchor added(Duration life) {
    return new NewAnchor(anchor(newKeys, DAY.negated(), life), CaKey.of(newKeys.getPrivate()));
  }

  private static Member member(String identity, Presence presence) {
    return new Member(identity, "", "1", presence, NOW, "", "", "", NOW.plus(DAY), Map.of());
  }

  private static KeyPair generate() {
    return KeyKind.P256.generate();
  }

  private static X509Certificate anchor(KeyPair keys, Duration from, Duration until) {
    try {
      return CertificateBuilder.anchor("root", keys, NOW.plus(from), NOW.plus(until));
    } catch (PkiException e) {
      throw new IllegalStateException(e);
    }
  }
}
