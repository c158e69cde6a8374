package io.signetmesh.policy.admin;

import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.fetch.DocumentMemory;
import io.signetmesh.policy.fetch.Documents;
import io.signetmesh.policy.fetch.FetchException;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.stream.EnforcementLedger;
import io.signetmesh.policy.stream.ReportedFinding;
import io.signetmesh.policy.token.KeySource;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Metrics of a controller. */
final class ControllerMetricsTest {
  private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(1_700));

  private final PolicyIndex index =
      new PolicyIndex(PolicyConfig.defaults("signet", "cluster.local"), CLOCK);
  private final ServerMeters meters =
      ServerMeters.start(
          "policy", () -> new ControlLoops.Load(0, 0, 0, 0, Map.of(), Map.of()), null);
  private final Documents documents =
      new Documents(
          location -> {
            throw new FetchException(FetchException.Kind.NAME, "nowhere");
          },
          DocumentMemory.none(),
          Runnable::run,
          CLOCK,
          new Random(1));
  private final ControllerMetrics metrics = new ControllerMetrics(meters);
  private final EnforcementLedger ledger = new EnforcementLedger(CLOCK, metrics::acknowledged);

  private List<String> lines(ReportedFinding... findings) {
    metrics.bind(new IndexLinter(index), ledger, () -> List.of(findings), documents);
    return meters.text().lines().toList();
  }

  @AfterEach
  void close() {
    meters.close();
  }

  @Test
  void statesAreThoseOfTheMomentOfTheScrape() {
    assertThat(lines())
        .contains("signet_policy_generation 1700.0")
        .contains("signet_policy_watched_ports 0.0", "signet_policy_streams 0.0")
        .contains("signet_policy_ports{state=\"behind\"} 0.0")
        .contains("signet_policy_objects_left_out 0.0")
        .contains("signet_policy_messages_total 0.0", "signet_policy_changes_total 0.0");
  }

  @Test
  void objectsThatAreInForceNowhereHaveSeriesThatSayWhy() {
    index.apply(
        List.of(
            pod("web", Map.of("app", "web")),
            server("web", 8080, Map.of("app", "web")),
            policy("typo", toServer("wbe"))),
        List.of());
    assertThat(lines())
        .contains(
            "signet_policy_object_nowhere{group=\"policy.linkerd.io\",kind=\"Server\",mode=\"enforce\","
                + "name=\"web\",namespace=\"shop\",rule=\"\",state=\"no_proxy\"} 1.0",
            "signet_policy_object_nowhere{group=\"policy.linkerd.io\",kind=\"AuthorizationPolicy\","
                + "mode=\"enforce\",name=\"typo\",namespace=\"shop\",rule=\"dangling-reference\","
                + "state=\"no_port\"} 1.0",
            "signet_policy_objects_left_out 0.0");
  }

  @Test
  void theNumberOfObjectsInForceNowhereIsBoundedAndThoseWithoutPortComeFirst() {
    List<PolicyObject> objects = new ArrayList<>();
    objects.add(pod("web", Map.of("app", "web")));
    objects.add(server("a-web", 8080, Map.of("app", "web")));
    for (int i = 0; i < ControllerMetrics.MAX_OBJECTS; i++) {
      objects.add(server("s" + i, 8080, Map.of("app", "nobody")));
    }
    index.apply(objects, List.of());
    List<String> lines = lines();
    assertThat(lines)
        .contains("signet_policy_objects_left_out 1.0")
        .noneMatch(line -> line.contains("a-web"))
        .filteredOn(line -> line.startsWith("signet_policy_object_nowhere{"))
        .hasSize(ControllerMetrics.MAX_OBJECTS);
  }

  @Test
  void eachKeySetHasItsStateItsAgeAndItsLastError() {
    documents.follow(
        Map.of(
            TestPolicies.tokens("staff").ref(),
            Optional.of(
                new KeySource.Fetched(
                    TestPolicies.location("a"), Duration.ofMinutes(5), Duration.ofHours(1)))));
    documents.tick((changed, removed) -> {});
    assertThat(lines())
        .contains("signet_policy_key_sets{state=\"unavailable\"} 1.0")
        .contains("signet_policy_key_sets{state=\"fresh\"} 0.0")
        .contains("signet_policy_key_set_fetches_total{result=\"failed\"} 1.0")
        .contains(
            "signet_policy_key_set_keys{name=\"staff\",namespace=\"shop\",state=\"unavailable\"}"
                + " 0.0")
        .contains(
            "signet_policy_key_set_failing_seconds{error=\"name\",name=\"staff\","
                + "namespace=\"shop\"} 0.0")
        .contains("signet_policy_key_sets_left_out 0.0")
        .noneMatch(line -> line.startsWith("signet_policy_key_set_age_seconds{"));
  }

  @Test
  void eachBundleHasItsStateItsAgeAndItsLastError() {
    documents.follow(
        Map.of(
            TestPolicies.rules("rules", "none").ref(),
            Optional.of(
                new BundleSource.Fetched(
                    DocumentLocation.bundle("https://id.example/b", ""),
                    Duration.ofMinutes(5),
                    Duration.ofHours(1)))));
    documents.tick((changed, removed) -> {});
    assertThat(lines())
        .contains("signet_policy_bundles{state=\"unavailable\"} 1.0")
        .contains("signet_policy_key_sets{state=\"unavailable\"} 0.0")
        .contains("signet_policy_bundle_fetches_total{result=\"failed\"} 1.0")
        .contains("signet_policy_key_set_fetches_total{result=\"failed\"} 0.0")
        .contains(
            "signet_policy_bundle_bytes{name=\"rules\",namespace=\"shop\",state=\"unavailable\"}"
                + " 0.0")
        .contains(
            "signet_policy_bundle_failing_seconds{error=\"name\",name=\"rules\","
                + "namespace=\"shop\"} 0.0")
        .contains("signet_policy_bundles_left_out 0.0")
        .noneMatch(line -> line.startsWith("signet_policy_bundle_age_seconds{"));
  }

  @Test
  void findingsAreCountedByRule() {
    assertThat(
            lines(
                new ReportedFinding(true, "invalid-manifest", "a", "x"),
                new ReportedFinding(true, "invalid-manifest", "b", "y"),
                new ReportedFinding(false, "selects-nothing", "b", "z")))
        .contains("signet_policy_findings{rule=\"invalid-manifest\",severity=\"error\"} 2.0")
        .contains("signet_policy_findings{rule=\"selects-nothing\",severity=\"warning\"} 1.0");
  }

  @Test
  void timesOfAcknowledgementsCountFromTheirChange() {
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
