package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PolicyValidateCommandTest {
  private static final String CLASH =
      """
      ---
      apiVersion: policy.linkerd.io/v1beta3
      kind: Server
      metadata: {name: web-again, namespace: shop}
      spec: {podSelector: {matchLabels: {app: web}}, port: 8080}
      """;

  @TempDir private Path directory;

  private CommandRun validate(String yaml, String... more) throws IOException {
    Path file = Files.writeString(directory.resolve("shop.yaml"), yaml);
    String[] first = {"policy", "validate", "-f", file.toString()};
    String[] all = java.util.Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return CommandRun.of(all);
  }

  @Test
  void findsNothingWrongWithTheShop() throws Exception {
    assertThat(validate(ShopManifests.YAML).ended(ExitCode.OK).out())
        .isEqualToIgnoringNewLines("6 objects, 0 errors, 0 warnings");
  }

  @Test
  void reportsFieldsAndReferencesOfOneSetTogether() throws Exception {
    String yaml =
        ShopManifests.YAML
            .replace("accessPolicy: all-unauthenticated", "accessPolicy: open")
            .replace(
                "kind: MeshTLSAuthentication, name: frontend",
                "kind: MeshTLSAuthentication, name: fronted");
    CommandRun run = validate(yaml).ended(ExitCode.NEGATIVE);
    int access = lineOf(yaml, "accessPolicy: open");
    int policy = lineOf(yaml, "name: web-clients");
    assertThat(run.out().lines().toList())
        .hasSize(3)
        .satisfies(
            lines -> {
              assertThat(lines.get(0))
                  .contains("shop.yaml:" + access + ":", "error: Server shop/metrics:", "\"open\"");
              assertThat(lines.get(1))
                  .contains("error: AuthorizationPolicy shop/web-clients", "fronted");
              assertThat(placeOf(lines.get(1))).isBetween(policy - 2, policy + 6);
              assertThat(lines.get(2)).isEqualTo("5 objects, 2 errors, 0 warnings");
            });
  }

  @Test
  void doesNotBlameTheReferencesToAnInvalidObject() throws Exception {
    String yaml = ShopManifests.YAML.replace("name: frontend}]", "name: frontend, x: 1}]");
    CommandRun run = validate(yaml).ended(ExitCode.NEGATIVE);
    assertThat(run.out()).contains("unknown field \"x\"", "5 objects, 1 error, 0 warnings");
  }

  @Test
  void aDenyThatNothingEnforcesIsAnError() throws Exception {
    String egress =
        """
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: EgressNetwork
        metadata: {name: all, namespace: shop}
        spec: {trafficPolicy: Deny}
        """;
    CommandRun run = validate(ShopManifests.YAML + egress).ended(ExitCode.NEGATIVE);
    assertThat(run.out())
        .contains("error: EgressNetwork shop/all: trafficPolicy Deny is not in force")
        .contains("(not-in-force)", "7 objects, 1 error, 0 warnings");
    assertThat(validate(ShopManifests.YAML + egress.replace("Deny", "Allow")).ended(0).out())
        .contains("(not-in-force)", "0 errors, 1 warning");
  }

  @Test
  void whatExistsElsewhereCanBeAssumed() throws Exception {
    String policy =
        """
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: ops, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: gateway}
          requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: operators, namespace: ops}
        """;
    assertThat(validate(ShopManifests.YAML + policy).ended(ExitCode.NEGATIVE).out())
        .contains("gateway", "operators", "2 errors");
    Path others =
        Files.writeString(
            directory.resolve("others.yaml"),
            """
            apiVersion: policy.linkerd.io/v1beta3
            kind: Server
            metadata: {name: gateway, namespace: shop}
            ---
            apiVersion: policy.linkerd.io/v1alpha1
            kind: MeshTLSAuthentication
            metadata: {name: operators, namespace: ops}
            spec: {identities: [a.example]}
            """);
    assertThat(
            validate(ShopManifests.YAML + policy, "--assume", others.toString())
                .ended(ExitCode.OK)
                .out())
        .isEqualToIgnoringNewLines("7 objects, 0 errors, 0 warnings");
  }

  @Test
  void anAssumedObjectOfTheSameNameAndAnotherKindIsNoneOfTheOnesMissing() throws Exception {
    Path others =
        Files.writeString(
            directory.resolve("others.yaml"),
            """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: NetworkAuthentication
            metadata: {name: gateway, namespace: shop}
            """);
    String policy =
        """
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: ops, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: gateway}
          requiredAuthenticationRefs: []
        """;
    validate(ShopManifests.YAML + policy, "--assume", others.toString()).ended(ExitCode.NEGATIVE);
  }

  @Test
  void whatIsAssumedMustBeObjects() throws Exception {
    Path others = Files.writeString(directory.resolve("others.yaml"), "kind: Server\n");
    assertThat(
            validate(ShopManifests.YAML, "--assume", others.toString())
                .ended(ExitCode.CONFIGURATION)
                .err())
        .contains("the objects of --assume cannot be read", "apiVersion is missing");
  }

  @Test
  void warningsFailOnlyWhenAsked() throws Exception {
    CommandRun run = validate(ShopManifests.YAML + CLASH).ended(ExitCode.OK);
    assertThat(run.out()).contains("warning: Server shop/web-again", "(port-conflict)");
    validate(ShopManifests.YAML + CLASH, "--warnings-as-errors").ended(ExitCode.NEGATIVE);
  }

  @Test
  void printsFindingsForPrograms() throws Exception {
    JsonNode json = validate(ShopManifests.YAML + CLASH, "-o", "json").ended(ExitCode.OK).json();
    assertThat(json.get("objects").asInt()).isEqualTo(7);
    assertThat(json.get("warnings").asInt()).isEqualTo(1);
    JsonNode finding = json.get("findings").get(0);
    assertThat(finding.get("rule").asText()).isEqualTo("port-conflict");
    assertThat(finding.get("severity").asText()).isEqualTo("warning");
    assertThat(finding.get("file").asText()).endsWith("shop.yaml");
    assertThat(finding.get("line").asInt())
        .isGreaterThanOrEqualTo(lineOf(ShopManifests.YAML + CLASH, "web-again") - 2);
    assertThat(finding.get("object").get("name").asText()).isEqualTo("web-again");
  }

  @Test
  void objectsWithoutNamespaceAreOfTheDefaultOne() throws Exception {
    String bare =
        ShopManifests.YAML.replace(", namespace: shop", "").replace("  namespace: shop\n", "");
    assertThat(validate(bare).ended(ExitCode.NEGATIVE).out())
        .contains("required field \"namespace\" missing", "--default-namespace");
    assertThat(validate(bare, "--default-namespace", "shop").ended(ExitCode.OK).out())
        .isEqualToIgnoringNewLines("6 objects, 0 errors, 0 warnings");
    assertThat(validate(bare, "--default-namespace", "Shop").ended(ExitCode.USAGE).err())
        .contains("'Shop' is no namespace");
    CommandRun explained =
        CommandRun.of(
            "policy",
            "explain",
            "-f",
            directory.resolve("shop.yaml").toString(),
            "--default-namespace",
            "shop",
            "--workload",
            "shop/web",
            "--port",
            "8080",
            "--client-identity",
            "shop/frontend");
    assertThat(explained.ended(ExitCode.OK).out()).contains("allowed", "web-clients");
  }

  private static final String SECRET =
      """
      ---
      apiVersion: v1
      kind: Secret
      metadata: {name: key}
      stringData: {password: hunter2}
      """;

  @Test
  void notesWhatIsPassedOver() throws Exception {
    CommandRun run =
        validate(ShopManifests.YAML + SECRET, "--warnings-as-errors").ended(ExitCode.OK);
    int line = lineOf(ShopManifests.YAML + SECRET, "kind: Secret");
    assertThat(run.out())
        .contains("shop.yaml:" + line + ":1: note: Secret: 1 object is passed over")
        .endsWith("6 objects, 0 errors, 0 warnings\n");
    JsonNode json = validate(ShopManifests.YAML + SECRET, "-o", "json").json();
    assertThat(json.get("passedOver")).hasSize(1);
    assertThat(json.get("passedOver").get(0).get("kind").asText()).isEqualTo("Secret");
    assertThat(json.get("passedOver").get(0).get("line").asInt()).isEqualTo(line);
    assertThat(run.out() + run.err() + json).doesNotContain("hunter2");
  }

  @Test
  void aPathWithoutAnyObjectIsNotFoundInOrder() throws Exception {
    Path empty = Files.createDirectory(directory.resolve("empty"));
    Files.writeString(directory.resolve("shop.yaml"), ShopManifests.YAML);
    CommandRun run =
        CommandRun.of(
                "policy",
                "validate",
                "-f",
                directory.resolve("shop.yaml").toString(),
                "-f",
                empty.toString())
            .ended(ExitCode.CONFIGURATION);
    assertThat(run.err()).contains("there is no object of the mesh in " + empty + ":");
    assertThat(validate(SECRET).ended(ExitCode.CONFIGURATION).err()).contains("shop.yaml");
  }

  @Test
  void saysOneThingOfOneMistake() throws Exception {
    String mistakes =
        """
        ---
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata: {name: odd, namespace: shop}
        spec:
          podSelector: {matchExpressions: [{key: app, operator: In}]}
          port: 8081
        ---
        apiVersion: policy.linkerd.io/v1beta1
        kind: ServerAuthorization
        metadata: {name: nobody, namespace: shop}
        spec: {server: {name: web}, client: {}}
        ---
        apiVersion: policy.linkerd.io/v1beta1
        kind: ServerAuthorization
        metadata: {name: no-identity, namespace: shop}
        spec: {server: {name: web}, client: {meshTLS: {}}}
        ---
        apiVersion: policy.linkerd.io/v1beta3
        kind: HTTPRoute
        metadata: {name: parents, namespace: shop}
        spec:
          parentRefs:
            - {group: policy.linkerd.io, kind: Server, name: web}
            - {group: policy.linkerd.io, kind: Server, name: web, port: 8080}
            - {group: policy.linkerd.io, kind: Server, name: web, sectionName: a}
            - {group: policy.linkerd.io, kind: Server, name: web, namespace: other}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: mirror, namespace: shop}
        spec:
          parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
          rules:
            - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: x, port: 80}}}]
              matches: [{path: {value: /mirror}}]
            - filters: [{type: URLRewrite, urlRewrite: {hostname: a.b}}]
              matches: [{path: {value: /rewrite}}]
        """;
    assertThat(validate(ShopManifests.YAML + mistakes).ended(ExitCode.NEGATIVE).out().lines())
        .satisfiesExactly(
            line -> assertThat(line).contains("error: Server shop/odd: selector has"),
            line ->
                assertThat(line).contains("error: ServerAuthorization shop/nobody: spec.client"),
            line -> assertThat(line).contains("error: ServerAuthorization shop/no-identity: spec."),
            line -> assertThat(line).contains("error: HTTPRoute shop/parents:", "[1]"),
            line -> assertThat(line).contains("error: HTTPRoute shop/parents:", "[2]"),
            line -> assertThat(line).contains("error: HTTPRoute shop/parents:", "[3].namespace"),
            line -> assertThat(line).contains("warning: HTTPRoute shop/mirror:", "RequestMirror"),
            line -> assertThat(line).contains("warning: HTTPRoute shop/mirror:", "URLRewrite"),
            line -> assertThat(line).contains("6 errors, 2 warnings"));
  }

  @Test
  void aFileThatIsNotThereIsNoFinding() {
    CommandRun run =
        CommandRun.of("policy", "validate", "-f", directory.resolve("none.yaml").toString())
            .ended(ExitCode.CONFIGURATION);
    assertThat(run.err()).contains("none.yaml").contains("does not exist");
  }

  private static int lineOf(String yaml, String text) {
    return (int) yaml.substring(0, yaml.indexOf(text)).lines().count();
  }

  private static int placeOf(String line) {
    String place = line.substring(line.indexOf(".yaml:") + ".yaml:".length());
    return Integer.parseInt(place.substring(0, place.indexOf(':')));
  }
}
