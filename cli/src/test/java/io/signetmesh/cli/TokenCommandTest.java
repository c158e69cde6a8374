package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jwt.SignedJWT;
import io.signetmesh.cli.command.ExitCode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TokenCommandTest {
  @TempDir private Path state;

  private CommandRun run(String... who) {
    String[] all = new String[who.length + 3];
    all[0] = "token";
    System.arraycopy(who, 0, all, 1, who.length);
    all[who.length + 1] = "--state";
    all[who.length + 2] = state.toString();
    return CommandRun.of(all);
  }

  private String subject(String... who) throws Exception {
    CommandRun run = run(who);
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCode.OK);
    return SignedJWT.parse(run.out().strip()).getJWTClaimsSet().getSubject();
  }

  @Test
  void aTokenIsForAServiceAccountOrForANode() throws Exception {
    assertThat(subject("shop/web")).isEqualTo("system:serviceaccount:shop:web");
    assertThat(subject("--node", "n1")).isEqualTo("system:serviceaccount:linkerd:node-n1");
    assertThat(subject("--node", "ip-10-0-0-1.internal"))
        .startsWith("system:serviceaccount:linkerd:node--");
  }

  @Test
  void whatIsNeitherOrBothIsAnError() {
    assertThat(run().code()).isEqualTo(ExitCode.USAGE);
    assertThat(run("shop/web", "--node", "n1").code()).isEqualTo(ExitCode.USAGE);
    assertThat(run("web").err()).contains("'web' names no service account");
    CommandRun bad = run("--node", "N 1");
    assertThat(bad.code()).isEqualTo(ExitCode.USAGE);
    assertThat(bad.err()).contains("node name \"N 1\": expected a DNS subdomain");
  }
}
