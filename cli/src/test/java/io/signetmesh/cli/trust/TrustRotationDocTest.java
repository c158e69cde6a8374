package io.signetmesh.cli.trust;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/**
 * The runbook shows the output that the commands have, and names commands and options that exist.
 */
final class TrustRotationDocTest {
  private static final Pattern COMMAND = Pattern.compile("signet trust ([a-z]+)");
  private static final Pattern LINE = Pattern.compile("(?m)^\\$ signet trust ([a-z]+) (.*)$");

  private static String runbook() throws IOException {
    return Files.readString(
        SignetProcess.launcher().resolveSibling("docs/security/trust-rotation.md"));
  }

  /** Lines are broken on the page. */
  private static String words(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "status-none.txt",
        "plan.txt",
        "plan-error.txt",
        "rotate.txt",
        "status-distributing.txt",
        "status-retiring.txt",
        "verify.txt",
        "abort.txt",
        "plan-compromised.txt",
        "rotate-compromised.txt"
      })
  void itShowsWhatTheCommandsPrint(String output) throws Exception {
    assertThat(words(runbook())).contains(words(Files.readString(TrustStates.resource(output))));
  }

  @Test
  void itsCommandsAndOptionsExist() throws Exception {
    CommandLine trust = TrustCommand.commandLine();
    List<String> names =
        COMMAND.matcher(runbook()).results().map((MatchResult match) -> match.group(1)).toList();
    assertThat(names).containsAll(trust.getSubcommands().keySet());
    assertThat(trust.getSubcommands().keySet()).containsAll(names);

    List<MatchResult> lines = LINE.matcher(runbook()).results().toList();
    assertThat(lines).hasSizeGreaterThan(10);
    for (MatchResult line : lines) {
      CommandLine command =
          Objects.requireNonNull(trust.getSubcommands().get(line.group(1)), line.group());
      for (String word : line.group(2).split(" ")) {
        if (word.startsWith("-")) {
          assertThat(command.getCommandSpec().findOption(word)).as(line.group()).isNotNull();
        }
      }
    }
  }
}
