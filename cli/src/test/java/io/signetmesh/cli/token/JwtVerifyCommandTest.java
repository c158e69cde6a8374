package io.signetmesh.cli.token;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.TokenIssuer;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.jwt.Thumbprint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JwtVerifyCommandTest {
  private static final String IN_TIME = "2026-11-01T00:10:00Z";

  private final TokenIssuer issuer = new TokenIssuer();

  @TempDir private Path directory;

  private Path manifest(String keys, String more) throws Exception {
    return Files.writeString(
        directory.resolve("users.yaml"), TokenIssuer.authentication(keys, more));
  }

  private CommandRun verify(String token, String... options) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of("jwt", "verify", "--manifest", directory.resolve("users.yaml").toString()));
    all.addAll(List.of(options));
    all.add(Files.writeString(directory.resolve("token"), token).toString());
    CommandRun run = CommandRun.of(all.toArray(String[]::new));
    assertThat(run.out() + run.err()).doesNotContain(token.substring(0, token.length() / 2));
    return run;
  }

  private String inline() {
    return "jwks: '" + issuer.keys() + "'";
  }

  @Test
  void saysWhatEachCheckOfAGoodTokenCameTo() throws Exception {
    manifest(inline(), "");
    CommandRun run = verify(issuer.token(TokenIssuer.CLAIMS), "--at", IN_TIME).ended(ExitCode.OK);
    assertThat(run.out())
        .contains("accepted: JWTAuthentication shop/users wants a token of https://login.test")
        .containsPattern("ok +form ")
        .containsPattern("ok +algorithm +ES256")
        .containsPattern("ok +iss +https://login.test")
        .containsPattern("ok +key +kid one")
        .containsPattern("ok +signature ")
        .containsPattern("ok +aud +web")
        .containsPattern("ok +exp +2026-11-01T01:00:00Z")
        .containsPattern("ok +claim +groups any of \"staff\"")
        .containsPattern("ok +time ");
  }

  @Test
  void aRefusedTokenHasAllItsFaultsNamed() throws Exception {
    manifest(inline(), "");
    String claims = TokenIssuer.CLAIMS.replace("staff", "guests").replace("\"web\"", "\"api\"");
    JsonNode json =
        verify(issuer.token(claims), "--at", "2026-11-02T00:00:00Z", "-o", "json")
            .ended(ExitCode.NEGATIVE)
            .json();
    assertThat(json.get("accepted").asBoolean()).isFalse();
    assertThat(json.get("failure").asText()).isEqualTo("audience");
    List<String> failed = new ArrayList<>();
    json.get("checks")
        .forEach(
            check -> {
              if (!check.get("passed").asBoolean()) {
                failed.add(check.get("name").asText());
              }
            });
    assertThat(failed).containsExactly("aud", "claim", "time");
    assertThat(json.toString()).doesNotContain("guests", "\"api\"");
  }

  @Test
  void whatIsNoTokenIsRefused() throws Exception {
    manifest(inline(), "");
    assertThat(verify("no token at all").ended(ExitCode.NEGATIVE).out())
        .contains("refused (malformed)");
  }

  @Test
  void keysComeFromAFile() throws Exception {
    manifest("discovery: https://login.test/.well-known/openid-configuration", "");
    String token = issuer.token(TokenIssuer.CLAIMS);
    assertThat(verify(token, "--at", IN_TIME).ended(ExitCode.NEGATIVE).out())
        .contains("refused (keys-unavailable)", "not fetched offline");
    Path keys = Files.writeString(directory.resolve("keys.json"), issuer.keys());
    verify(token, "--at", IN_TIME, "--keys", keys.toString()).ended(ExitCode.OK);
    Path others = Files.writeString(directory.resolve("others.json"), new TokenIssuer().keys());
    assertThat(
            verify(token, "--at", IN_TIME, "--keys", others.toString())
                .ended(ExitCode.NEGATIVE)
                .out())
        .contains("refused (signature)");
  }

  @Test
  void aTokenOfACertificateNeedsIt() throws Exception {
    manifest(inline(), "boundTo: Certificate");
    X509Bundle client =
        new CertificateBuilder()
            .subject("CN=client")
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
    Path pem = Files.writeString(directory.resolve("client.pem"), client.getCertificatePEM());
    String bound =
        issuer.token(
            TokenIssuer.CLAIMS.replace(
                "{\"iss\"",
                "{\"cnf\":{\"x5t#S256\":\""
                    + Thumbprint.ofCertificate(client.getCertificate())
                    + "\"},\"iss\""));
    verify(bound, "--at", IN_TIME, "--client-cert", pem.toString()).ended(ExitCode.OK);
    assertThat(verify(bound, "--at", IN_TIME).ended(ExitCode.NEGATIVE).out())
        .contains("refused (certificate-mismatch)", "--client-cert");
    assertThat(
            verify(
                    issuer.token(TokenIssuer.CLAIMS),
                    "--at",
                    IN_TIME,
                    "--client-cert",
                    pem.toString())
                .ended(ExitCode.NEGATIVE)
                .out())
        .contains("refused (binding-missing)");
  }

  @Test
  void oneOfSeveralAuthenticationsHasToBeNamed() throws Exception {
    Files.writeString(
        directory.resolve("users.yaml"),
        TokenIssuer.authentication(inline(), "")
            + "---\n"
            + TokenIssuer.authentication(inline(), "").replace("name: users", "name: robots"));
    String token = issuer.token(TokenIssuer.CLAIMS);
    assertThat(verify(token).ended(ExitCode.CONFIGURATION).err())
        .contains("--authentication with one of shop/robots, shop/users");
    verify(token, "--authentication", "shop/users", "--at", IN_TIME).ended(ExitCode.OK);
    assertThat(verify(token, "--authentication", "shop/user").ended(ExitCode.CONFIGURATION).err())
        .contains("no JWTAuthentication 'shop/user'", "shop/users");
  }

  @Test
  void theCommandLineIsCheckedFirst() {
    CommandRun.of("jwt").ended(ExitCode.USAGE);
    CommandRun.of("jwt", "verify", "token").ended(ExitCode.USAGE);
    assertThat(
            CommandRun.of("jwt", "verify", "--manifest", "nowhere.yaml", "ey.e.e")
                .ended(ExitCode.CONFIGURATION)
                .err())
        .contains("nowhere.yaml does not exist");
  }
}
