package io.signetmesh.policy.lint;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.bundle;
import static io.signetmesh.policy.TestPolicies.configMap;
import static io.signetmesh.policy.TestPolicies.deny;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.rego;
import static io.signetmesh.policy.TestPolicies.rules;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.toNamespace;
import static io.signetmesh.policy.TestPolicies.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.rego.KnownBundle;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is found about RegoAuthentications. */
final class RegoFindingsTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final ServerModel SERVER = server("web", 8080, APP);
  private static final PolicyObject POLICY = policy("p", toServer("web"), rego("rules"));

  private static List<String> findings(PolicyObject... objects) {
    List<PolicyObject> all = new ArrayList<>(List.of(pod("web", APP), SERVER));
    for (PolicyObject object : objects) {
      all.removeIf(other -> other.ref().equals(object.ref()));
      all.add(object);
    }
    return new IndexLinter(TestPolicies.index(CONFIG, all.toArray(PolicyObject[]::new)))
        .findings().stream()
            .map(
                finding ->
                    "%s %s %s: %s"
                        .formatted(
                            finding.severity(),
                            finding.rule().text(),
                            finding.object(),
                            finding.message()))
            .toList();
  }

  private static RegoModel.Authentication fetched(DocumentLocation location) {
    return rules(
        "rules", new BundleSource.Fetched(location, Duration.ofMinutes(5), Duration.ofHours(24)));
  }

  private static RegoModel.FetchedBundle last(
      DocumentLocation location, KnownBundle bundle, String failure) {
    return new RegoModel.FetchedBundle(
        new ObjectRef(ObjectRef.Kind.POLICY_BUNDLE, NS, "rules"), location, bundle, null, failure);
  }

  @Test
  void oneThatNobodyRequiresIsTold() {
    assertThat(findings(rules("rules", "m"), configMap("m", bundle(1))))
        .containsExactly(
            "WARNING authentication-unused RegoAuthentication shop/rules: no AuthorizationPolicy"
                + " and no DenyPolicy requires it");
  }

  @Test
  void oneThatNobodyKnowsOfGrantsNothingAndItsNearestNameIsTold() {
    assertThat(
            findings(
                policy("p", toServer("web"), rego("ruls")),
                policy("q", toServer("web"), rego("rules")),
                rules("rules", "m"),
                configMap("m", bundle(1))))
        .containsExactly(
            "ERROR dangling-reference AuthorizationPolicy shop/p: requires"
                + " policy.signetmesh.io/RegoAuthentication ruls, but there is no"
                + " RegoAuthentication shop/ruls (did you mean \"rules\"?); it grants nothing");
  }

  @Test
  void aBundleThatIsNotInItsConfigMapIsTold() {
    assertThat(findings(POLICY, rules("rules", "m")))
        .containsExactly(
            "ERROR dangling-reference RegoAuthentication shop/rules: has its bundle in ConfigMap"
                + " shop/m, which is not there; no request passes");
    assertThat(
            findings(
                POLICY,
                rules("rules", new BundleSource.Held("m", "bb")),
                configMap("m", bundle(1))))
        .containsExactly(
            "ERROR dangling-reference RegoAuthentication shop/rules: has its bundle in the entry"
                + " \"bb\" of ConfigMap shop/m, which has none of that name (did you mean \"b\"?);"
                + " no request passes");
    assertThat(findings(POLICY, rules("rules", "m"), configMap("m", KnownBundle.none("it is bad"))))
        .containsExactly(
            "ERROR bundle-unavailable RegoAuthentication shop/rules: it is bad; no request"
                + " passes");
  }

  @Test
  void aBundleThatCannotBeFetchedIsToldAndOneThatWasNotTriedIsNot() {
    DocumentLocation url = DocumentLocation.bundle("https://bundles.example/a?key=s3cret", "");
    assertThat(findings(POLICY, fetched(url))).isEmpty();
    assertThat(findings(POLICY, fetched(url), last(url, KnownBundle.none("away"), "away")))
        .containsExactly(
            "ERROR bundle-unavailable RegoAuthentication shop/rules: bundle of"
                + " https://bundles.example/a?…: away; no request passes");
    assertThat(findings(POLICY, fetched(url), last(url, bundle(1), "it cannot be")))
        .containsExactly("WARNING bundle-stale RegoAuthentication shop/rules: it cannot be");
    DocumentLocation file = DocumentLocation.bundleFile(NS, "b.tar.gz");
    assertThat(findings(POLICY, fetched(file), last(file, KnownBundle.none("gone"), "gone")))
        .containsExactly(
            "ERROR bundle-unavailable RegoAuthentication shop/rules: bundle of file shop/b.tar.gz:"
                + " gone; no request passes");
  }

  @Test
  void aPortWithoutRequestsCannotAskABundle() {
    PolicyObject opaque = TestPolicies.speaking(SERVER, ProxyProtocol.OPAQUE);
    assertThat(findings(opaque, POLICY, rules("rules", "m"), configMap("m", bundle(1))))
        .containsExactly(
            "ERROR rego-on-opaque-port AuthorizationPolicy shop/p: requires"
                + " policy.signetmesh.io/RegoAuthentication rules, but the Server web is opaque or"
                + " TLS, where no request is seen; it grants nothing");
    assertThat(
            findings(
                opaque,
                deny("q", toServer("web"), rego("rules")),
                rules("rules", "m"),
                configMap("m", bundle(1))))
        .singleElement()
        .asString()
        .contains("WARNING rego-on-opaque-port", "refuses more than is written");
  }

  @Test
  void bundlesThatAMessageHasNoRoomForAreTold() {
    assertThat(
            findings(
                policy("p", toServer("web"), rego("a"), rego("b")),
                policy("q", toNamespace(NS), rego("c")),
                rules("a", "m"),
                rules("b", "m"),
                rules("c", "n"),
                configMap("m", bundle(1, KnownBundle.MAX_BYTES)),
                configMap("n", bundle(2, 8))))
        .containsExactly(
            "ERROR bundles-too-large Server shop/web: its policies require 3 RegoAuthentications"
                + " with bundles of 2097160 bytes together: expected at most 2097152"
                + " and 32 bundles; of those beyond, by name, no request passes");
  }
}
