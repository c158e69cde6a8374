package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.TestPki;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CallBudgetTest {
  private static final InetAddress HERE = InetAddress.getLoopbackAddress();

  private final TestPki pki = TestPki.create("mesh");
  private final CallBudget budget = new CallBudget(8_000);

  private CallBudget.Share of(String identity) {
    PeerIdentity peer =
        PeerIdentity.of(pki.certificate(identity).leaf()).orElseThrow(AssertionError::new);
    return budget.share(new Caller.Identified(peer), HERE);
  }

  private static long fill(CallBudget.Share share) {
    long taken = 0;
    while (share.take(1)) {
      taken++;
    }
    return taken;
  }

  @Test
  void oneIdentityTakesHalfOverAllItsConnections() {
    CallBudget.Share first = of("a.shop.example");
    CallBudget.Share second = of("a.shop.example");
    assertThat(fill(first) + fill(second)).isEqualTo(4_000);
    assertThat(budget.identifiedBytes()).isEqualTo(4_000);
  }

  @Test
  void messagesAreHeldUntilTheirServiceTakesThemOrTheirCallEnds() {
    CallBudget.Hold hold = new CallBudget.Hold(of("a.shop.example"));
    assertThat(hold.add(3, 3_001)).isTrue();
    assertThat(hold.add(1, 1_000)).isFalse();
    assertThat(budget.identifiedBytes()).isEqualTo(3_001);

    hold.taken();
    assertThat(budget.identifiedBytes()).isEqualTo(2_001);
    hold.taken();
    hold.taken();
    hold.taken();
    assertThat(budget.identifiedBytes()).isZero();

    assertThat(hold.add(1, 500)).isTrue();
    hold.close();
    hold.taken();
    assertThat(hold.add(1, 500)).isTrue();
    assertThat(budget.identifiedBytes()).isZero();
  }

  @Test
  void whatIsTakenAtOnceLeavesAsMuchFreeAsWhatIsTakenBytewise() {
    CallBudget.Share share = of("a.shop.example");
    assertThat(share.take(4_001)).isFalse();
    assertThat(share.take(3_000)).isTrue();
    assertThat(share.take(1_001)).isFalse();
    assertThat(share.take(1_000)).isTrue();
  }

  @Test
  void whoeverComesNextFindsRoomHoweverManyCameBefore() {
    List<Long> taken = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      taken.add(fill(of("batch" + i + ".shop.example")));
    }
    assertThat(taken).isSortedAccordingTo((a, b) -> Long.compare(b, a));
    assertThat(fill(of("web.shop.example"))).isPositive();
  }

  @Test
  void whatIsGivenBackIsTakenAgainAndAConnectionThatClosesGivesAllBack() {
    CallBudget.Share share = of("a.shop.example");
    assertThat(share.take(4_000)).isTrue();
    assertThat(share.take(1)).isFalse();
    share.give(1_000);
    assertThat(share.take(1_000)).isTrue();
    share.close();
    share.close();
    share.give(10);
    assertThat(share.take(1)).isFalse();
    assertThat(budget.identifiedBytes()).isZero();
    assertThat(of("a.shop.example").take(4_000)).isTrue();
  }

  @Test
  void clientsWithoutCertificateShareLittleByAddressAndNothingOfTheOthers() throws Exception {
    Caller nobody = new Caller.Unidentified();
    CallBudget.Share here = budget.share(nobody, HERE);
    CallBudget.Share again = budget.share(nobody, HERE);
    assertThat(fill(here) + fill(again)).isEqualTo(500);
    CallBudget.Share there = budget.share(nobody, InetAddress.getByName("10.0.0.9"));
    assertThat(fill(there)).isEqualTo(250);
    assertThat(budget.anonymousBytes()).isEqualTo(750);
    assertThat(fill(of("a.shop.example"))).isEqualTo(4_000);
  }

  @Test
  void addressesOfOneIpv6NetworkAreOneParty() throws Exception {
    Caller nobody = new Caller.Unidentified();
    fill(budget.share(nobody, InetAddress.getByName("2001:db8::1")));
    assertThat(budget.share(nobody, InetAddress.getByName("2001:db8::2")).take(1)).isFalse();
    assertThat(budget.share(nobody, InetAddress.getByName("2001:db8:0:1::1")).take(1)).isTrue();
  }
}
