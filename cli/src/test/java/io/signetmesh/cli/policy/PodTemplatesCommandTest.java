package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An application whose repository holds Deployments and the like, and not one pod. */
final class PodTemplatesCommandTest {
  @TempDir private Path directory;

  @Test
  void validateFindsWhatServersSelectAmongTemplates() throws Exception {
    assertThat(CommandRun.of("policy", "validate", "-f", voting()).ended(ExitCode.OK).out())
        .isEqualToIgnoringNewLines("18 objects, 0 errors, 0 warnings");
  }

  @Test
  void explainFindsTemplatesByTheirOwner() throws Exception {
    assertThat(explain("voting/deploy/web", "--client-identity", "voting/default"))
        .startsWith("allowed");
    assertThat(explain("voting/web", "--client-identity", "voting/emoji")).startsWith("denied");
    assertThat(explain("deploy/web", "--path", "/healthz")).startsWith("allowed");
    assertThat(explain("voting/sts/tally", "--client-identity", "voting/web"))
        .startsWith("allowed");
    assertThat(explain("voting/job/seed", "--client-identity", "voting/web")).contains("default");
    assertThat(explain("voting/cj/report", "--client-identity", "voting/web")).contains("default");
  }

  @Test
  void aTemplateThatIsNotInjectedHasNoProxy() throws Exception {
    assertThat(
            CommandRun.of(
                    "policy",
                    "explain",
                    "-f",
                    voting(),
                    "--workload",
                    "voting/ds/collector",
                    "--port",
                    "9100")
                .err())
        .contains("voting/collector has no proxy");
  }

  @Test
  void matrixHasTheirPortsAndTheirIdentities() throws Exception {
    String matrix = CommandRun.of("policy", "matrix", "-f", voting()).ended(ExitCode.OK).out();
    assertThat(matrix).contains("web-http", "internal-grpc", "emoji", "8801").contains("voting/");
  }

  @Test
  void authzShowsTheAuthorizationsOfTheirServers() throws Exception {
    assertThat(CommandRun.of("authz", "-n", "voting", "-f", voting()).ended(ExitCode.OK).out())
        .contains("web-http", "bot-to-web", "internal-grpc", "web-to-internal");
  }

  @Test
  void testAsksThemByTheirNames() throws Exception {
    Path cases =
        Files.writeString(
            directory.resolve("cases.yaml"),
            """
            - name: the bot votes
              workload: voting/deploy/web
              port: 8080
              client: {identity: voting/default}
              expect: {verdict: allow, authorization: bot-to-web}
            - name: nobody else
              workload: voting/web
              port: 8080
              client: {identity: voting/tally}
              expect: {status: 403}
            - name: web asks for emoji
              workload: voting/emoji
              port: 8080
              client: {identity: voting/web}
              request: {protocol: grpc, path: /emoji.v1.Emoji/List}
              expect: {verdict: allow}
            """);
    assertThat(
            CommandRun.of("policy", "test", "-f", voting(), "-t", cases.toString())
                .ended(ExitCode.OK)
                .out())
        .contains("3 cases");
  }

  private static String explain(String workload, String... more) throws Exception {
    String[] first = {
      "policy", "explain", "-f", voting(), "--workload", workload, "--port", "8080"
    };
    String[] all = java.util.Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return CommandRun.of(all).out();
  }

  private static String voting() throws URISyntaxException {
    return Path.of(
            Objects.requireNonNull(PodTemplatesCommandTest.class.getResource("/voting")).toURI())
        .toString();
  }
}
