package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PolicyExplainCommandTest {
  @TempDir private Path directory;
  private Path manifests = Path.of("shop.yaml");

  @BeforeEach
  void writeManifests() throws IOException {
    manifests = directory.resolve("shop.yaml");
    write(ShopManifests.YAML);
  }

  private void write(String yaml) throws IOException {
    Files.writeString(manifests, yaml);
  }

  private CommandRun explain(String... more) {
    List<String> all = new ArrayList<>(List.of("policy", "explain", "-f", manifests.toString()));
    all.addAll(Arrays.asList(more));
    return CommandRun.of(all.toArray(String[]::new));
  }

  private CommandRun web(String... more) {
    List<String> all = new ArrayList<>(List.of("--workload", "shop/web", "--port", "8080"));
    all.addAll(Arrays.asList(more));
    return explain(all.toArray(String[]::new));
  }

  @Test
  void aMethodInAnotherCaseIsRefusedOnlyWhereRoutesMatchMethods() throws IOException {
    assertThat(web("--client-identity", "shop/frontend", "--method", "get").out())
        .startsWith("allowed (200)");
    write(
        ShopManifests.YAML
            + """
            ---
            apiVersion: policy.linkerd.io/v1beta3
            kind: HTTPRoute
            metadata: {name: reads, namespace: shop}
            spec:
              parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
              rules: [{matches: [{method: GET}, {path: {value: /any}}]}]
            """);
    for (String path : List.of("/", "/any")) {
      CommandRun run =
          web("--client-identity", "shop/frontend", "--method", "get", "--path", path)
              .ended(ExitCode.OK);
      assertThat(run.out()).contains("denied (400)", "protocol-error");
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
    CommandRun run = web("--client-identity", identity).ended(ExitCode.USAGE);
    assertThat(run.err())
        .contains("'--client-identity'", "expected")
        .contains(identity.isEmpty() ? "an empty text is no identity" : "\"" + identity + "\"");
    assertThat(run.out()).isEmpty();
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
    assertThat(web("--client-identity", identity).ended(ExitCode.OK).out()).startsWith("denied");
  }

  @Test
  void saysWhichAuthorizationAllows() {
    CommandRun run =
        web("--client-identity", "shop/frontend", "--path", "/catalog").ended(ExitCode.OK);
    assertThat(run.out())
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
    assertThat(web("--client-identity", "shop/frontend", "--host", "user@web").ended(0).out())
        .startsWith("denied (400): the proxy takes no such request: its host is no authority");
  }

  @Test
  void anAddressIsNoIdentityAndWhoseItIsIsSaid() throws Exception {
    String identity = "frontend.shop.serviceaccount.identity.linkerd.cluster.local";
    CommandRun run = web("--client-ip", "10.0.0.7").ended(ExitCode.OK);
    assertThat(run.out())
        .startsWith("denied (403): tls-required")
        .contains(
            "a client from 10.0.0.7 without mesh TLS (no identity assumed: that is the address of"
                + " shop/frontend; to call as it, add --client-identity "
                + identity
                + ")");
    JsonNode json = web("--client-ip", "10.0.0.7", "-o", "json").ended(ExitCode.OK).json();
    assertThat(json.at("/client/identity").isMissingNode()).isTrue();
    assertThat(json.at("/client/addressOf/workload").textValue()).isEqualTo("shop/frontend");
    assertThat(json.at("/client/addressOf/identity").textValue()).isEqualTo(identity);
    for (String[] more :
        List.of(
            new String[] {"--client-ip", "10.0.0.8"},
            new String[] {"--client-ip", "10.0.0.7", "--no-tls"},
            new String[] {"--client-ip", "10.0.0.7", "--client-identity", "shop/backend"})) {
      assertThat(web(more).ended(ExitCode.OK).out()).doesNotContain("assumed");
    }
  }

  @Test
  void thePodOfAnAddressMayHaveNoIdentity() throws Exception {
    write(
        ShopManifests.YAML.replace(
            "labels: {app: frontend, linkerd.io/control-plane-ns: linkerd}",
            "labels: {app: frontend}"));
    assertThat(web("--client-ip", "10.0.0.7").ended(ExitCode.OK).out())
        .contains("(no identity assumed: shop/frontend, which has that address, has none)");
  }

  @Test
  void saysWhatFailedInTheNearestAuthorization() {
    CommandRun run = web("--client-identity", "shop/backend").ended(ExitCode.OK);
    assertThat(run.out())
        .startsWith("denied (403): identity-mismatch: nothing grants it; nearest is")
        .contains("nearest     AuthorizationPolicy web-clients: identity fails")
        .contains(
            "  no match AuthorizationPolicy web-clients", "fails identity wants frontend.shop")
        .contains("address assumed: no workload with this identity has one");
  }

  @Test
  void namesTheTypoInAReferenceAsTheCauseInItsFirstSentence() throws Exception {
    write(
        ShopManifests.YAML.replace(
            "kind: MeshTLSAuthentication, name: frontend",
            "kind: MeshTLSAuthentication, name: fronted"));
    CommandRun run = web("--client-identity", "shop/frontend").ended(ExitCode.OK);
    assertThat(run.out().lines().findFirst().orElseThrow())
        .startsWith("denied (403): AuthorizationPolicy shop/web-clients: ")
        .contains("MeshTLSAuthentication shop/fronted", "did you mean \"frontend\"?")
        .contains("it grants nothing");
    assertThat(run.out().lines().skip(1).findFirst().orElseThrow()).contains(manifests + ":");
  }

  @Test
  void namesATypoInAServiceAccountThatMeantTheCaller() throws Exception {
    write(
        ShopManifests.YAML.replace(
            "kind: ServiceAccount, name: frontend", "kind: ServiceAccount, name: fronted"));
    assertThat(web("--client-identity", "shop/frontend").ended(ExitCode.OK).out())
        .startsWith("denied (403): MeshTLSAuthentication shop/frontend: ")
        .contains("did you mean \"frontend\"?");
    assertThat(web("--client-identity", "shop/backend").ended(ExitCode.OK).out())
        .startsWith("denied (403): identity-mismatch");
  }

  @Test
  void namesATypoInTheTargetOfAPolicy() throws Exception {
    write(ShopManifests.YAML.replace("kind: Server, name: web}", "kind: Server, name: wep}"));
    assertThat(web("--client-identity", "shop/frontend").ended(ExitCode.OK).out())
        .startsWith("denied (403): AuthorizationPolicy shop/web-clients: ")
        .contains("\"wep\"", "did you mean \"web\"?");
  }

  private static final String SERVER_TARGET = "{group: policy.linkerd.io, kind: Server, name: web}";
  private static final String IDENTITY_REFS =
      "identityRefs: [{kind: ServiceAccount, name: frontend}]";

  private static String replaced(String what, String with) {
    assertThat(ShopManifests.YAML).contains(what);
    return ShopManifests.YAML.replace(what, with);
  }

  /** A typo, the object that has it, and what is said of it. */
  static List<Arguments> typosThatKeepTheFrontendOut() {
    return List.of(
        Arguments.of(
            "Namespace of identityRefs",
            replaced(IDENTITY_REFS, "identityRefs: [{kind: Namespace, name: shpo}]"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "suffix of a namespace",
            replaced(
                IDENTITY_REFS,
                "identities: ['*.shpo.serviceaccount.identity.linkerd.cluster.local']"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "namespace of an account",
            replaced(
                IDENTITY_REFS,
                "identityRefs: [{kind: ServiceAccount, name: frontend, namespace: shpo}]"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "namespace in the identity of an account",
            replaced(
                IDENTITY_REFS,
                "identities: ['frontend.shpo.serviceaccount.identity.linkerd.cluster.local']"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "namespace of a required account",
            replaced(
                "{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: frontend}",
                "{kind: ServiceAccount, name: frontend, namespace: shpo}"),
            "AuthorizationPolicy shop/web-clients: ",
            "did you mean \"shop\"?"),
        Arguments.of(
            "identity of an account",
            replaced(
                IDENTITY_REFS,
                "identities: ['fronted.shop.serviceaccount.identity.linkerd.cluster.local']"),
            "MeshTLSAuthentication shop/frontend: ",
            "did you mean \"frontend\"?"),
        Arguments.of(
            "namespace of an authentication",
            replaced(
                "kind: MeshTLSAuthentication, name: frontend}",
                "kind: MeshTLSAuthentication, name: frontend, namespace: shpo}"),
            "AuthorizationPolicy shop/web-clients: ",
            "there is one in namespace shop"),
        Arguments.of(
            "label that a Server is selected by",
            replaced(
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
            replaced(SERVER_TARGET, "{group: policy.linkerd.io, kind: HTTPRoute, name: all}")
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
            replaced("port: http\n", "port: htpp\n"),
            "Server shop/web: ",
            "did you mean \"http\"?"),
        Arguments.of(
            "label that a Server selects by",
            replaced(
                "{matchLabels: {app: web}}\n  port: http",
                "{matchLabels: {app: wbe}}\n  port: 8080"),
            "Server shop/web: ",
            "did you mean \"app=web\"?"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("typosThatKeepTheFrontendOut")
  void blamesATypoForWhomItKeepsOutAndForNobodyElse(
      String typo, String yaml, String object, String hint) throws Exception {
    write(yaml);
    CommandRun meant = web("--client-identity", "shop/frontend").ended(ExitCode.OK);
    assertThat(meant.out().lines().findFirst().orElseThrow())
        .startsWith("denied (403): " + object)
        .contains(hint);
    assertThat(meant.out()).contains("  see " + manifests + ":");
    CommandRun stranger = web("--client-ip", "203.0.113.1").ended(ExitCode.OK);
    assertThat(stranger.out().lines().findFirst().orElseThrow())
        .startsWith("denied (403): ")
        .doesNotContain(object)
        .doesNotContain("(and: ");
  }

  @Test
  void tellsOfAnErrorWithoutSuggestionBesideThePlainReason() throws Exception {
    write(
        replaced(
            "kind: MeshTLSAuthentication, name: frontend",
            "kind: MeshTLSAuthentication, name: partners"));
    assertThat(web("--client-identity", "shop/backend").ended(ExitCode.OK).out())
        .startsWith(
            "denied (403): Server web has no authorization (and: AuthorizationPolicy"
                + " shop/web-clients: requires");
  }

  @Test
  void blamesATypoInTheDenialThatRefuses() throws Exception {
    write(
        ShopManifests.YAML
            + """
            ---
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
    assertThat(web("--client-identity", "shop/frontend").ended(ExitCode.OK).out())
        .startsWith("denied (403): DenyPolicy shop/quarantine: ")
        .contains("did you mean \"intruders\"?");
    assertThat(web("--client-identity", "intruder.example.org").ended(ExitCode.OK).out())
        .startsWith("denied (403): DenyPolicy quarantine denies it");
  }

  @Test
  void doesNotBlameWhatBearsOnAnotherServer() throws Exception {
    write(
        ShopManifests.YAML
            + """
            ---
            apiVersion: policy.linkerd.io/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: scrapers, namespace: shop}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: metrics}
              requiredAuthenticationRefs:
                - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: prometeus}
            """);
    CommandRun run = web("--client-identity", "shop/backend").ended(ExitCode.OK);
    assertThat(run.out()).startsWith("denied (403): identity-mismatch").doesNotContain("prometeus");
  }

  @Test
  void showsDenialsBeforeWhatAllows() throws Exception {
    write(
        ShopManifests.YAML
            + """
            ---
            apiVersion: policy.signetmesh.io/v1alpha1
            kind: DenyPolicy
            metadata: {name: quarantine, namespace: shop}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: web}
              requiredAuthenticationRefs: [{kind: ServiceAccount, name: frontend}]
            """);
    CommandRun run = web("--client-identity", "shop/frontend").ended(ExitCode.OK);
    assertThat(run.out())
        .startsWith("denied (403): DenyPolicy quarantine denies it, whatever else allows it");
    assertThat(run.out().indexOf("* matched  DenyPolicy quarantine (denial of the server)"))
        .isPositive()
        .isLessThan(run.out().indexOf("matched  AuthorizationPolicy web-clients"));
  }

  @Test
  void tellsOfTheDryRunWithoutChangingTheOutcome() throws Exception {
    write(
        ShopManifests.YAML
            + """
            ---
            apiVersion: policy.signetmesh.io/v1alpha1
            kind: DenyPolicy
            metadata: {name: quarantine, namespace: shop}
            spec:
              mode: audit
              targetRef: {group: policy.linkerd.io, kind: Server, name: web}
              requiredAuthenticationRefs: [{kind: ServiceAccount, name: frontend}]
            """);
    CommandRun run = web("--client-identity", "shop/frontend").ended(ExitCode.OK);
    assertThat(run.out())
        .startsWith("allowed (200): authorized by AuthorizationPolicy web-clients")
        .contains("dry run     would deny: DenyPolicy quarantine denies it")
        .contains("Rules if everything in mode audit were in force:");
  }

  @Test
  void tellsOfTheServerInDryRunByItsName() throws Exception {
    write(
        ShopManifests.YAML
            + """
            ---
            apiVersion: policy.linkerd.io/v1beta3
            kind: Server
            metadata:
              name: tried
              namespace: shop
              annotations: {policy.signetmesh.io/mode: audit}
            spec: {podSelector: {matchLabels: {app: web}}, port: 9999, proxyProtocol: HTTP/1}
            """);
    String[] call = {
      "--workload",
      "shop/web",
      "--port",
      "9999",
      "--client-identity",
      "shop/frontend",
      "--default-policy",
      "all-authenticated",
      "-o",
      "text"
    };
    assertThat(explain(call).ended(ExitCode.OK).out())
        .startsWith("allowed (200): authorized by default policy all-authenticated")
        .contains("dry run     would deny: Server tried has no authorization\n");
    call[call.length - 1] = "json";
    JsonNode dryRun = explain(call).ended(ExitCode.OK).json().get("trial");
    assertThat(dryRun.get("server").asText()).isEqualTo("policy.linkerd.io/server/tried");
    assertThat(dryRun.get("verdict").asText()).isEqualTo("deny");
  }

  @Test
  void saysWhichLimitsACallTakesFrom() throws Exception {
    write(
        ShopManifests.YAML
            + """
            ---
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
    assertThat(web("--client-identity", "shop/frontend").ended(ExitCode.OK).out())
        .contains(
            "limits      100 requests/s for all clients together, 50 requests/s for this identity by"
                + " an override (HTTPLocalRateLimitPolicy web); not asked here");
    assertThat(web("--client-identity", "shop/backend").ended(ExitCode.OK).out())
        .contains("10 requests/s for this identity");
  }

  @Test
  void answersForProgramsToo() throws Exception {
    JsonNode json =
        web("--client-ip", "10.9.9.9", "--method", "POST", "--header", "x-tenant: 7", "-o", "json")
            .ended(ExitCode.OK)
            .json();
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
    web("--expect", "deny").ended(ExitCode.OK);
    web("--expect", "allow").ended(ExitCode.NEGATIVE);
    web("--client-identity", "shop/frontend", "--expect", "allow").ended(ExitCode.OK);
  }

  @Test
  void takesADeploymentForItsFirstPod() {
    CommandRun run =
        explain(
                "--workload",
                "deploy/store",
                "--port",
                "8080",
                "--client-identity",
                "shop/frontend")
            .ended(ExitCode.OK);
    assertThat(run.out()).startsWith("allowed").contains("workload    shop/web port 8080");
    explain("--workload", "shop/deploy/store", "--port", "8080").ended(ExitCode.OK);
  }

  @Test
  void wantsTheNamespaceOfAWorkloadThatSeveralHave() throws Exception {
    write(
        ShopManifests.YAML
            + """
            ---
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
    assertThat(
            explain("--workload", "sts/db", "--port", "5432").ended(ExitCode.CONFIGURATION).err())
        .contains("'sts/db' is in the namespaces shop, store: expected NAMESPACE/sts/db");
    assertThat(explain("--workload", "store/sts/db", "--port", "5432").ended(ExitCode.OK).out())
        .contains("workload    store/db-0 port 5432");
  }

  @Test
  void suggestsTheNearestWorkload() {
    CommandRun run =
        explain("--workload", "shop/webb", "--port", "8080").ended(ExitCode.CONFIGURATION);
    assertThat(run.err())
        .isEqualToIgnoringNewLines(
            "signet: there is no workload 'shop/webb' (did you mean \"shop/web\"?)");
  }

  @Test
  void saysThatAPodHasNoProxy() throws Exception {
    write(
        ShopManifests.YAML.replace(
            "{app: web, linkerd.io/control-plane-ns: linkerd}", "{app: web}"));
    assertThat(web().ended(ExitCode.CONFIGURATION).err())
        .contains("shop/web has no proxy", "linkerd.io/control-plane-ns");
  }

  @Test
  void decidesAboutConnectionsWhereThePortTakesNoRequests() {
    CommandRun run = explain("--workload", "shop/web", "--port", "9000").ended(ExitCode.OK);
    assertThat(run.out())
        .startsWith("allowed (forwarded): authorized by default policy all-unauthenticated")
        .contains("asks        tcp connection")
        .doesNotContain("Routes considered");
  }

  @Test
  void refusesWhatThePortDoesNotSpeak() {
    CommandRun run =
        web("--client-identity", "shop/frontend", "--protocol", "tcp", "-o", "text")
            .ended(ExitCode.OK);
    assertThat(run.out()).startsWith("denied (400): what the client speaks is not what Server web");
  }

  @Test
  void refusesAnIdentityWithoutMeshTls() {
    assertThat(web("--client-identity", "x", "--no-tls").ended(ExitCode.CONFIGURATION).err())
        .contains("an identity is shown in mesh TLS only");
  }

  @Test
  void refusesOptionsThatMakeNoSense() {
    assertThat(web("--client-ip", "10.0.0").ended(ExitCode.CONFIGURATION).err())
        .contains("'10.0.0' is no IP address");
    assertThat(web("--protocol", "http").ended(ExitCode.USAGE).err())
        .contains("'http' is no protocol", "http/1, http/2, grpc, tcp, tls");
    assertThat(web("--header", "x").ended(ExitCode.USAGE).err()).contains("NAME:VALUE");
    assertThat(web("--server").ended(ExitCode.USAGE).err()).contains("either -f PATH");
    assertThat(explain("--workload", "shop/web", "--port", "0").ended(ExitCode.USAGE).err())
        .contains("expected 1 to 65535");
  }
}
