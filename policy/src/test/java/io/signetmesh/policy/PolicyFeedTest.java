package io.signetmesh.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.egress.EgressNetwork;
import io.signetmesh.crds.egress.EgressNetworkSpec;
import io.signetmesh.crds.egress.TrafficPolicy;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Position;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.policy.admin.ControllerMetrics;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.fetch.Documents;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.model.ObjectRef;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How the changes of a cluster reach the index. */
final class PolicyFeedTest {
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.parse("2026-11-01T00:00:00Z"));
  private static final Pod WEB = ClusterObjects.pod("web");
  private static final Server SERVER = ClusterObjects.server("web", "web", 8080);

  private final PolicyIndex index =
      new PolicyIndex(PolicyConfig.defaults("signet", "cluster.local"), CLOCK);
  private final List<ObjectRef> gone = new ArrayList<>();
  private final List<AdministrativeEvent> records = new ArrayList<>();
  private final Documents documents = TestPolicies.documents();
  private final PolicyFeed feed =
      new PolicyFeed(
          new IndexLinter(index),
          documents,
          gone::add,
          event -> records.add((AdministrativeEvent) event),
          CLOCK,
          new ControllerMetrics(ServerMeters.none()),
          Runnable::run);

  @Test
  void whatWentAwayBeforeTheSubscriptionIsTakenOut() {
    feed.start(view(1, WEB, SERVER));
    assertThat(serverOfWeb()).isEqualTo("policy.linkerd.io/server/web");

    ClusterView later = view(2, WEB);
    feed.changed(later, ClusterChange.between(ClusterView.EMPTY, later));
    assertThat(serverOfWeb()).isEqualTo("default/deny");
  }

  @Test
  void theFirstCallOfASubscriptionChangesNothingByItself() {
    ClusterView view = view(1, WEB, SERVER);
    feed.start(view);
    long generation = index.generation();
    feed.changed(view, ClusterChange.between(ClusterView.EMPTY, view));
    assertThat(index.generation()).isEqualTo(generation);
    assertThat(records).hasSize(1);
  }

  @Test
  void aPodThatLeavesTheMeshIsNoWorkloadAnyMore() {
    feed.start(view(1, WEB, SERVER));
    Pod bare =
        new PodBuilder(WEB).editMetadata().withLabels(Map.of("app", "web")).endMetadata().build();
    follow(view(1, WEB, SERVER), view(2, bare, SERVER));
    assertThat(index.workload(ObjectRef.pod("shop", "web"))).isEmpty();
    assertThat(gone).containsExactly(ObjectRef.pod("shop", "web"));
  }

  @Test
  void aWorkloadThatChangesIsNotGone() {
    feed.start(view(1, WEB, SERVER));
    Pod changed = new PodBuilder(WEB).editMetadata().addToLabels("tier", "1").endMetadata().build();
    follow(view(1, WEB, SERVER), view(2, changed, SERVER));
    assertThat(gone).isEmpty();
  }

  @Test
  void aChangeThatPolicyDoesNotDependOnIsNotOnRecord() {
    feed.start(view(1, WEB));
    Pod ready = new PodBuilder(WEB).withNewStatus().withPhase("Running").endStatus().build();
    follow(view(1, WEB), view(2, ready));
    assertThat(records).hasSize(1);
  }

  @Test
  void findingsNameThePlaceWhereTheObjectIsNow() {
    AuthorizationPolicy typo = ClusterObjects.allow("p", "wbe");
    feed.start(at(1, typo, 10, WEB, SERVER));
    assertThat(feed.findings()).singleElement().matches(f -> f.origin().equals("shop.yaml:10:1"));

    // Another object is added above it in the file; the policy itself is the same.
    Server more = ClusterObjects.server("api", "web", 9090);
    ClusterView moved = at(2, typo, 25, WEB, SERVER, more);
    feed.changed(moved, ClusterChange.between(ClusterView.EMPTY, moved));
    assertThat(feed.findings()).singleElement().matches(f -> f.origin().equals("shop.yaml:25:1"));
    assertThat(feed.findings().getFirst().message()).contains("did you mean \"web\"?");
  }

  @Test
  void invalidManifestsAreOnRecordOnceAndReportedUntilTheyAreMended() {
    feed.start(view(1, WEB, SERVER));
    long generation = index.generation();
    ClusterView bad = withError(4);
    feed.changed(bad, ClusterChange.between(ClusterView.EMPTY, bad));
    assertThat(records.getLast().act()).isEqualTo("policy-rejected");
    assertThat(records.getLast().attributes())
        .containsEntry("errors", "1")
        .containsEntry("generation", Long.toString(generation));
    assertThat(records.getLast().attributes().get("findings")).startsWith("shop.yaml:4:9: error:");
    assertThat(serverOfWeb()).isEqualTo("policy.linkerd.io/server/web");

    // The same, a line further down.
    int recorded = records.size();
    ClusterView moved = withError(5);
    feed.changed(moved, ClusterChange.between(bad, moved));
    assertThat(records).hasSize(recorded);
    assertThat(feed.reported())
        .singleElement()
        .matches(finding -> finding.isError() && finding.namespace().equals("shop"))
        .matches(finding -> finding.rule().equals("invalid-manifest"))
        .matches(finding -> finding.text().startsWith("shop.yaml:5:9: error: "));

    ClusterView good = view(4, WEB, SERVER);
    feed.changed(good, ClusterChange.between(moved, good));
    assertThat(records.getLast().act()).isEqualTo("policy-mended");
    assertThat(feed.reported()).isEmpty();
  }

  @Test
  void whatIsWrongWithObjectsTogetherIsOnRecordOnce() {
    feed.start(view(1, WEB, SERVER, ClusterObjects.allow("p", "wbe")));
    assertThat(records)
        .extracting(AdministrativeEvent::act)
        .containsExactly("policy-applied", "policy-findings");
    assertThat(records.getLast().attributes()).containsEntry("errors", "1");
    assertThat(records.getLast().attributes().get("findings")).contains("did you mean \"web\"?");

    ClusterView more =
        view(
            2, WEB, SERVER, ClusterObjects.allow("p", "wbe"), ClusterObjects.server("x", "web", 1));
    feed.changed(more, ClusterChange.between(ClusterView.EMPTY, more));
    assertThat(records.getLast().act()).isEqualTo("policy-applied");
  }

  @Test
  void whatIsNotInForceIsReportedAndOnRecordFromTheStart() {
    feed.start(view(1, WEB, SERVER, egress("all", TrafficPolicy.DENY)));
    assertThat(records.getLast().act()).isEqualTo("policy-findings");
    assertThat(records.getLast().attributes()).containsEntry("errors", "1");
    assertThat(feed.reported())
        .singleElement()
        .matches(finding -> finding.isError() && finding.namespace().equals("shop"))
        .matches(finding -> finding.rule().equals("not-in-force"))
        .matches(finding -> finding.text().contains("EgressNetwork shop/all: trafficPolicy Deny"));
  }

  @Test
  void whatIsNotInForceIsOnRecordThoughPolicyDoesNotDependOnIt() {
    ClusterView first = view(1, WEB, SERVER);
    feed.start(first);
    long generation = index.generation();
    follow(first, view(2, WEB, SERVER, egress("all", TrafficPolicy.ALLOW)));
    assertThat(index.generation()).isEqualTo(generation);
    assertThat(records.getLast().act()).isEqualTo("policy-findings");
    assertThat(records.getLast().attributes()).containsEntry("warnings", "1");
  }

  private static ClusterView manifests(long revision, String... documents) {
    var read =
        new ManifestReader(AdmissionRules::check).read("m.yaml", String.join("---\n", documents));
    return ClusterView.of(revision, read.objects().values(), Map.of());
  }

  private List<String> fetched() {
    List<String> names = new ArrayList<>();
    for (ObjectRef.Kind kind :
        List.of(ObjectRef.Kind.JWT_AUTHENTICATION, ObjectRef.Kind.REGO_AUTHENTICATION)) {
      documents
          .statuses(kind)
          .forEach(status -> names.add(status.authentication().qualifiedName()));
    }
    return names;
  }

  @Test
  void onlyWhatAPolicyRequiresIsFetched() {
    String rules =
        """
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: RegoAuthentication
        metadata: {name: rules, namespace: shop}
        spec: {entrypoint: mesh/allow, bundle: {url: 'https://id.example/%s'}}
        """;
    String users =
        """
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: JWTAuthentication
        metadata: {name: users, namespace: shop}
        spec: {issuer: 'https://id.example', anyAudience: true,
          keys: {jwksUri: 'https://id.example/keys'}}
        """;
    String policy =
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: p, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: web}
          requiredAuthenticationRefs:
          - {group: policy.signetmesh.io, kind: %s, name: %s}
        """;
    ClusterView unused = manifests(1, rules.formatted("a"), users);
    feed.start(unused);
    assertThat(fetched()).isEmpty();
    ClusterView byRules =
        manifests(2, rules.formatted("a"), users, policy.formatted("RegoAuthentication", "rules"));
    follow(unused, byRules);
    assertThat(fetched()).containsExactly("shop/rules");
    ClusterView byUsers =
        manifests(3, rules.formatted("a"), users, policy.formatted("JWTAuthentication", "users"));
    follow(byRules, byUsers);
    assertThat(fetched()).containsExactly("shop/users");
    ClusterView edited =
        manifests(4, rules.formatted("b"), users, policy.formatted("RegoAuthentication", "rules"));
    follow(byUsers, edited);
    assertThat(documents.statuses(ObjectRef.Kind.REGO_AUTHENTICATION).getFirst().location().url())
        .isEqualTo("https://id.example/b");
    follow(edited, manifests(5, users));
    assertThat(fetched()).isEmpty();
  }

  private static EgressNetwork egress(String name, TrafficPolicy policy) {
    return new EgressNetwork(ClusterObjects.meta(name), new EgressNetworkSpec(policy, null));
  }

  private static ClusterView withError(int line) {
    try (InMemorySource source = new InMemorySource(List.of(WEB, SERVER))) {
      return source.replace(
          List.of(WEB, SERVER),
          List.of(
              ManifestFinding.error(SERVER.key(), "spec.port", "expected a number")
                  .at(new Position("shop.yaml", line, 9))));
    }
  }

  private String serverOfWeb() {
    return index.policy(ObjectRef.pod("shop", "web"), 8080).orElseThrow().serverLabel();
  }

  private void follow(ClusterView older, ClusterView newer) {
    feed.changed(older, ClusterChange.between(ClusterView.EMPTY, older));
    feed.changed(newer, ClusterChange.between(older, newer));
  }

  private static ClusterView view(long revision, HasMetadata... objects) {
    return ClusterView.of(revision, List.of(objects), Map.of());
  }

  private static ClusterView at(
      long revision, AuthorizationPolicy policy, int line, HasMetadata... objects) {
    return ClusterView.of(
        revision,
        ClusterObjects.with(List.of(objects), policy),
        Map.of(ResourceKey.of(policy), new Position("shop.yaml", line, 1)));
  }
}
