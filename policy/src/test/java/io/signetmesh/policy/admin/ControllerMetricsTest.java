package io.signetmesh.policy.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.policy.index.PolicyConfig;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.stream.EnforcementLedger;
import io.signetmesh.policy.stream.ReportedFinding;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Metrics of a controller. */
final class ControllerMetricsTest {
  private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(1_700));

  private final PolicyIndex index =
      new PolicyIndex(PolicyConfig.defaults("signet", "cluster.local"), CLOCK);
  private final ControllerMetrics metrics = new ControllerMetrics();
  private final EnforcementLedger ledger = new EnforcementLedger(CLOCK, metrics::acknowledged);

  private List<String> lines(ReportedFinding... findings) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    metrics.write(out, index, ledger, () -> List.of(findings));
    return out.toString(StandardCharsets.UTF_8).lines().toList();
  }

  @Test
  void statesAreThoseOfTheMomentOfTheScrape() throws IOException {
    assertThat(lines())
        .contains("signet_policy_generation 1700.0")
        .contains("signet_policy_watched_ports 0.0", "signet_policy_streams 0.0")
        .contains("signet_policy_ports{state=\"behind\"} 0.0")
        .contains("signet_policy_objects_left_out 0.0")
        .contains("signet_policy_messages_total 0.0", "signet_policy_changes_total 0.0");
  }

  @Test
  void findingsAreCountedByRule() throws IOException {
    assertThat(
            lines(
                new ReportedFinding(true, "invalid-manifest", "a", "x"),
                new ReportedFinding(true, "invalid-manifest", "b", "y"),
                new ReportedFinding(false, "selects-nothing", "b", "z")))
        .contains("signet_policy_findings{rule=\"invalid-manifest\",severity=\"error\"} 2.0")
        .contains("signet_policy_findings{rule=\"selects-nothing\",severity=\"warning\"} 1.0");
  }

  @Test
  void timesOfAcknowledgementsCountFromTheirChange() throws IOException {
    metrics.applied(1_701, 2_000_000);
    metrics.acknowledged(1_701);
    metrics.acknowledged(1_701);
    // A generation that is not known any more, or never was, has no time.
    metrics.acknowledged(1_701 - 1_024);
    metrics.acknowledged(9_999);
    assertThat(lines())
        .contains("signet_policy_apply_seconds_count 1")
        .contains("signet_policy_apply_seconds_bucket{le=\"0.0025\"} 1")
        .contains("signet_policy_acknowledge_seconds_count 2");
  }
}
