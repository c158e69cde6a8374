package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

/** Which leaves prove an identity while workloads are asked to renew. */
final class RenewalRequestsTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final String BEFORE = "a".repeat(64);
  private static final String AFTER = "b".repeat(64);

  private final RenewalRequests renewals = new RenewalRequests(() -> NOW);

  @Test
  void leavesOfAllIssuersProveAnIdentityUntilOneIsCompromised() {
    renewals.ask("rotation", AFTER, Duration.ZERO);

    assertThat(renewals.provesIdentity(BEFORE)).isTrue();

    renewals.end();
    assertThat(renewals.isIdle()).isTrue();
    assertThat(renewals.provesIdentity(BEFORE)).isTrue();
  }

  /** Each workload renews at a random moment of what is left when it is told. */
  @Property(tries = 200)
  void renewalsAreEvenlySpreadOverTheWindow(@ForAll @LongRange(min = 1, max = 86_400) long window) {
    AtomicReference<Instant> time = new AtomicReference<>(NOW);
    RenewalRequests spread = new RenewalRequests(time::get);
    spread.ask("rotation", AFTER, Duration.ofSeconds(window));
    int workloads = 400;
    int[] parts = new int[10];
    for (int i = 0; i < workloads; i++) {
      double share = (double) i / workloads;
      Duration toldAfter = Duration.ofNanos((long) (window * 1e9 / 4 * share) + 1);
      time.set(NOW.plus(toldAfter).minusNanos(2));
      assertThat(spread.isDue(share)).isEqualTo(i == 0);
      time.set(NOW.plus(toldAfter));
      assertThat(spread.isDue(share)).isTrue();
      // Each moment of the rest is as likely as another.
      double from = toldAfter.toNanos() / (window * 1e9);
      for (int moment = 0; moment < 100; moment++) {
        double at = from + (1 - from) * (moment + 0.5) / 100;
        parts[Math.min(9, (int) (at * 10))]++;
      }
    }

    for (int part : parts) {
      assertThat(part / (workloads * 100.0)).isLessThan(0.12);
    }
  }

  @Test
  void aRequestThatIsUrgentIsDueForAllAtOnceAndSoIsOneAfterTheClockWentBack() {
    AtomicReference<Instant> time = new AtomicReference<>(NOW);
    RenewalRequests some = new RenewalRequests(time::get);
    assertThat(some.isDue(0)).isFalse();
    some.ask("rotation", AFTER, Duration.ZERO);
    assertThat(some.isDue(0.99)).isTrue();

    some.ask("rotation", BEFORE, Duration.ofHours(1));
    assertThat(some.isDue(0.99)).isFalse();
    time.set(NOW.minusSeconds(1));
    assertThat(some.isDue(0.99)).isTrue();
  }

  @Test
  void leavesOfTheIssuerThatWasAskedForBeforeProveNothing() {
    renewals.ask("rotation", BEFORE, Duration.ofMinutes(10));
    List<String> told = new ArrayList<>();
    renewals.onChange(() -> told.add(renewals.message() == null ? "nothing" : "a request"));

    renewals.distrustOthers();

    assertThat(renewals.provesIdentity(BEFORE)).isFalse();
    assertThat(renewals.isAskedFor(BEFORE)).isFalse();
    assertThat(told).containsExactly("nothing");
    assertThat(renewals.isIdle()).isFalse();
  }

  @Test
  void leavesOfTheIssuerThatIsAskedForAfterwardsProveAnIdentity() {
    renewals.distrustOthers();
    renewals.ask("rotation", AFTER, Duration.ZERO);
    // The compromise is still known.
    renewals.distrustOthers();

    assertThat(renewals.provesIdentity(AFTER)).isTrue();
    assertThat(renewals.provesIdentity(BEFORE)).isFalse();
    assertThat(Objects.requireNonNull(renewals.message()).getId())
        .isEqualTo("rotation-bbbbbbbbbbbbbbbb");

    renewals.end();
    assertThat(renewals.provesIdentity(BEFORE)).isTrue();
  }
}
