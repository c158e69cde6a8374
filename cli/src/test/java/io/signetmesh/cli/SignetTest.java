package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.command.ExitCode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

final class SignetTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    return Signet.commandLine()
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(arguments);
  }

  static List<CommandLine> visibleCommands() {
    return Signet.commandLine().getSubcommands().values().stream()
        .flatMap(
            command ->
                Stream.concat(Stream.of(command), command.getSubcommands().values().stream()))
        .filter(command -> !command.getCommandSpec().usageMessage().hidden())
        .toList();
  }

  @ParameterizedTest
  @MethodSource("visibleCommands")
  void everyCommandHelpsWithAnExampleAndItsExitCodes(CommandLine command) {
    String help = command.getUsageMessage();
    assertThat(help)
        .contains("Example", "Exit codes:", " " + command.getCommandSpec().qualifiedName());
  }

  @Test
  void saysWhatIsMissingWhenThereIsNoCommand() {
    assertThat(run()).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("a command is missing");
  }

  @Test
  void namesAnUnknownCommandAndSuggestsTheRightOne() {
    assertThat(run("tokne")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("tokne").contains("token");
  }

  @Test
  void issuesTokensToAPrivateFile(@TempDir Path state) throws Exception {
    Path file = state.resolve("frontend.token");
    assertThat(
            run("token", "shop/frontend", "--state", state.toString(), "--file", file.toString()))
        .as(err.toString())
        .isEqualTo(ExitCode.OK);
    assertThat(Files.readString(file).split("\\.")).hasSize(3);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void refusesATokenForWhatIsNoServiceAccount(@TempDir Path state) {
    assertThat(run("token", "frontend", "--state", state.toString())).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("'frontend' names no service account");
  }

  @Test
  void refusesALifetimeWithoutUnit(@TempDir Path state) {
    assertThat(run("token", "shop/web", "--state", state.toString(), "--lifetime", "10"))
        .isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("'10' is no duration");
  }

  @Test
  void reportsAnUnusableStateDirectoryInOneSentence(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "");
    assertThat(run("token", "shop/web", "--state", file.toString()))
        .isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString()).contains(file.toString()).doesNotContain("\tat ");
  }

  @Test
  void clientsOfANodeSayWhereNoDataPlaneIs(@TempDir Path directory) {
    String socket = directory.resolve("node.sock").toString();
    assertThat(run("node", "list", "--socket", socket)).isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(err.toString())
        .contains("no data plane of a node at " + socket + ": there is no such file");
    assertThat(run("node", "remove", "web", "--socket", socket)).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("workload 'web': expected NAMESPACE/NAME");
  }

  @Test
  void aNodeNamesWhatItsEnvironmentLacks(@TempDir Path directory) {
    assertThat(
            run(
                "node",
                "--socket",
                directory.resolve("node.sock").toString(),
                "--state",
                directory.resolve("state").toString()))
        .isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString())
        .contains("LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS is not set")
        .contains("LINKERD2_PROXY_POLICY_SVC_NAME is not set");
    assertThat(directory.resolve("state")).doesNotExist();
  }

  @Test
  void completesItsOwnCommands() {
    assertThat(run("completion", "bash")).isEqualTo(ExitCode.OK);
    assertThat(out.toString()).contains("complete -F").contains("token").contains("--lifetime");
  }
}
