package io.signetmesh.policy.lint;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;
import static io.signetmesh.policy.TestPolicies.deny;
import static io.signetmesh.policy.TestPolicies.index;
import static io.signetmesh.policy.TestPolicies.meshTls;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.rateLimit;
import static io.signetmesh.policy.TestPolicies.route;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.serverAuthorization;
import static io.signetmesh.policy.TestPolicies.speaking;
import static io.signetmesh.policy.TestPolicies.toNamespace;
import static io.signetmesh.policy.TestPolicies.toRoute;
import static io.signetmesh.policy.TestPolicies.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.UnusableModel;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Which policy objects affect no port, and the reason that is given. */
final class ObjectScopesTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final Map<String, String> NOBODY = Map.of("app", "nobody");

  private static List<String> portless(PolicyObject... objects) {
    return new IndexLinter(index(CONFIG, objects))
        .scopes().stream()
            .filter(scope -> !scope.hasPorts())
            .map(
                scope ->
                    scope.source().object()
                        + ": "
                        + scope.reason()
                        + (scope.rule() == null ? "" : " (" + scope.rule().text() + ")"))
            .toList();
  }

  @Test
  void objectsWithPortsHaveNoReason() {
    PolicyObject[] objects = {
      pod("web", APP),
      server("web", 8080, APP),
      policy("p", toServer("web")),
      policy("n", toNamespace(NS)),
      policy("r", toRoute("orders")),
      deny("d", toNamespace(NS)),
      route("orders", "web"),
      rateLimit("l", "web", 5, START),
      serverAuthorization("s", "web", true, null)
    };
    assertThat(portless(objects)).isEmpty();
    assertThat(new IndexLinter(index(CONFIG, objects)).scopes())
        .hasSize(8)
        .allSatisfy(scope -> assertThat(scope.reason()).isEmpty());
  }

  @Test
  void aServerThatSelectsNothingSaysSoAndWhatIsAboutItSaysThatToo() {
    String nothing = "spec.podSelector selects no workload of namespace shop (selects-nothing)";
    assertThat(
            portless(
                pod("web", APP),
                server("web", 8080, NOBODY),
                policy("p", toServer("web")),
                policy("r", toRoute("orders")),
                deny("d", toServer("web")),
                route("orders", "web"),
                rateLimit("l", "web", 5, START),
                serverAuthorization("s", "web", true, null)))
        .containsExactly(
            "Server shop/web: " + nothing,
            "AuthorizationPolicy shop/p: it is about Server shop/web, which affects no port: "
                + nothing,
            "AuthorizationPolicy shop/r: it is about HTTPRoute shop/orders, which affects no port:"
                + " it is about Server shop/web, which affects no port: "
                + nothing,
            "ServerAuthorization shop/s: it is about Server shop/web, which affects no port: "
                + nothing,
            "DenyPolicy shop/d: it is about Server shop/web, which affects no port: " + nothing,
            "HTTPRoute shop/orders: it is about Server shop/web, which affects no port: " + nothing,
            "HTTPLocalRateLimitPolicy shop/l: it is about Server shop/web, which affects no port: "
                + nothing);
  }

  @Test
  void aTargetThatIsNotThereIsTheReason() {
    assertThat(
            portless(
                pod("web", APP),
                server("web", 8080, APP),
                policy("p", toServer("wbe")),
                deny("d", toRoute("orders"), meshTls("neither"))))
        .satisfiesExactly(
            policy ->
                assertThat(policy)
                    .startsWith("AuthorizationPolicy shop/p: spec.targetRef.name names the Server")
                    .contains("did you mean \"web\"?")
                    .endsWith("(dangling-reference)"),
            denial ->
                assertThat(denial)
                    .startsWith("DenyPolicy shop/d: spec.targetRef names the HTTPRoute \"orders\"")
                    .endsWith("(dangling-reference)"));
  }

  @Test
  void anAuthorizationThatGrantsNothingIsInForceNowhere() {
    assertThat(
            portless(
                pod("web", APP),
                server("web", 8080, APP),
                policy("p", toServer("web"), meshTls("m"))))
        .singleElement()
        .asString()
        .startsWith(
            "AuthorizationPolicy shop/p: requires policy.linkerd.io/MeshTLSAuthentication m")
        .endsWith("it grants nothing (dangling-reference)");
  }

  @Test
  void aNamespaceWithoutProxiesIsTheReasonOfWhatIsAboutAllOfIt() {
    assertThat(portless(policy("p", toNamespace(NS)), deny("d", toNamespace(NS))))
        .containsExactly(
            "AuthorizationPolicy shop/p: no Server of namespace shop that is understood has a port",
            "DenyPolicy shop/d: namespace shop has no workload with a proxy");
  }

  @Test
  void aServerThatLostItsPortsToAnOlderOneNamesIt() {
    assertThat(
            portless(
                pod("web", APP),
                server("web", 8080, APP),
                TestPolicies.server(
                    "young",
                    new ServerModel.Port.ByNumber(8080),
                    APP,
                    START.plusSeconds(1),
                    AccessPolicy.DENY)))
        .containsExactly(
            "Server shop/young: port 8080 of Pod shop/web belongs to Server shop/web, which is older"
                + " or first by name; this Server has no effect there (port-conflict)");
  }

  @Test
  void whatItsServerHasNoUseForSaysSo() {
    assertThat(
            portless(
                pod("web", APP),
                speaking(server("web", 8080, APP), ProxyProtocol.OPAQUE),
                policy("r", toRoute("orders")),
                route("orders", "web"),
                rateLimit("l", "web", 5, START)))
        .satisfiesExactly(
            policy ->
                assertThat(policy)
                    .startsWith(
                        "AuthorizationPolicy shop/r: it is about HTTPRoute shop/orders, which affects"
                            + " no port: is attached to the Server web, whose protocol opaque"),
            route -> assertThat(route).endsWith("has no use for it (route-unused)"),
            limit -> assertThat(limit).endsWith("has none (limit-unused)"));
  }

  @Test
  void anObjectThatIsNotUnderstoodIsListed() {
    assertThat(
            portless(
                pod("web", APP),
                new UnusableModel(
                    new ObjectRef(ObjectRef.Kind.AUTHORIZATION_POLICY, NS, "p"), "", "it is odd"),
                new UnusableModel(
                    new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, "n"),
                    "",
                    "it is odd")))
        .containsExactly(
            "AuthorizationPolicy shop/p: it is odd; it grants nothing (not-understood)");
  }

  @Test
  void theAnswerFollowsChanges() {
    PolicyIndex index = index(CONFIG, server("web", 8080, APP));
    IndexLinter linter = new IndexLinter(index);
    assertThat(linter.scopes()).noneMatch(ObjectScope::hasPorts);
    index.apply(List.of(pod("web", APP)), List.of());
    assertThat(linter.scopes()).hasSize(1).allMatch(ObjectScope::hasPorts);
    index.apply(List.of(), List.of(ObjectRef.pod(NS, "web")));
    assertThat(linter.scopes()).noneMatch(ObjectScope::hasPorts);
  }
}
