package io.signetmesh.policy.lint;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;
import static io.signetmesh.policy.TestPolicies.WEB;
import static io.signetmesh.policy.TestPolicies.deny;
import static io.signetmesh.policy.TestPolicies.identities;
import static io.signetmesh.policy.TestPolicies.index;
import static io.signetmesh.policy.TestPolicies.jwt;
import static io.signetmesh.policy.TestPolicies.meshTls;
import static io.signetmesh.policy.TestPolicies.network;
import static io.signetmesh.policy.TestPolicies.networks;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.rateLimit;
import static io.signetmesh.policy.TestPolicies.route;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.serverAuthorization;
import static io.signetmesh.policy.TestPolicies.serviceAccount;
import static io.signetmesh.policy.TestPolicies.toNamespace;
import static io.signetmesh.policy.TestPolicies.toRoute;
import static io.signetmesh.policy.TestPolicies.toServer;
import static io.signetmesh.policy.TestPolicies.tokens;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_route.RequestRedirect;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NetworkMatch;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyAnnotations;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.ServiceAccountModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import io.signetmesh.v1.TokenForwarding;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the controller says about objects that are wrong or hardly meant. */
final class LinterTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final List<PolicyObject> SOUND =
      List.of(pod("web", APP), server("web", 8080, APP));

  @Test
  void soundObjectsHaveNone() {
    assertThat(
            findings(
                policy("p", toServer("web"), meshTls("m")), identities("m", "a.b", "*.c", "*")))
        .isEmpty();
  }

  @Test
  void aTypoInATargetIsNamedWithWhatWasMeant() {
    assertThat(findings(policy("p", toServer("wbe"))))
        .containsExactly(
            "ERROR dangling-reference AuthorizationPolicy shop/p: spec.targetRef.name"
                + " names the Server \"wbe\", but namespace shop has none of that name (did you mean"
                + " \"web\"?); it grants nothing");
  }

  @Test
  void aMissingAuthenticationIsNamed() {
    assertThat(findings(policy("p", toServer("web"), network("office"))))
        .containsExactly(
            "ERROR dangling-reference AuthorizationPolicy shop/p: requires"
                + " policy.linkerd.io/NetworkAuthentication office, but there is no"
                + " NetworkAuthentication shop/office; it grants nothing");
  }

  @Test
  void anObjectThatIsNotUnderstoodIsNamed() {
    assertThat(
            findings(
                new UnusableModel(
                    new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, "n"),
                    "net.yaml:3:1",
                    "spec.networks[0].cidr: \"10/8\" is not a network")))
        .containsExactly(
            "ERROR not-understood net.yaml:3:1: NetworkAuthentication shop/n:"
                + " spec.networks[0].cidr: \"10/8\" is not a network; it grants nothing");
  }

  @Test
  void aTargetThatPolicyCannotHaveIsNamed() {
    assertThat(findings(policy("p", toNamespace("elsewhere"))))
        .singleElement()
        .asString()
        .startsWith(
            "ERROR bad-target AuthorizationPolicy shop/p: spec.targetRef is core/Namespace");
  }

  @Test
  void twoAuthenticationsOfAKindAreNamed() {
    assertThat(findings(policy("p", toServer("web"), serviceAccount("a"), serviceAccount("b"))))
        .singleElement()
        .asString()
        .contains("bad-authentications")
        .contains("name 2 MeshTLSAuthentications or ServiceAccounts: expected at most one");
  }

  @Test
  void aServiceAccountThatIsNotThereIsNamedWhereAccountsAreListed() {
    PolicyObject account =
        new ServiceAccountModel(new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, NS, "front"), "");
    assertThat(findings(policy("p", toServer("web"), serviceAccount("frnt")))).isEmpty();
    assertThat(findings(account, policy("p", toServer("web"), serviceAccount("frnt"))))
        .containsExactly(
            "WARNING dangling-reference AuthorizationPolicy shop/p: refers to ServiceAccount"
                + " shop/frnt, which is not there (did you mean \"front\"?)");
  }

  @Test
  void twoServersOnOnePortAreNamed() {
    PolicyObject younger =
        TestPolicies.server(
            "young",
            new io.signetmesh.policy.model.ServerModel.Port.ByName("http"),
            APP,
            START.plusSeconds(1),
            io.signetmesh.crds.policy.AccessPolicy.DENY);
    assertThat(findings(younger))
        .containsExactly(
            "WARNING port-conflict Server shop/young: port 8080 of Pod shop/web belongs to"
                + " Server shop/web, which is older or first by name; this Server has no effect"
                + " there");
  }

  @Test
  void aServerThatSelectsNothingIsNamed() {
    assertThat(findings(server("api", 80, Map.of("app", "api"))))
        .containsExactly(
            "WARNING selects-nothing Server shop/api: spec.podSelector selects no workload of"
                + " namespace shop");
  }

  @Test
  void networksThatNobodyIsInAreNamed() {
    NetworkModel empty =
        new NetworkModel(
            new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, "n"),
            "",
            List.of(new NetworkMatch(Cidr.parse("10.0.0.0/8"), List.of(Cidr.parse("0.0.0.0/0")))));
    assertThat(findings(empty, policy("p", toServer("web"), network("n"))))
        .containsExactly(
            "ERROR never-matches AuthorizationPolicy shop/p: its NetworkAuthentication leaves no"
                + " address after its exceptions; it grants nothing",
            "WARNING never-matches NetworkAuthentication shop/n: spec.networks: the exceptions of"
                + " 10.0.0.0/8 leave no address");
    assertThat(findings(networks("m", "10.0.0.0/8"))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"Front.shop", "a.*.b", "front.shop."})
  void anIdentityThatNoCertificateHasIsNamed(String identity) {
    assertThat(findings(identities("m", identity)))
        .singleElement()
        .asString()
        .contains("never-matches")
        .contains("\"" + identity + "\"");
  }

  @Test
  void aServerAuthorizationWithoutAuthenticationIsNamed() {
    assertThat(findings(serverAuthorization("a", "web", false, null)))
        .singleElement()
        .asString()
        .contains("says nothing about authentication");
    assertThat(
            findings(
                serverAuthorization(
                    "a",
                    "web",
                    true,
                    new ServerAuthorizationModel.MeshTls(true, List.of(), List.of()))))
        .singleElement()
        .asString()
        .contains("unauthenticated: true together with meshTLS");
  }

  @Test
  void anAnnotationThatCannotBeReadIsNamed() {
    List<PolicyObject> objects =
        List.of(pod("api", Map.of(), new PolicyAnnotations("allow", "80-70", "x_y")));
    assertThat(findings(objects.toArray(PolicyObject[]::new)))
        .satisfiesExactly(
            f -> assertThat(f).contains("default-inbound-policy is \"allow\"").contains("deny"),
            f -> assertThat(f).contains("opaque-ports has \"80-70\""),
            f -> assertThat(f).contains("on all ports").contains("\"x_y\""));
  }

  // --- Denials ---

  @Test
  void aDenialThatRefersToNothingRefusesMoreAndSaysSo() {
    assertThat(
            findings(
                deny("no", toServer("web"), network("ofice")), networks("office", "10.0.0.0/8")))
        .containsExactly(
            "ERROR dangling-reference DenyPolicy shop/no: requires"
                + " policy.linkerd.io/NetworkAuthentication ofice, but there is no"
                + " NetworkAuthentication shop/ofice (did you mean \"office\"?); that counts as"
                + " passed, so it refuses more than is written");
  }

  @Test
  void exceptionsThatTogetherLeaveNoAddressAreNamed() {
    NetworkModel halves =
        new NetworkModel(
            networks("n").ref(),
            "",
            List.of(
                new NetworkMatch(
                    Cidr.parse("10.0.0.0/8"),
                    List.of(Cidr.parse("10.0.0.0/9"), Cidr.parse("10.128.0.0/9")))));
    assertThat(
            findings(
                halves,
                policy("never", toServer("web"), network("n")),
                deny("all", toNamespace(NS), meshTls("m")),
                identities("m", "*")))
        .containsExactly(
            "ERROR never-matches AuthorizationPolicy shop/never: its NetworkAuthentication leaves no"
                + " address after its exceptions; it grants nothing",
            "WARNING never-matches NetworkAuthentication shop/n: spec.networks: the exceptions of"
                + " 10.0.0.0/8 leave no address");
    assertThat(findings(halves, deny("none", toServer("web"), network("n"))))
        .contains(
            "ERROR never-matches DenyPolicy shop/none: its NetworkAuthentication leaves no address"
                + " after its exceptions; it refuses no one");
  }

  @Test
  void aDenialOfNothingSaysSo() {
    assertThat(findings(deny("no", toServer("wbe"))))
        .singleElement()
        .asString()
        .contains("ERROR dangling-reference")
        .endsWith("(did you mean \"web\"?); it refuses no one");
  }

  @Test
  void anAuthenticationOfAnotherNamespaceIsHintedAt() {
    NetworkModel elsewhere =
        new NetworkModel(
            new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, "ops", "office"),
            "",
            List.of(NetworkMatch.of(Cidr.parse("10.0.0.0/8"))));
    assertThat(findings(policy("p", toServer("web"), network("office")), elsewhere))
        .singleElement()
        .asString()
        .contains("(there is one in namespace ops)");
  }

  // --- Routes ---

  @Test
  void aTypoInARouteTargetIsNamed() {
    assertThat(findings(route("api", "web"), policy("p", toRoute("apl"))))
        .containsExactly(
            "ERROR dangling-reference AuthorizationPolicy shop/p: spec.targetRef names the HTTPRoute"
                + " \"apl\" of group policy.linkerd.io, but namespace shop has none of that name"
                + " (did you mean \"api\"?); it grants nothing");
  }

  @Test
  void aRouteOfTheOtherGroupIsHintedAt() {
    assertThat(
            findings(
                route("api", "web"),
                policy("p", new Reference("gateway.networking.k8s.io", "HTTPRoute", null, "api"))))
        .singleElement()
        .asString()
        .contains("(there is one of group policy.linkerd.io)");
  }

  @Test
  void aRouteThatIsAttachedToNoServerIsToldByItsParents() {
    assertThat(findings(routeOf("Gateway", "web"), policy("p", toRoute("api"))))
        .containsExactly(
            "ERROR bad-target AuthorizationPolicy shop/p: its target HTTPRoute shop/api is attached"
                + " to no Server: its parent web is a Gateway, the default kind; for the Server web"
                + " write group: policy.linkerd.io, kind: Server; it grants nothing");
    assertThat(findings(routeOf("Service", "orders"), deny("d", toRoute("api"))))
        .containsExactly(
            "ERROR bad-target DenyPolicy shop/d: its target HTTPRoute shop/api is attached to no"
                + " Server: its parent orders is a Service; a Server is a parent with group:"
                + " policy.linkerd.io, kind: Server; it refuses no one");
    assertThat(findings(routeOf("Service", "web"))).isEmpty();
  }

  @Test
  void aPolicyOfARouteThatIsAttachedToNoServerIsShownForTheServerOfThatName() {
    PolicyObject[] objects = {
      pod("web", APP),
      server("web", 8080, APP),
      routeOf("Gateway", "web"),
      policy("p", toRoute("api"))
    };
    assertThat(new IndexLinter(index(CONFIG, objects)).findings(WEB, 8080))
        .singleElement()
        .extracting(LintFinding::rule)
        .isEqualTo(LintFinding.Rule.BAD_TARGET);
    assertThat(new IndexLinter(index(CONFIG, routeOf("Gateway", "web"))).scopes()).isEmpty();
  }

  @Test
  void aParentWhoseKindIsInAnotherCaseIsNamed() {
    assertThat(findings(routeOf("policy.linkerd.io", "server", "web"), policy("p", toRoute("api"))))
        .containsExactly(
            "ERROR bad-target AuthorizationPolicy shop/p: its target HTTPRoute shop/api is attached"
                + " to no Server: its parent web is a server; for the Server web write group:"
                + " policy.linkerd.io, kind: Server; it grants nothing",
            "ERROR route-unused HTTPRoute shop/api: its parent web is a server of group"
                + " policy.linkerd.io, which has to be written Server of group policy.linkerd.io,"
                + " with that case; the route is not attached to that Server");
  }

  private static RouteModel routeOf(String parentKind, String parent) {
    return routeOf("gateway.networking.k8s.io", parentKind, parent);
  }

  private static RouteModel routeOf(String group, String parentKind, String parent) {
    RouteModel attached = route("api");
    return new RouteModel(
        attached.ref(),
        attached.origin(),
        attached.created(),
        List.of(),
        List.of(new Reference(group, parentKind, null, parent)),
        attached.hosts(),
        attached.rules(),
        attached.flaws());
  }

  @Test
  void aRouteThatItsServerHasNoUseForIsNamed() {
    assertThat(
            findings(
                TestPolicies.speaking(server("web", 8080, APP), ProxyProtocol.OPAQUE),
                route("api", "web"),
                policy("p", toRoute("api"))))
        .satisfiesExactly(
            f -> assertThat(f).startsWith("WARNING target-unused AuthorizationPolicy shop/p"),
            f -> assertThat(f).startsWith("WARNING route-unused HTTPRoute shop/api"));
  }

  @Test
  void aRouteBesideAGrpcRouteIsNamedAndGrantsNothing() {
    RouteModel grpc =
        new RouteModel(
            new ObjectRef(ObjectRef.Kind.GRPC_ROUTE, NS, "calls"),
            "",
            START,
            List.of("web"),
            List.of(),
            List.of(),
            new RouteModel.Rules.Grpc(List.of()),
            List.of());
    assertThat(findings(route("api", "web"), grpc, policy("p", toRoute("api"))))
        .anySatisfy(
            f -> assertThat(f).contains("HTTPRoute shop/api").contains("beside a GRPCRoute"));
    assertThat(
            index(
                    CONFIG,
                    pod("web", APP),
                    server("web", 8080, APP),
                    route("api", "web"),
                    grpc,
                    policy("p", toRoute("api")))
                .policy(WEB, 8080)
                .orElseThrow()
                .server()
                .getProtocol()
                .getDetect()
                .getHttpRoutes(0)
                .getAuthorizationsList())
        .isEmpty();
  }

  // --- Identities ---

  @Test
  void anIdentityOfNoAccountIsNamed() {
    PolicyObject account =
        new ServiceAccountModel(new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, NS, "front"), "");
    assertThat(
            findings(
                account,
                identities(
                    "m",
                    CONFIG.identity("front", NS),
                    CONFIG.identity("web", NS),
                    CONFIG.identity("default", NS),
                    CONFIG.identity("anyone", "elsewhere"),
                    "front.other.example")))
        .isEmpty();
    assertThat(findings(account, identities("m", CONFIG.identity("fornt", NS))))
        .singleElement()
        .asString()
        .contains("ServiceAccount shop/fornt, which is not there (did you mean \"front\"?)");
  }

  @Test
  void aTypoInTheNamespaceOfAnAccountIsNamed() {
    String typo =
        "ServiceAccount shpo/front, but namespace shpo has no objects here (did you mean"
            + " \"shop\"?)";
    Reference shpo = new Reference("", "ServiceAccount", "shpo", "front");
    assertThat(findings(policy("p", toServer("web"), shpo)))
        .containsExactly(
            "WARNING dangling-reference AuthorizationPolicy shop/p: refers to " + typo);
    assertThat(findings(new MeshTlsModel(identities("m").ref(), "", List.of(), List.of(shpo))))
        .containsExactly(
            "WARNING dangling-reference MeshTLSAuthentication shop/m: refers to " + typo);
    assertThat(
            findings(
                serverAuthorization(
                    "a",
                    "web",
                    false,
                    new ServerAuthorizationModel.MeshTls(false, List.of(), List.of(shpo)))))
        .containsExactly(
            "WARNING dangling-reference ServerAuthorization shop/a: refers to " + typo);
    assertThat(
            findings(
                new RateLimitModel(
                    rateLimit("l", "web", 1, START).ref(),
                    "",
                    START,
                    toServer("web"),
                    null,
                    null,
                    List.of(new RateLimitModel.ClientLimit(1, List.of(shpo))))))
        .containsExactly(
            "WARNING dangling-reference HTTPLocalRateLimitPolicy shop/l: refers to " + typo);
    String identity = CONFIG.identity("front", "shpo");
    assertThat(findings(identities("m", identity)))
        .containsExactly(
            "WARNING dangling-reference MeshTLSAuthentication shop/m: identity \""
                + identity
                + "\" is that of "
                + typo);
  }

  @Test
  void anAccountOfANamespaceWithoutObjectsHereIsNoTypo() {
    assertThat(
            findings(
                policy(
                    "p",
                    toServer("web"),
                    new Reference("", "ServiceAccount", "monitoring", "prometheus")),
                identities(
                    "m",
                    CONFIG.identity("prometheus", "monitoring"),
                    CONFIG.identity("front", "shpo").replace("cluster.local", "other.example"))))
        .isEmpty();
  }

  // --- Rate limits ---

  @Test
  void aSecondRateLimitIsNamed() {
    assertThat(findings(rateLimit("a", "web", 1, START), rateLimit("b", "web", 1, START)))
        .containsExactly(
            "ERROR limit-unused HTTPLocalRateLimitPolicy shop/b: Server shop/web is limited by"
                + " HTTPLocalRateLimitPolicy shop/a, which is the first by name; this one is not"
                + " used");
    assertThat(
            findings(
                rateLimit("b", "web", 1, START), rateLimit("a", "web", 1, START.plusSeconds(1))))
        .singleElement()
        .asString()
        .contains("shop/a: Server shop/web is limited by the older", "shop/b; this one");
    assertThat(findings(rateLimit("a", "wep", 1, START)))
        .singleElement()
        .asString()
        .contains("(did you mean \"web\"?); it limits nothing");
  }

  // --- Tokens ---

  @Test
  void aTokenThatNobodyKnowsOfGrantsNothingAndSaysSo() {
    assertThat(findings(policy("p", toServer("web"), jwt("stuff")), tokens("staff")))
        .containsExactly(
            "ERROR dangling-reference AuthorizationPolicy shop/p: requires"
                + " policy.signetmesh.io/JWTAuthentication stuff, but there is no JWTAuthentication"
                + " shop/stuff (did you mean \"staff\"?); it grants nothing",
            "WARNING authentication-unused JWTAuthentication shop/staff: no AuthorizationPolicy and"
                + " no DenyPolicy requires it");
  }

  @Test
  void aTokenOnAPortWithoutRequestsIsAnErrorOfTheGrant() {
    ServerModel opaque = TestPolicies.speaking(server("web", 8080, APP), ProxyProtocol.OPAQUE);
    assertThat(findings(opaque, policy("p", toServer("web"), jwt("staff")), tokens("staff")))
        .containsExactly(
            "ERROR jwt-on-opaque-port AuthorizationPolicy shop/p: requires"
                + " policy.signetmesh.io/JWTAuthentication staff, but the Server web is opaque or"
                + " TLS, where no request and so no token is seen; it grants nothing");
    assertThat(findings(opaque, deny("p", toServer("web"), jwt("staff")), tokens("staff")))
        .singleElement()
        .asString()
        .contains("WARNING jwt-on-opaque-port", "refuses more than is written");
  }

  @Test
  void keysThatAreNotThereOrBadAreTold() {
    PolicyObject policy = policy("p", toServer("web"), jwt("staff"));
    assertThat(
            findings(
                policy,
                tokens(
                    "staff",
                    new KeySource.Inline(
                        new KnownKeys("{}", 1, List.of("key 1: RSA of 1024 bits"), "")))))
        .containsExactly(
            "WARNING bad-key JWTAuthentication shop/staff: spec.keys.jwks: key 1: RSA of 1024 bits;"
                + " tokens signed with it do not pass");
    assertThat(findings(policy, tokens("staff", new KeySource.Inline(KnownKeys.none("no JSON")))))
        .containsExactly(
            "ERROR key-set-unavailable JWTAuthentication shop/staff: spec.keys.jwks: no JSON; no"
                + " token passes");
    JwtModel.Authentication held = tokens("staff", new KeySource.Held(false, "keys", "jwks.jsn"));
    assertThat(findings(policy, held))
        .containsExactly(
            "ERROR dangling-reference JWTAuthentication shop/staff: has its keys in ConfigMap"
                + " shop/keys, which is not there; no token passes");
    assertThat(findings(policy, held, TestPolicies.configMap("keys", TestPolicies.keys("a"))))
        .singleElement()
        .asString()
        .contains("which has none of that name (did you mean \"jwks.json\"?); no token passes");
  }

  @Test
  void fetchedKeysAreToldWhenTheyAreNotThereOrOld() {
    PolicyObject policy = policy("p", toServer("web"), jwt("staff"));
    JwtModel.Authentication staff = TestPolicies.fetched("staff", "a");
    assertThat(findings(policy, staff)).as("not fetched yet").isEmpty();
    JwtModel.FetchedKeys none =
        new JwtModel.FetchedKeys(
            staff.keySet(),
            TestPolicies.location("a"),
            KnownKeys.none("cannot be fetched: away"),
            null,
            "away");
    assertThat(findings(policy, staff, none))
        .containsExactly(
            "ERROR key-set-unavailable JWTAuthentication shop/staff: keys of https://id.example/a:"
                + " cannot be fetched: away; no token passes");
    assertThat(findings(policy, TestPolicies.fetched("staff", "b"), none)).isEmpty();
    JwtModel.FetchedKeys good = TestPolicies.fetchedKeys("staff", "a", TestPolicies.keys("k"));
    assertThat(findings(policy, staff, good)).isEmpty();
    assertThat(
            findings(
                policy,
                staff,
                new JwtModel.FetchedKeys(
                    good.ref(), good.location(), good.keys(), good.expiresAt(), "cannot be")))
        .containsExactly("WARNING key-set-stale JWTAuthentication shop/staff: cannot be");
  }

  @Test
  void twoAuthenticationsThatMakeOneHeaderOnAServerAreTold() {
    PolicyObject[] objects = {
      policy("p", toServer("web"), jwt("a")),
      policy("q", toNamespace(NS), jwt("b")),
      forwarding("a", "x-user"),
      forwarding("b", "x-user")
    };
    assertThat(findings(objects))
        .containsExactly(
            "WARNING forward-conflict JWTAuthentication shop/b: makes the header x-user, and so does"
                + " JWTAuthentication shop/a on Server shop/web: the application cannot tell whose"
                + " claim it gets");
    objects[3] = forwarding("b", "x-other");
    assertThat(findings(objects)).isEmpty();
  }

  private static JwtModel.Authentication forwarding(String name, String header) {
    JwtModel.Authentication plain = tokens(name);
    return new JwtModel.Authentication(
        plain.ref(),
        "",
        plain.message().toBuilder()
            .setForwarding(TokenForwarding.newBuilder().setPayloadHeader(header))
            .build(),
        plain.keys());
  }

  @Test
  void aGrantThatAsksForATokenTakesThePlaceOfNoneThatAsksForLess() {
    assertThat(
            findings(
                policy("wide", toNamespace(NS), jwt("staff")),
                policy("narrow", toServer("web")),
                tokens("staff")))
        .noneMatch(finding -> finding.contains("shop/narrow"));
    assertThat(
            findings(
                policy("wide", toNamespace(NS)),
                policy("narrow", toServer("web"), jwt("staff")),
                tokens("staff")))
        .singleElement()
        .asString()
        .contains("shadowed AuthorizationPolicy shop/narrow");
  }

  // --- Shadowed policies ---

  @Test
  void aPolicyThatAnotherOneCoversIsNamed() {
    PolicyObject[] objects = {
      policy("wide", toNamespace(NS), meshTls("any")),
      policy("narrow", toServer("web"), meshTls("one"), network("n")),
      identities("any", "*"),
      identities("one", "a.b"),
      networks("n", "10.0.0.0/8")
    };
    assertThat(findings(objects))
        .containsExactly(
            "WARNING shadowed AuthorizationPolicy shop/narrow: everyone it allows is allowed by"
                + " AuthorizationPolicy shop/wide as well; it changes nothing");
  }

  @Test
  void whatIsTriedShadowsNothing() {
    assertThat(
            findings(
                TestPolicies.audited(policy("wide", toNamespace(NS))),
                policy("narrow", toServer("web"), meshTls("one")),
                identities("one", "a.b")))
        .isEmpty();
  }

  @Test
  void ofTwoThatAllowTheSameOneIsNamed() {
    assertThat(
            findings(
                policy("a", toServer("web"), meshTls("one")),
                policy("b", toServer("web"), meshTls("one")),
                identities("one", "a.b")))
        .singleElement()
        .asString()
        .startsWith("WARNING shadowed AuthorizationPolicy shop/b");
  }

  @Test
  void aGrantOfARouteIsCoveredByOneOfItsServer() {
    assertThat(
            findings(
                route("api", "web"),
                policy("p", toRoute("api"), meshTls("one")),
                policy("q", toServer("web"), meshTls("two")),
                identities("one", "a.b"),
                identities("two", "a.b", "a.c")))
        .singleElement()
        .asString()
        .startsWith("WARNING shadowed AuthorizationPolicy shop/p");
  }

  @Test
  void aGrantThatADenialTakesBackIsNamed() {
    assertThat(
            findings(
                policy("p", toServer("web"), meshTls("one"), network("n")),
                deny("no", toNamespace(NS), network("all")),
                identities("one", "a.b"),
                networks("n", "10.1.0.0/16"),
                networks("all", "10.0.0.0/8")))
        .containsExactly(
            "WARNING shadowed AuthorizationPolicy shop/p: everyone it allows is refused by DenyPolicy"
                + " shop/no; it grants nothing");
  }

  @Test
  void aServerThatAllowsEveryoneCoversItsPolicies() {
    assertThat(
            findings(
                TestPolicies.server(
                    "web",
                    new io.signetmesh.policy.model.ServerModel.Port.ByNumber(8080),
                    APP,
                    START,
                    io.signetmesh.crds.policy.AccessPolicy.ALL_UNAUTHENTICATED),
                policy("p", toServer("web"), meshTls("one")),
                identities("one", "a.b")))
        .containsExactly(
            "WARNING shadowed AuthorizationPolicy shop/p: everyone it allows is allowed by"
                + " accessPolicy all-unauthenticated of Server shop/web as well; it changes nothing");
  }

  @Test
  void aDenialOfIdentitiesWhereNoneIsAskedForIsNamed() {
    assertThat(
            findings(
                policy("open", toServer("web"), network("n")),
                deny("no", toNamespace(NS), meshTls("one")),
                networks("n", "10.0.0.0/8"),
                identities("one", "a.b")))
        .containsExactly(
            "WARNING evadable DenyPolicy shop/no: refuses identities, but AuthorizationPolicy"
                + " shop/open lets clients in without one: whoever is refused gets in without TLS");
  }

  @Test
  void aDenialOfAnExactPathThatASlashLeadsPastIsNamed() {
    List<PolicyObject> objects = new ArrayList<>(slashes("admin", exact("/admin"), exact("/root")));
    objects.add(paths("all", prefix("/")));
    assertThat(findings(objects.toArray(PolicyObject[]::new)))
        .containsExactly(
            "WARNING evadable DenyPolicy shop/no: its route HTTPRoute shop/admin matches \"/admin\""
                + " exactly, and \"/admin/\" goes to HTTPRoute shop/all, where clients that it"
                + " refuses are let in (and 1 more): match the PathPrefix, or deny that too");
  }

  static Stream<Arguments> coveredSlashes() {
    RouteModel all = paths("all", prefix("/"));
    return Stream.of(
        Arguments.of("no other route", slashes("admin", exact("/admin")), List.of()),
        Arguments.of(
            "elsewhere", slashes("admin", exact("/admin")), List.of(paths("b", prefix("/b")))),
        Arguments.of("prefix", slashes("admin", prefix("/admin")), List.of(all)),
        Arguments.of("sibling", slashes("admin", exact("/admin"), exact("/admin/")), List.of(all)),
        Arguments.of("both", slashes("admin", exact("/admin"), prefix("/admin")), List.of(all)),
        Arguments.of("with slash", slashes("admin", exact("/admin/")), List.of(all)),
        Arguments.of("root", slashes("admin", exact("/")), List.of(all)),
        Arguments.of(
            "denied there",
            slashes("admin", exact("/admin")),
            List.of(all, deny("too", toRoute("all"), network("n")))),
        Arguments.of(
            "denied on the Server",
            slashes("admin", exact("/admin")),
            List.of(all, deny("too", toServer("web")))),
        Arguments.of(
            "an expression",
            slashes("admin", exact("/admin")),
            List.of(all, paths("r", PathMatch.newBuilder().setRegex("/.*").build()))),
        Arguments.of("a redirect", slashes("admin", exact("/admin")), List.of(redirect(all))),
        Arguments.of(
            "another method",
            List.of(
                policy("open", toServer("web")),
                networks("n", "10.0.0.0/8"),
                deny("no", toRoute("admin"), network("n")),
                limited(paths("admin", exact("/admin")), HttpMethod.Registered.POST)),
            List.of(limited(all, HttpMethod.Registered.GET))),
        Arguments.of(
            "nobody let in",
            List.of(
                networks("n", "10.0.0.0/8"),
                deny("no", toRoute("admin"), network("n")),
                paths("admin", exact("/admin"))),
            List.of(all)),
        Arguments.of(
            "others let in",
            List.of(
                networks("n", "10.0.0.0/8"),
                networks("m", "192.0.2.0/24"),
                policy("some", toServer("web"), network("m")),
                deny("no", toRoute("admin"), network("n")),
                paths("admin", exact("/admin"))),
            List.of(all)));
  }

  @ParameterizedTest
  @MethodSource("coveredSlashes")
  void aDenialOfAnExactPathWhoseSlashIsCoveredIsNotNamed(
      String name, List<PolicyObject> denied, List<PolicyObject> others) {
    List<PolicyObject> objects = new ArrayList<>(denied);
    objects.addAll(others);
    assertThat(findings(objects.toArray(PolicyObject[]::new)))
        .as(name)
        .noneMatch(finding -> finding.contains("evadable"));
  }

  private static List<PolicyObject> slashes(String name, PathMatch... paths) {
    return List.of(
        policy("open", toServer("web")),
        networks("n", "10.0.0.0/8"),
        deny("no", toRoute(name), network("n")),
        paths(name, paths));
  }

  private static PathMatch exact(String path) {
    return PathMatch.newBuilder().setExact(path).build();
  }

  private static PathMatch prefix(String path) {
    return PathMatch.newBuilder().setPrefix(path).build();
  }

  private static RouteModel paths(String name, PathMatch... paths) {
    HttpRoute.Rule.Builder rule = HttpRoute.Rule.newBuilder();
    for (PathMatch path : paths) {
      rule.addMatches(HttpRouteMatch.newBuilder().setPath(path));
    }
    return with(route(name, "web"), rule.build());
  }

  private static RouteModel redirect(RouteModel route) {
    return with(
        route,
        rule(route).toBuilder()
            .addFilters(
                HttpRoute.Filter.newBuilder().setRedirect(RequestRedirect.getDefaultInstance()))
            .build());
  }

  private static RouteModel limited(RouteModel route, HttpMethod.Registered method) {
    HttpRoute.Rule.Builder rule = rule(route).toBuilder();
    rule.getMatchesBuilder(0).setMethod(HttpMethod.newBuilder().setRegistered(method));
    return with(route, rule.build());
  }

  private static HttpRoute.Rule rule(RouteModel route) {
    return ((RouteModel.Rules.Http) route.rules()).rules().getFirst();
  }

  private static RouteModel with(RouteModel route, HttpRoute.Rule rule) {
    return new RouteModel(
        route.ref(),
        route.origin(),
        route.created(),
        route.servers(),
        route.elsewhere(),
        route.hosts(),
        new RouteModel.Rules.Http(List.of(rule)),
        route.flaws());
  }

  @Test
  void aServerThatIsOnlyTriedSaysWhatItsPortIsUnder() {
    assertThat(
            findings(
                TestPolicies.audited(server("web", 8080, APP)),
                policy("p", toServer("web")),
                deny("no", toServer("web"))))
        .anySatisfy(
            f ->
                assertThat(f)
                    .isEqualTo(
                        "WARNING only-tried Server shop/web: is in mode audit: meanwhile port 8080"
                            + " of Pod shop/web is under the default policy deny"))
        .anySatisfy(f -> assertThat(f).startsWith("WARNING target-unused AuthorizationPolicy"))
        .anySatisfy(
            f ->
                assertThat(f)
                    .startsWith("ERROR target-unused DenyPolicy")
                    .endsWith("it refuses no one"));
  }

  // --- Of a port ---

  @Test
  void theCauseOfADenialComesFirst() {
    PolicyIndex index =
        index(
            CONFIG,
            pod("web", APP),
            server("web", 8080, APP),
            server("lost", 9000, Map.of("app", "wbe")),
            policy("typo", toServer("wbe")),
            policy("other", toServer("unknown")),
            policy("dangling", toServer("web"), meshTls("missing")));
    IndexLinter linter = new IndexLinter(index);
    assertThat(linter.findings(WEB, 8080))
        .extracting(finding -> finding.object().name())
        .containsExactly("dangling", "typo");
    assertThat(linter.findings(WEB, 9000))
        .extracting(finding -> finding.object().name())
        .containsExactly("lost");
    assertThat(linter.findings(WEB, 7000)).isEmpty();
    assertThat(linter.findings(ObjectRef.pod(NS, "nobody"), 8080)).isEmpty();
    assertThat(linter.findings(WEB, 8080).get(1).field()).isEqualTo("spec.targetRef.name");
  }

  @Test
  void manyObjectsAreLookedOverInLinearTime() {
    List<PolicyObject> objects = new ArrayList<>(SOUND);
    for (int i = 0; i < 4_000; i++) {
      objects.add(policy("p" + i, toServer("web"), meshTls("m" + i)));
      objects.add(identities("m" + i, "c" + i + ".example"));
    }
    for (int i = 0; i < 4_000; i++) {
      objects.add(deny("d" + i, toNamespace(NS), meshTls("m" + i)));
      objects.add(policy("typo" + i, toServer("unknown-server-" + i)));
    }
    objects.add(policy("open", toServer("web")));
    PolicyIndex index = index(CONFIG, objects.toArray(PolicyObject[]::new));
    org.junit.jupiter.api.Assertions.assertTimeout(
        java.time.Duration.ofSeconds(10),
        () -> assertThat(new IndexLinter(index).findings()).hasSizeGreaterThan(8_000));
  }

  @Test
  void aServerOfRequestsOnAnOpaquePortIsWarnedOf() {
    ServerModel elastic = server("elastic", 9300, APP);
    for (ProxyProtocol protocol :
        List.of(ProxyProtocol.HTTP_1, ProxyProtocol.HTTP_2, ProxyProtocol.GRPC)) {
      assertThat(findings(TestPolicies.speaking(elastic, protocol)))
          .singleElement()
          .asString()
          .startsWith(
              "WARNING opaque-port Server shop/elastic: port 9300 of Pod shop/web is opaque")
          .contains("by default: connections of clients of the mesh are not read as HTTP");
    }
    assertThat(findings(elastic, TestPolicies.route("r", "elastic")))
        .anySatisfy(f -> assertThat(f).startsWith("WARNING opaque-port"));
    assertThat(findings(elastic, TestPolicies.rateLimit("r", "elastic", 5, null)))
        .anySatisfy(f -> assertThat(f).startsWith("WARNING opaque-port"));
  }

  @Test
  void aServerOfConnectionsOnAnOpaquePortIsSound() {
    ServerModel elastic = server("elastic", 9300, APP);
    assertThat(findings(elastic)).isEmpty();
    assertThat(findings(TestPolicies.speaking(elastic, ProxyProtocol.OPAQUE))).isEmpty();
    assertThat(findings(TestPolicies.speaking(elastic, ProxyProtocol.TLS))).isEmpty();
    PolicyAnnotations own = new PolicyAnnotations(null, "3306", null);
    assertThat(findings(pod("web", APP, own), TestPolicies.speaking(elastic, ProxyProtocol.HTTP_1)))
        .isEmpty();
  }

  @Test
  void aServiceAccountThatCanHaveNoIdentityIsToldOnce() {
    String dotted = "web.v2";
    WorkloadModel pod = of(dotted);
    assertThat(findings(pod))
        .singleElement()
        .asString()
        .startsWith("ERROR no-identity Pod shop/web: ")
        .contains("web.v2", "get no certificate");
    ObjectRef account = new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, "shop", dotted);
    assertThat(findings(pod, new ServiceAccountModel(account, "")))
        .singleElement()
        .asString()
        .startsWith("ERROR no-identity ServiceAccount shop/web.v2: ");
    assertThat(findings(of("a".repeat(64)))).hasSize(1);
    assertThat(findings(of("a".repeat(63)))).isEmpty();
  }

  @Test
  void aWorkloadWithTheIdentityOfANodeIsReported() {
    String reserved = CONFIG.identity("node-n1", CONFIG.controlPlaneNamespace());
    WorkloadModel web = pod("web", APP);
    WorkloadModel posing =
        new WorkloadModel(
            web.ref(),
            "",
            web.labels(),
            web.annotations(),
            reserved,
            web.node(),
            web.ports(),
            List.of());
    assertThat(findings(posing))
        .filteredOn(finding -> finding.contains("no-identity"))
        .singleElement()
        .asString()
        .startsWith("ERROR no-identity Pod shop/web: identity " + reserved + " is reserved");
  }

  private static WorkloadModel of(String account) {
    WorkloadModel web = pod("web", APP);
    return new WorkloadModel(
        web.ref(),
        "",
        web.labels(),
        web.annotations(),
        TestPolicies.CONFIG.identity(account, "shop"),
        web.node(),
        web.ports(),
        List.of());
  }

  private static List<String> findings(PolicyObject... more) {
    List<PolicyObject> objects = new ArrayList<>(SOUND);
    for (PolicyObject object : more) {
      objects.removeIf(sound -> sound.ref().equals(object.ref()));
      objects.add(object);
    }
    return new IndexLinter(index(CONFIG, objects.toArray(PolicyObject[]::new)))
        .findings().stream()
            .map(
                finding ->
                    "%s %s %s%s: %s"
                        .formatted(
                            finding.severity(),
                            finding.rule().text(),
                            finding.origin().isEmpty() ? "" : finding.origin() + ": ",
                            finding.object(),
                            finding.message()))
            .toList();
  }
}
