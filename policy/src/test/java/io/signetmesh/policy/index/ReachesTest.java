package io.signetmesh.policy.index;

import static io.signetmesh.policy.index.Facts.CONFIG;
import static io.signetmesh.policy.index.Facts.NS;
import static io.signetmesh.policy.index.Facts.START;
import static io.signetmesh.policy.index.Facts.deny;
import static io.signetmesh.policy.index.Facts.index;
import static io.signetmesh.policy.index.Facts.meshTls;
import static io.signetmesh.policy.index.Facts.pod;
import static io.signetmesh.policy.index.Facts.policy;
import static io.signetmesh.policy.index.Facts.rateLimit;
import static io.signetmesh.policy.index.Facts.route;
import static io.signetmesh.policy.index.Facts.server;
import static io.signetmesh.policy.index.Facts.serverAuthorization;
import static io.signetmesh.policy.index.Facts.speaking;
import static io.signetmesh.policy.index.Facts.toNamespace;
import static io.signetmesh.policy.index.Facts.toRoute;
import static io.signetmesh.policy.index.Facts.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.UnusableFact;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Which policy objects bear on no port, and the reason that is given. */
final class ReachesTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final Map<String, String> NOBODY = Map.of("app", "nobody");

  private static List<String> portless(Fact... facts) {
    return index(CONFIG, facts).reaches().stream()
        .filter(reach -> !reach.hasPorts())
        .map(
            reach ->
                reach.source().object()
                    + ": "
                    + reach.reason()
                    + (reach.rule() == null ? "" : " (" + reach.rule().text() + ")"))
        .toList();
  }

  @Test
  void objectsWithPortsHaveNoReason() {
    Fact[] facts = {
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
    assertThat(portless(facts)).isEmpty();
    assertThat(index(CONFIG, facts).reaches())
        .hasSize(8)
        .allSatisfy(reach -> assertThat(reach.reason()).isEmpty());
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
            "AuthorizationPolicy shop/p: it is about Server shop/web, which bears on no port: "
                + nothing,
            "AuthorizationPolicy shop/r: it is about HTTPRoute shop/orders, which bears on no port:"
                + " it is about Server shop/web, which bears on no port: "
                + nothing,
            "ServerAuthorization shop/s: it is about Server shop/web, which bears on no port: "
                + nothing,
            "DenyPolicy shop/d: it is about Server shop/web, which bears on no port: " + nothing,
            "HTTPRoute shop/orders: it is about Server shop/web, which bears on no port: "
                + nothing,
            "HTTPLocalRateLimitPolicy shop/l: it is about Server shop/web, which bears on no port: "
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
                Facts.server(
                    "young",
                    new ServerFact.Port.ByNumber(8080),
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
                        "AuthorizationPolicy shop/r: it is about HTTPRoute shop/orders, which bears"
                            + " on no port: is attached to the Server web, whose protocol opaque"),
            route -> assertThat(route).endsWith("has no use for it (route-unused)"),
            limit -> assertThat(limit).endsWith("has none (limit-unused)"));
  }

  @Test
  void anObjectThatIsNotUnderstoodIsListed() {
    assertThat(
            portless(
                pod("web", APP),
                new UnusableFact(
                    new ObjectRef(ObjectRef.Kind.AUTHORIZATION_POLICY, NS, "p"), "", "it is odd"),
                new UnusableFact(
                    new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, "n"),
                    "",
                    "it is odd")))
        .containsExactly(
            "AuthorizationPolicy shop/p: it is odd; it grants nothing (not-understood)");
  }

  @Test
  void theAnswerFollowsChanges() {
    PolicyIndex index = index(CONFIG, server("web", 8080, APP));
    assertThat(index.reaches()).noneMatch(ObjectReach::hasPorts);
    index.apply(List.of(pod("web", APP)), List.of());
    assertThat(index.reaches()).hasSize(1).allMatch(ObjectReach::hasPorts);
    index.apply(List.of(), List.of(ObjectRef.pod(NS, "web")));
    assertThat(index.reaches()).noneMatch(ObjectReach::hasPorts);
  }
}
