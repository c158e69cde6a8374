package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.TokenIssuer;
import io.signetmesh.cli.command.ExitCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code policy explain} and {@code policy test} of calls with tokens. */
final class PolicyTokensTest {
  private static final String FETCHED = "jwksUri: https://login.test/keys";
  private static final String IN_TIME = "2026-11-01T00:10:00Z";

  private final TokenIssuer issuer = new TokenIssuer();

  @TempDir private Path directory;

  private Path manifests(String keys) throws Exception {
    return Files.writeString(
        directory.resolve("shop.yaml"),
        ShopManifests.YAML + "---\n" + TokenIssuer.manifests(keys, ""));
  }

  private CommandRun explain(String... options) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "policy",
                "explain",
                "-f",
                directory.resolve("shop.yaml").toString(),
                "--workload",
                "shop/web",
                "--port",
                "8080"));
    all.addAll(List.of(options));
    return CommandRun.of(all.toArray(String[]::new));
  }

  private CommandRun test(String cases, String... options) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of(
                "policy",
                "test",
                "-f",
                directory.resolve("shop.yaml").toString(),
                "-t",
                Files.writeString(directory.resolve("cases.yaml"), cases).toString()));
    all.addAll(List.of(options));
    return CommandRun.of(all.toArray(String[]::new));
  }

  private String inline() {
    return "jwks: '" + issuer.keys() + "'";
  }

  @Test
  void aTokenIsVerifiedAndNeverShown() throws Exception {
    manifests(inline());
    String token = issuer.token(TokenIssuer.CLAIMS);
    CommandRun run = explain("--token", token, "--at", IN_TIME).ended(ExitCode.OK);
    assertThat(run.out())
        .contains(
            "allowed (200): authorized by AuthorizationPolicy users",
            "token       shop/users: passed, subject alice",
            "token shop/users wants a token of https://login.test for audience web, with claim"
                + " groups any of \"staff\", is a valid token of subject alice")
        .doesNotContain(token.substring(0, 20));

    JsonNode json = explain("--token", token, "--at", IN_TIME, "-o", "json").json();
    assertThat(json.at("/tokens/0/authentication").asText()).isEqualTo("shop/users");
    assertThat(json.at("/tokens/0/result").asText()).isEqualTo("passed");
    assertThat(json.at("/tokens/0/subject").asText()).isEqualTo("alice");
    assertThat(json.toString()).doesNotContain(token.substring(0, 20));
  }

  @Test
  void aTokenInTheQueryIsNotShown() throws Exception {
    manifests(inline());
    String token = issuer.token(TokenIssuer.CLAIMS);
    CommandRun run = explain("--token", token, "--path", "/a?t={token}", "--at", IN_TIME);
    assertThat(run.ended(ExitCode.OK).out())
        .contains("GET /a?t={token} of host web", "shop/users: missing")
        .doesNotContain(token.substring(0, 20));
  }

  @Test
  void aTokenComesFromAFile() throws Exception {
    manifests(inline());
    Path file =
        Files.writeString(directory.resolve("token"), issuer.token(TokenIssuer.CLAIMS) + "\n");
    explain("--token", file.toString(), "--at", IN_TIME, "--expect", "allow").ended(ExitCode.OK);
    assertThat(explain("--token", "nowhere").ended(ExitCode.CONFIGURATION).err())
        .contains("nowhere: there is no such file");
  }

  @Test
  void theTimeOfTheCallDecidesOnTheEndOfATokenAndTheSkewCounts() throws Exception {
    manifests(inline());
    String token = issuer.token(TokenIssuer.CLAIMS);
    explain("--token", token, "--at", "2026-11-01T01:00:59Z", "--expect", "allow")
        .ended(ExitCode.OK);
    CommandRun late = explain("--token", token, "--at", "2026-11-01T01:05:00Z");
    assertThat(late.ended(ExitCode.OK).out())
        .contains(
            "denied (401): token-invalid",
            "shop/users: expired, subject alice, exp has ended, 240 s beyond what is tolerated");
  }

  @Test
  void noTokenIsAnswered401AndAnotherAuthorizationStillGrants() throws Exception {
    manifests(inline());
    assertThat(explain().ended(ExitCode.OK).out())
        .contains("denied (401): token-required", "shop/users: missing");
    explain("--client-identity", "shop/frontend", "--token", "ey.e.e", "--expect", "allow")
        .ended(ExitCode.OK);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"iss\":\"https://login.test\",\"aud\":\"web\",\"groups\":\"staff\",\"exp\":\"+5m\"}|allow|passed",
        "{\"iss\":\"https://login.test\",\"aud\":\"web\",\"groups\":\"staff\",\"exp\":\"-61s\"}|deny|expired",
        "{\"iss\":\"https://login.test\",\"aud\":\"web\",\"groups\":\"staff\",\"exp\":\"-50s\"}|allow|passed",
        "{\"iss\":\"https://login.test\",\"aud\":\"api\",\"groups\":\"staff\",\"exp\":\"+5m\"}|deny|audience",
        "{\"iss\":\"https://login.test/\",\"aud\":\"web\",\"groups\":\"staff\",\"exp\":\"+5m\"}|deny|issuer",
        "{\"iss\":\"https://login.test\",\"aud\":\"web\",\"groups\":\"guests\",\"exp\":\"+5m\"}|deny|claim",
        "{\"iss\":\"https://login.test\",\"aud\":\"web\",\"groups\":\"staff\"}|deny|expiry-missing",
        "{\"iss\":\"https://login.test\",\"aud\":\"web\",\"groups\":\"staff\",\"exp\":\"soon\"}|deny|malformed"
      })
  void claimsAreCheckedButForTheirSignature(String claims, String verdict, String result)
      throws Exception {
    // Nobody has the keys, and nobody needs them.
    manifests(FETCHED);
    JsonNode json =
        explain("--claims", claims, "--expect", verdict, "-o", "json").ended(ExitCode.OK).json();
    assertThat(json.at("/tokens/0/result").asText()).isEqualTo(result);
  }

  @Test
  void claimsThatAreNoJsonObjectAreRefused() throws Exception {
    manifests(FETCHED);
    assertThat(explain("--claims", "{\"iss\": }").ended(ExitCode.CONFIGURATION).err())
        .contains("--claims: not JSON at line 1");
    assertThat(explain("--claims", "{\"a\": 1, \"a\": 2}").ended(ExitCode.CONFIGURATION).err())
        .contains("--claims: not JSON");
    assertThat(explain("--claims", "{}", "--token", "ey.e.e").ended(ExitCode.USAGE).err())
        .contains("--token and --claims: expected one of them");
  }

  @Test
  void keysThatAControllerWouldFetchAreGivenOrMissing() throws Exception {
    manifests(FETCHED);
    String token = issuer.token(TokenIssuer.CLAIMS);
    assertThat(explain("--token", token, "--at", IN_TIME).ended(ExitCode.OK).out())
        .contains("denied (401)", "shop/users: keys-unavailable", "not fetched offline");
    Path keys = Files.writeString(directory.resolve("keys.json"), issuer.keys());
    explain("--token", token, "--at", IN_TIME, "--keys", "shop/users=" + keys, "--expect", "allow")
        .ended(ExitCode.OK);
    assertThat(explain("--keys", "shop/user=" + keys).ended(ExitCode.CONFIGURATION).err())
        .contains("keys for \"shop/user\": there is no such JWTAuthentication")
        .contains("did you mean \"shop/users\"");
    assertThat(
            explain("--keys", "shop/users=" + directory.resolve("shop.yaml"))
                .ended(ExitCode.CONFIGURATION)
                .err())
        .contains("key set");
  }

  @Test
  void keysOfAnInlineSetAreNotReplaced() throws Exception {
    manifests(inline());
    Path keys = Files.writeString(directory.resolve("keys.json"), issuer.keys());
    assertThat(explain("--keys", "shop/users=" + keys).ended(ExitCode.CONFIGURATION).err())
        .contains("its keys are in the manifests, not fetched");
  }

  @Test
  void validateDoesNotBlameKeysThatNobodyFetchesHere() throws Exception {
    Path file = manifests(FETCHED);
    CommandRun.of("policy", "validate", "-f", file.toString()).ended(ExitCode.OK);
  }

  @Test
  void casesTakeTokensClaimsTimesAndKeys() throws Exception {
    manifests(FETCHED);
    Files.writeString(directory.resolve("keys.json"), issuer.keys());
    Files.writeString(directory.resolve("alice.jwt"), issuer.token(TokenIssuer.CLAIMS));
    String cases =
        """
        - name: a member of the staff
          workload: shop/web
          port: 8080
          request:
            claims: {iss: https://login.test, aud: web, exp: +5m, groups: [staff], admin: true}
          expect: {verdict: allow, authorization: users}
        - name: the header is checked where it is written
          workload: shop/web
          port: 8080
          request:
            claims: {iss: https://login.test, aud: web, exp: +5m, groups: [staff]}
            tokenHeader: {alg: HS256}
          expect: {status: 401, reason: token-invalid}
        - name: a token in a file
          workload: shop/web
          port: 8080
          request: {tokenFile: alice.jwt}
          at: 2026-11-01T00:10:00Z
          keys: {shop/users: keys.json}
          expect: {verdict: allow, authorization: users}
        - name: nobody has the keys
          workload: shop/web
          port: 8080
          request: {tokenFile: alice.jwt}
          at: 2026-11-01T00:10:00Z
          expect: {status: 401, reason: token-invalid}
        - name: gRPC
          workload: shop/web
          port: 8080
          client: {tls: true}
          request:
            protocol: grpc
            path: /shop.Web/Get
            claims: {iss: https://login.test, aud: web, exp: +5m, groups: [guests]}
          expect: {grpcStatus: 7, reason: claim-mismatch}
        - name: a cookie is not where the token is looked for
          workload: shop/web
          port: 8080
          request:
            headers: {cookie: "session={token}"}
            claims: {iss: https://login.test, aud: web, exp: +5m, groups: [staff]}
          expect: {status: 401, reason: token-required}
        """;
    assertThat(test(cases).ended(ExitCode.OK).out()).contains("6 cases, all as expected");
  }

  @Test
  void casesAreReadStrictly() throws Exception {
    manifests(FETCHED);
    String cases =
        """
        - name: two tokens
          workload: shop/web
          port: 8080
          request: {token: a.b.c, claims: {iss: x}}
          expect: {verdict: deny}
        - name: no time
          workload: shop/web
          port: 8080
          at: tomorrow
          expect: {verdict: deny}
        - name: a header without claims
          workload: shop/web
          port: 8080
          before: [{request: {tokenHeader: {alg: ES256}}}]
          expect: {verdict: deny}
        - name: claims are an object
          workload: shop/web
          port: 8080
          request: {claims: alice}
          expect: {verdict: deny}
        """;
    assertThat(test(cases).ended(ExitCode.CONFIGURATION).err())
        .contains(
            "cases.yaml:4",
            "token, tokenFile and claims exclude each other",
            "cases.yaml:9",
            "'tomorrow' is no time",
            "tokenHeader is for claims",
            "expected an object, found a string");
  }

  @Test
  void anAbsentTokenFileFailsItsCaseOnly() throws Exception {
    manifests(FETCHED);
    String cases =
        """
        - name: no file
          workload: shop/web
          port: 8080
          request: {tokenFile: nowhere.jwt}
          expect: {verdict: deny}
        - name: no token
          workload: shop/web
          port: 8080
          expect: {status: 401}
        """;
    assertThat(test(cases).ended(ExitCode.NEGATIVE).out())
        .contains("FAIL  no file", "nowhere.jwt", "2 cases, 1 not as expected");
  }

  @Test
  void aTokenCanBeBoundToTheClientsCertificate() throws Exception {
    Files.writeString(
        directory.resolve("shop.yaml"),
        ShopManifests.YAML
            + "---\n"
            + TokenIssuer.manifests(FETCHED, "boundTo: Certificate")
                .replace(
                    "requiredAuthenticationRefs:",
                    "requiredAuthenticationRefs:\n"
                        + "    - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: frontend}")
                .replace(
                    "name: users, namespace: shop}\nspec:\n  targetRef",
                    "name: bound," + " namespace: shop}\nspec:\n  targetRef"));
    String claims =
        "{\"iss\":\"https://login.test\",\"aud\":\"web\",\"groups\":\"staff\",\"exp\":\"+5m\","
            + "\"cnf\":{\"x5t#S256\":\"%s\"}}";
    String[] own = {"--client-identity", "shop/frontend", "-o", "json", "--claims"};
    assertThat(result(own, claims.formatted("{certificate}"))).isEqualTo("passed");
    assertThat(result(own, claims.formatted("A".repeat(43)))).isEqualTo("certificate-mismatch");
  }

  private String result(String[] options, String claims) throws Exception {
    List<String> all = new ArrayList<>(List.of(options));
    all.add(claims);
    return explain(all.toArray(String[]::new))
        .ended(ExitCode.OK)
        .json()
        .at("/tokens/0/result")
        .asText();
  }
}
