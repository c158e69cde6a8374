package io.signetmesh.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.signetmesh.e2e.harness.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The alerts in {@code examples/alerts}, as Prometheus itself understands them. */
final class TrustAlertsTest {
  private static final String RULES = "examples/alerts/trust-anchors.yaml";
  private static final Pattern METRIC = Pattern.compile("signet_[a-z_]+");
  private static final Pattern RUNBOOK = Pattern.compile("runbook: (\\S+)#(\\S+)");
  private static final Pattern ALERT = Pattern.compile("- alert: (\\S+)");

  @TempDir private Path directory;

  private static List<MatchResult> found(Pattern pattern) throws Exception {
    return pattern.matcher(Repository.text(RULES)).results().toList();
  }

  @Test
  void theirMetricsAreDocumentedAndTheirRunbooksExist() throws Exception {
    String metrics = Repository.text("docs/controller-metrics.md");
    assertThat(found(METRIC))
        .isNotEmpty()
        .allSatisfy(metric -> assertThat(metrics).contains("`" + metric.group() + "`"));
    assertThat(found(RUNBOOK))
        .hasSameSizeAs(found(ALERT))
        .allSatisfy(
            runbook ->
                assertThat(
                        Repository.text(runbook.group(1))
                            .lines()
                            .filter(line -> line.startsWith("## "))
                            .map(
                                line ->
                                    line.substring(3)
                                        .toLowerCase(Locale.ROOT)
                                        .replaceAll("[^a-z ]", ""))
                            .map(line -> line.replace(' ', '-')))
                    .contains(runbook.group(2)));
  }

  /** The only alert that fires, or {@code -} for none, when an anchor has that life left. */
  @ParameterizedTest
  @CsvSource({
    "8000000, -", // 92 days
    "7700000, SignetTrustAnchorEndsInThreeMonths", // 89 days
    "2590000, SignetTrustAnchorEndsInAMonth",
    "604000, SignetTrustAnchorEndsInAWeek",
    "-1, SignetTrustAnchorExpired"
  })
  void anAnchorNearItsEndFiresOneAlert(long secondsLeft, String expected) throws Exception {
    prove(
        "signet_certificate_expiry_seconds{certificate=\"trust_anchor\",server=\"identity\"}",
        secondsLeft,
        expected);
  }

  @ParameterizedTest
  @CsvSource({"0, -", "1, SignetIssuerOrAnchorEndsSoon", "2, SignetNothingCanBeIssued"})
  void theHealthOfTheCaFiresOneAlert(long health, String expected) throws Exception {
    prove("signet_identity_ca_health", health, expected);
  }

  @ParameterizedTest
  @CsvSource({
    "signet_trust_rotation_phase_duration_seconds, 172000, -",
    "signet_trust_rotation_phase_duration_seconds, 173000, SignetTrustRotationWaitsLong",
    "signet_trust_rotation_obstacles{kind=\"gone\"}, 3, -",
    "signet_trust_rotation_obstacles{kind=\"failure\"}, 1, SignetTrustRotationNeedsAnOperator"
  })
  void aRotationThatNeedsSomebodyFires(String series, long value, String expected)
      throws Exception {
    prove(series, value, expected);
  }

  private void prove(String series, long value, String expected) throws Exception {
    assumeTrue(
        Tool.run("", List.of("sh", "-c", "command -v promtool")).exitCode() == 0,
        "promtool (Debian: prometheus) is not installed");
    StringBuilder test =
        new StringBuilder()
            .append("rule_files: [")
            .append(Repository.path(RULES).toAbsolutePath())
            .append("]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n")
            .append("      - {series: '%s', values: '%dx120'}%n".formatted(series, value))
            .append("    promql_expr_test:\n")
            .append("      - expr: count by (alertname) (ALERTS{alertstate=\"firing\"})\n")
            .append("        eval_time: 100m\n");
    if (expected.equals("-")) {
      test.append("        exp_samples: []\n");
    } else {
      test.append(
          "        exp_samples: [{labels: '{alertname=\"%s\"}', value: 1}]%n".formatted(expected));
    }
    Path file = Files.writeString(directory.resolve("test.yaml"), test);

    Tool.Result result = Tool.run("promtool", "test", "rules", file.toString());

    assertThat(result.exitCode()).as("%s\n%s", result.output(), test).isZero();
  }
}
