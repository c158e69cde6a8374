package io.signetmesh.policy.stream;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.WEB;
import static io.signetmesh.policy.TestPolicies.index;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.toServer;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.signetmesh.cluster.ClusterView;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.ObjectReach;
import io.signetmesh.v1.ObjectStatus;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What operators are told of policy objects. */
final class EnforcementServiceTest {
  private static final Map<String, String> APP = Map.of("app", "web");

  private final PolicyIndex index =
      index(
          CONFIG,
          pod("web", APP),
          server("web", 8080, APP),
          server("admin", 9990, APP),
          server("other", 8080, Map.of("app", "nobody")),
          policy("typo", toServer("wbe")));
  private final EnforcementLedger ledger =
      new EnforcementLedger(InstantSource.fixed(Instant.EPOCH));

  private EnforcementStatus status(String namespace) {
    return new EnforcementService(
            new IndexLinter(index),
            ledger,
            List::of,
            new PortInspections(
                new IndexLinter(index), finding -> finding, () -> ClusterView.EMPTY),
            TestPolicies.documents(),
            Runnable::run)
        .status(namespace);
  }

  /** The proxy of pod web watches port 8080, and nothing else. */
  private void connect() {
    EffectivePolicy newest = index.policy(WEB, 8080).orElseThrow();
    ledger.opened(
        WEB,
        8080,
        new StreamProgress() {
          @Override
          public EffectivePolicy sent() {
            return newest;
          }

          @Override
          public @Nullable EffectivePolicy pending() {
            return null;
          }

          @Override
          public boolean acknowledges() {
            return true;
          }
        });
    ledger.acknowledged(WEB, 8080, "", newest.generation(), "");
  }

  @Test
  void everyPolicyObjectIsListedAlsoThoseInForceNowhere() {
    connect();
    assertThat(status("").getObjectsList())
        .extracting(
            object -> object.getObject().getName(),
            ObjectStatus::getReach,
            ObjectStatus::getProxies,
            ObjectStatus::getProxiesInForce,
            ObjectStatus::getRule)
        .containsExactly(
            tuple("admin", ObjectReach.OBJECT_REACH_NO_PROXY, 0, 0, ""),
            tuple("other", ObjectReach.OBJECT_REACH_NO_PORT, 0, 0, "selects-nothing"),
            tuple("web", ObjectReach.OBJECT_REACH_PROXIES, 1, 1, ""),
            tuple("typo", ObjectReach.OBJECT_REACH_NO_PORT, 0, 0, "dangling-reference"));
    assertThat(status("").getObjectsList())
        .extracting(ObjectStatus::getReason)
        .satisfiesExactly(
            admin ->
                assertThat(admin).isEqualTo("no connected proxy watches a port that it affects"),
            other -> assertThat(other).contains("selects no workload of namespace shop"),
            web -> assertThat(web).isEmpty(),
            typo -> assertThat(typo).contains("\"wbe\"", "did you mean \"web\"?"));
  }

  @Test
  void objectsInForceNowhereAreOfTheirNamespaceToo() {
    assertThat(status(NS).getObjectsList()).hasSize(4);
    assertThat(status("elsewhere").getObjectsList()).isEmpty();
  }

  @Test
  void errorsOfManifestsAndOfPolicyAreCountedApartAndByNamespace() {
    List<ReportedFinding> findings =
        List.of(
            new ReportedFinding(true, ReportedFinding.INVALID_MANIFEST, NS, "one"),
            new ReportedFinding(true, "dangling-reference", NS, "two"),
            new ReportedFinding(true, "bad-target", "elsewhere", "three"),
            new ReportedFinding(false, "selects-nothing", NS, "four"));
    EnforcementService service =
        new EnforcementService(
            new IndexLinter(index),
            ledger,
            () -> findings,
            new PortInspections(
                new IndexLinter(index), finding -> finding, () -> ClusterView.EMPTY),
            TestPolicies.documents(),
            Runnable::run);
    assertThat(service.status("").getInvalidManifests()).isEqualTo(1);
    assertThat(service.status("").getPolicyErrors()).isEqualTo(2);
    assertThat(service.status(NS).getPolicyErrors()).isEqualTo(1);
  }
}
