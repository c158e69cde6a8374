package io.signetmesh.cli.policy;

import static io.signetmesh.cli.policy.ExplainedShop.yaml;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.command.ExitCode;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PolicyExplainCommandTest {
  private final ExplainedShop shop;

  PolicyExplainCommandTest(@TempDir Path directory) {
    shop = new ExplainedShop(directory);
  }

  @Test
  void aMethodInAnotherCaseIsRefusedOnlyWhereRoutesMatchMethods() {
    assertThat(shop.calledBy("shop/frontend").with("--method", "get").explanation())
        .startsWith("allowed (200)");
    shop.alsoHas(
        """
            apiVersion: policy.linkerd.io/v1beta3
            kind: HTTPRoute
            metadata: {name: reads, namespace: shop}
            spec:
              parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
              rules: [{matches: [{method: GET}, {path: {value: /any}}]}]
            """);
    for (String path : List.of("/", "/any")) {
      String explanation =
          shop.calledBy("shop/frontend").with("--method", "get", "--path", path).explanation();
      assertThat(explanation).contains("denied (400)", "protocol-error");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "*",
        "*.shop.serviceaccount.identity.linkerd.cluster.local",
        "A.B",
        "a b",
        "a..b",
        "a.b.",
        "shop/",
        "/frontend",
        "shop/front/end",
        "Shop/frontend",
        "shop/front.end",
        "spiffe://example.org/",
        "spiffe://example.org/a/../b",
        "spiffe://Example.org/a",
        "https://example.org/a"
      })
  void refusesAnIdentityThatNoClientHas(String identity) {
    assertThat(shop.calledBy(identity).error(ExitCode.USAGE))
        .contains("'--client-identity'", "expected")
        .contains(identity.isEmpty() ? "an empty text is no identity" : "\"" + identity + "\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "shop/backend",
        "backend",
        "under_score.example.org",
        "spiffe://example.org",
        "spiffe://example.org/ns/shop/sa/...backend"
      })
  void takesWhateverACertificateCanCarry(String identity) {
    assertThat(shop.calledBy(identity).explanation()).startsWith("denied");
  }

  @Test
  void saysWhichAuthorizationAllows() {
    String explanation = shop.calledBy("shop/frontend").with("--path", "/catalog").explanation();
    assertThat(explanation)
        .startsWith("allowed (200): authorized by AuthorizationPolicy web-clients\n")
        .contains(
            "workload    shop/web port 8080",
            "server      Server web",
            "frontend.shop.serviceaccount.identity.linkerd.cluster.local from 10.0.0.7 with mesh"
                + " TLS (address assumed: that of shop/frontend)",
            "asks        http/1 GET /catalog of host web",
            "verdict     allow, 200",
            "* matched  AuthorizationPolicy web-clients (authorization of the server)",
            "* matched  default route");
  }

  @Test
  void aHostThatIsNoAuthorityIsRefusedAsTheProxyRefusesIt() {
    assertThat(shop.calledBy("shop/frontend").with("--host", "user@web").explanation())
        .startsWith("denied (400): the proxy takes no such request: its host is no authority");
  }

  @Test
  void anAddressIsNoIdentityAndWhoseItIsIsSaid() throws Exception {
    String identity = "frontend.shop.serviceaccount.identity.linkerd.cluster.local";
    String explanation = shop.calledFrom("10.0.0.7").explanation();
    assertThat(explanation)
        .startsWith("denied (403): tls-required")
        .contains(
            "a client from 10.0.0.7 without mesh TLS (no identity assumed: that is the address of"
                + " shop/frontend; to call as it, add --client-identity "
                + identity
                + ")");
    JsonNode json = shop.calledFrom("10.0.0.7").json();
    assertThat(json.at("/client/identity").isMissingNode()).isTrue();
    assertThat(json.at("/client/addressOf/workload").textValue()).isEqualTo("shop/frontend");
    assertThat(json.at("/client/addressOf/identity").textValue()).isEqualTo(identity);
    for (ExplainedShop.Call call :
        List.of(
            shop.calledFrom("10.0.0.8"),
            shop.calledFrom("10.0.0.7").with("--no-tls"),
            shop.calledFrom("10.0.0.7").with("--client-identity", "shop/backend"))) {
      assertThat(call.explanation()).doesNotContain("assumed");
    }
  }

  @Test
  void thePodOfAnAddressMayHaveNoIdentity() {
    shop.has(
        "labels: {app: frontend, linkerd.io/control-plane-ns: linkerd}", "labels: {app: frontend}");
    assertThat(shop.calledFrom("10.0.0.7").explanation())
        .contains("(no identity assumed: shop/frontend, which has that address, has none)");
  }

  @Test
  void saysWhatFailedInTheNearestAuthorization() {
    String explanation = shop.calledBy("shop/backend").explanation();
    assertThat(explanation)
        .startsWith("denied (403): identity-mismatch: nothing grants it; nearest is")
        .contains("nearest     AuthorizationPolicy web-clients: identity fails")
        .contains(
            "  no match AuthorizationPolicy web-clients", "fails identity wants frontend.shop")
        .contains("address assumed: no workload with this identity has one");
  }

  @Test
  void namesTheTypoInAReferenceAsTheCauseInItsFirstSentence() {
    shop.has(
        "kind: MeshTLSAuthentication, name: frontend",
        "kind: MeshTLSAuthentication, name: fronted");
    String explanation = shop.calledBy("shop/frontend").explanation();
    assertThat(explanation.lines().findFirst())
        .get(STRING)
        .startsWith("denied (403): AuthorizationPolicy shop/web-clients: ")
        .contains("MeshTLSAuthentication shop/fronted", "did you mean \"frontend\"?")
        .contains("it grants nothing");
    assertThat(explanation.lines().skip(1).findFirst().orElseThrow()).contains(shop.file() + ":");
  }

  @Test
  void namesATypoInAServiceAccountThatMeantTheCaller() {
    shop.has("kind: ServiceAccount, name: frontend", "kind: ServiceAccount, name: fronted");
    assertThat(shop.calledBy("shop/frontend").explanation())
        .startsWith("denied (403): MeshTLSAuthentication shop/frontend: ")
        .contains("did you mean \"frontend\"?");
    assertThat(shop.calledBy("shop/backend").explanation())
        .startsWith("denied (403): identity-mismatch");
  }

  @Test
  void namesATypoInTheTargetOfAPolicy() {
    shop.has("kind: Server, name: web}", "kind: Server, name: wep}");
    assertThat(shop.calledBy("shop/frontend").explanation())
        .startsWith("denied (403): AuthorizationPolicy shop/web-clients: ")
        .contains("\"wep\"", "did you mean \"web\"?");
  }

  private static final String SERVER_TARGET = "{group: policy.linkerd.io, kind: Server, name: web}";
  private static final String IDENTITY_REFS =
      "identityRefs: [{kind: ServiceAccount, name: frontend}]";

  /** A typo, the object that has it, and what is said of it. */
  static List<Arguments> typosThatKeepTheFrontendOut() {
    return List.of(
        Arguments.of(
            "Namespace of identityRefs",
            yaml(IDENTITY_REFS, "identityRefs: [{kind: Namespace, name: shpo}]"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "suffix of a namespace",
            yaml(
                IDENTITY_REFS,
                "identities: ['*.shpo.serviceaccount.identity.linkerd.cluster.local']"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "namespace of an account",
            yaml(
                IDENTITY_REFS,
                "identityRefs: [{kind: ServiceAccount, name: frontend, namespace: shpo}]"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "namespace in the identity of an account",
            yaml(
                IDENTITY_REFS,
                "identities: ['frontend.shpo.serviceaccount.identity.linkerd.cluster.local']"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "namespace of a required account",
            yaml(
                "{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: frontend}",
                "{kind: ServiceAccount, name: frontend, namespace: shpo}"),
            "AuthorizationPolicy shop/web-clients: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "identity of an account",
            yaml(
                IDENTITY_REFS,
                "identities: ['fronted.shop.serviceaccount.identity.linkerd.cluster.local']"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"frontend\"?"),
        Arguments.of(
            "namespace of an authentication",
            yaml(
                "kind: MeshTLSAuthentication, name: frontend}",
                "kind: MeshTLSAuthentication, name: frontend, namespace: shpo}"),
            "AuthorizationPolicy shop/web-clients: ",
            "there is one in namespace shop"),
        Arguments.of(
            "label that a Server is selected by",
            yaml(
                    "metadata: {name: web, namespace: shop}",
                    "metadata: {name: web, namespace: shop, labels: {app: web}}")
                .replace("kind: AuthorizationPolicy", "kind: ServerAuthorization")
                .replace(
                    "policy.linkerd.io/v1alpha1\nkind: ServerAuthorization",
                    "policy.linkerd.io/v1beta1\nkind: ServerAuthorization")
                .replaceAll(
                    "(?s)  targetRef:.*",
                    """
                      server: {selector: {matchLabels: {app: wbe}}}
                      client: {meshTLS: {identities: ['*']}, networks: [{cidr: 0.0.0.0/0}]}
                    """),
            "ServerAuthorization shop/web-clients: spec.server.selector selects no Server",
            "did you mean \"app=web\"?"),
        Arguments.of(
            "parent of a route",
            yaml(SERVER_TARGET, "{group: policy.linkerd.io, kind: HTTPRoute, name: all}")
                + """
                ---
                apiVersion: policy.linkerd.io/v1beta3
                kind: HTTPRoute
                metadata: {name: all, namespace: shop}
                spec: {parentRefs: [{group: policy.linkerd.io, kind: Server, name: wbe}]}
                """,
            "HTTPRoute shop/all: ",
            "did you mean \"web\"?"),
        Arguments.of(
            "name of a Server's port",
            yaml("port: http\n", "port: htpp\n"),
            "Server shop/web: ",
            "did you mean \"http\"?"),
        Arguments.of(
            "label that a Server selects by",
            yaml(
                "{matchLabels: {app: web}}\n  port: http",
                "{matchLabels: {app: wbe}}\n  port: 8080"),
            "Server shop/web: ",
            "did you mean \"app=web\"?"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("typosThatKeepTheFrontendOut")
  void blamesATypoForWhomItKeepsOutAndForNobodyElse(
      String typo, String yaml, String object, String hint) {
    shop.has(yaml);
    String meant = shop.calledBy("shop/frontend").explanation();
    assertThat(meant.lines().findFirst())
        .get(STRING)
        .startsWith("denied (403): " + object)
        .contains(hint);
    assertThat(meant).contains("  see " + shop.file() + ":");
    String stranger = shop.calledFrom("203.0.113.1").explanation();
    assertThat(stranger.lines().findFirst())
        .get(STRING)
        .startsWith("denied (403): ")
        .doesNotContain(object)
        .doesNotContain("(and: ");
  }

  @Test
  void tellsOfAnErrorWithoutSuggestionBesideThePlainReason() {
    shop.has(
        "kind: MeshTLSAuthentication, name: frontend",
        "kind: MeshTLSAuthentication, name: partners");
    assertThat(shop.calledBy("shop/backend").explanation())
        .startsWith(
            "denied (403): Server web has no authorization (and: AuthorizationPolicy"
                + " shop/web-clients: requires");
  }

  @Test
  void blamesATypoInTheDenialThatRefuses() {
    shop.alsoHas(
        """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: MeshTLSAuthentication
            metadata: {name: intruders, namespace: shop}
            spec: {identities: [intruder.example.org]}
            ---
            apiVersion: policy.signetmesh.io/v1alpha1
            kind: DenyPolicy
            metadata: {name: quarantine, namespace: shop}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: web}
              requiredAuthenticationRefs:
                - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: intruder}
            """);
    assertThat(shop.calledBy("shop/frontend").explanation())
        .startsWith("denied (403): DenyPolicy shop/quarantine: ")
        .contains("did you mean \"intruders\"?");
    assertThat(shop.calledBy("intruder.example.org").explanation())
        .startsWith("denied (403): DenyPolicy quarantine denies it");
  }

  @Test
  void doesNotBlameWhatBearsOnAnotherServer() {
    shop.alsoHas(
        """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: scrapers, namespace: shop}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: metrics}
              requiredAuthenticationRefs:
                - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: prometeus}
            """);
    String explanation = shop.calledBy("shop/backend").explanation();
    assertThat(explanation)
        .startsWith("denied (403): identity-mismatch")
        .doesNotContain("prometeus");
  }

  @Test
  void showsDenialsBeforeWhatAllows() {
    shop.alsoHas(
        """
            apiVersion: policy.signetmesh.io/v1alpha1
            kind: DenyPolicy
            metadata: {name: quarantine, namespace: shop}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: web}
              requiredAuthenticationRefs: [{kind: ServiceAccount, name: frontend}]
            """);
    String explanation = shop.calledBy("shop/frontend").explanation();
    assertThat(explanation)
        .startsWith("denied (403): DenyPolicy quarantine denies it, whatever else allows it");
    assertThat(explanation.indexOf("* matched  DenyPolicy quarantine (denial of the server)"))
        .isPositive()
        .isLessThan(explanation.indexOf("matched  AuthorizationPolicy web-clients"));
  }

  @Test
  void tellsOfTheDryRunWithoutChangingTheOutcome() {
    shop.alsoHas(
        """
            apiVersion: policy.signetmesh.io/v1alpha1
            kind: DenyPolicy
            metadata: {name: quarantine, namespace: shop}
            spec:
              mode: audit
              targetRef: {group: policy.linkerd.io, kind: Server, name: web}
              requiredAuthenticationRefs: [{kind: ServiceAccount, name: frontend}]
            """);
    String explanation = shop.calledBy("shop/frontend").explanation();
    assertThat(explanation)
        .startsWith("allowed (200): authorized by AuthorizationPolicy web-clients")
        .contains("dry run     would deny: DenyPolicy quarantine denies it")
        .contains("Rules if everything in mode audit were in force:");
  }

  @Test
  void tellsOfTheServerInDryRunByItsName() throws Exception {
    shop.alsoHas(
        """
            apiVersion: policy.linkerd.io/v1beta3
            kind: Server
            metadata:
              name: tried
              namespace: shop
              annotations: {policy.signetmesh.io/mode: audit}
            spec: {podSelector: {matchLabels: {app: web}}, port: 9999, proxyProtocol: HTTP/1}
            """);
    ExplainedShop.Call call =
        shop.calledBy("shop/frontend")
            .to("shop/web", 9999)
            .with("--default-policy", "all-authenticated");
    assertThat(call.with("-o", "text").explanation())
        .startsWith("allowed (200): authorized by default policy all-authenticated")
        .contains("dry run     would deny: Server tried has no authorization\n");
    JsonNode dryRun = call.json().get("trial");
    assertThat(dryRun.get("server").asText()).isEqualTo("policy.linkerd.io/server/tried");
    assertThat(dryRun.get("verdict").asText()).isEqualTo("deny");
  }

  @Test
  void saysWhichLimitsACallTakesFrom() {
    shop.alsoHas(
        """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: HTTPLocalRateLimitPolicy
            metadata: {name: web, namespace: shop}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: web}
              total: {requestsPerSecond: 100}
              identity: {requestsPerSecond: 10}
              overrides:
                - requestsPerSecond: 50
                  clientRefs: [{kind: ServiceAccount, name: frontend}]
            """);
    assertThat(shop.calledBy("shop/frontend").explanation())
        .contains(
            "limits      100 requests/s for all clients together, 50 requests/s for this identity by"
                + " an override (HTTPLocalRateLimitPolicy web); not asked here");
    assertThat(shop.calledBy("shop/backend").explanation())
        .contains("10 requests/s for this identity");
  }

  @Test
  void answersForProgramsToo() throws Exception {
    JsonNode json =
        shop.calledFrom("10.9.9.9").with("--method", "POST", "--header", "x-tenant: 7").json();
    assertThat(json.get("verdict").asText()).isEqualTo("deny");
    assertThat(json.get("status").asInt()).isEqualTo(403);
    assertThat(json.get("reason").asText()).isEqualTo("tls-required");
    assertThat(json.get("authorization").asText())
        .isEqualTo("policy.linkerd.io/authorizationpolicy/web-clients");
    assertThat(json.get("request").get("method").asText()).isEqualTo("POST");
    assertThat(json.get("client").get("ip").asText()).isEqualTo("10.9.9.9");
    assertThat(json.get("client").get("ipAssumed").asBoolean()).isFalse();
    JsonNode rule = json.get("rules").get(0);
    assertThat(rule.get("matched").asBoolean()).isFalse();
    assertThat(rule.get("conditions").get(0).get("holds").asBoolean()).isFalse();
    assertThat(json.get("routes").get(0).get("taken").asBoolean()).isTrue();
  }

  @Test
  void failsOnlyWhenTheVerdictIsNotTheExpectedOne() {
    shop.called().with("--expect", "deny").ended(ExitCode.OK);
    shop.called().with("--expect", "allow").ended(ExitCode.NEGATIVE);
    shop.calledBy("shop/frontend").with("--expect", "allow").ended(ExitCode.OK);
  }

  @Test
  void takesADeploymentForItsFirstPod() {
    String explanation = shop.calledBy("shop/frontend").to("deploy/store", 8080).explanation();
    assertThat(explanation).startsWith("allowed").contains("workload    shop/web port 8080");
    shop.called().to("shop/deploy/store", 8080).ended(ExitCode.OK);
  }

  @Test
  void wantsTheNamespaceOfAWorkloadThatSeveralHave() {
    shop.alsoHas(
        """
            apiVersion: v1
            kind: Pod
            metadata:
              name: db-0
              namespace: store
              labels: {linkerd.io/control-plane-ns: linkerd}
              ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: "2"}]
            spec: {containers: [{name: app, image: example/db}]}
            ---
            apiVersion: v1
            kind: Pod
            metadata:
              name: db-0
              namespace: shop
              labels: {linkerd.io/control-plane-ns: linkerd}
              ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: "3"}]
            spec: {containers: [{name: app, image: example/db}]}
            """);
    assertThat(shop.called().to("sts/db", 5432).error(ExitCode.CONFIGURATION))
        .contains("'sts/db' is in the namespaces shop, store: expected NAMESPACE/sts/db");
    assertThat(shop.called().to("store/sts/db", 5432).explanation())
        .contains("workload    store/db-0 port 5432");
  }

  @Test
  void suggestsTheNearestWorkload() {
    assertThat(shop.called().to("shop/webb", 8080).error(ExitCode.CONFIGURATION))
        .isEqualToIgnoringNewLines(
            "signet: there is no workload 'shop/webb' (did you mean \"shop/web\"?)");
  }

  @Test
  void saysThatAPodHasNoProxy() {
    shop.has("{app: web, linkerd.io/control-plane-ns: linkerd}", "{app: web}");
    assertThat(shop.called().error(ExitCode.CONFIGURATION))
        .contains("shop/web has no proxy", "linkerd.io/control-plane-ns");
  }

  @Test
  void decidesAboutConnectionsWhereThePortTakesNoRequests() {
    String explanation = shop.called().to("shop/web", 9000).explanation();
    assertThat(explanation)
        .startsWith("allowed (forwarded): authorized by default policy all-unauthenticated")
        .contains("asks        tcp connection")
        .doesNotContain("Routes considered");
  }

  @Test
  void refusesWhatThePortDoesNotSpeak() {
    String explanation =
        shop.calledBy("shop/frontend").with("--protocol", "tcp", "-o", "text").explanation();
    assertThat(explanation)
        .startsWith("denied (400): what the client speaks is not what Server web");
  }

  @Test
  void refusesAnIdentityWithoutMeshTls() {
    assertThat(shop.calledBy("x").with("--no-tls").error(ExitCode.CONFIGURATION))
        .contains("an identity is shown in mesh TLS only");
  }

  @Test
  void refusesOptionsThatMakeNoSense() {
    assertThat(shop.calledFrom("10.0.0").error(ExitCode.CONFIGURATION))
        .contains("'10.0.0' is no IP address");
    assertThat(shop.called().with("--protocol", "http").error(ExitCode.USAGE))
        .contains("'http' is no protocol", "http/1, http/2, grpc, tcp, tls");
    assertThat(shop.called().with("--header", "x").error(ExitCode.USAGE)).contains("NAME:VALUE");
    assertThat(shop.called().with("--server").error(ExitCode.USAGE)).contains("either -f PATH");
    assertThat(shop.called().to("shop/web", 0).error(ExitCode.USAGE))
        .contains("expected 1 to 65535");
  }
}
