package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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
