package io.signetmesh.cli.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.collector.export.EntryFields;
import io.signetmesh.collector.verify.Finding;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** docs/audit-commands.md shows what the commands print. */
final class AuditCommandsDocTest {
  private static final Pattern BLOCK = Pattern.compile("```\n(.*?)```", Pattern.DOTALL);
  private static final Pattern FILE = Pattern.compile("log|[a-z0-9-]+\\.(vkey|jsonl|tlog-proof)");

  private static String page() throws IOException {
    return Files.readString(SignetProcess.launcher().resolveSibling("docs/audit-commands.md"));
  }

  /** Lines are broken on the page. */
  private static String words(String text) {
    return text.replaceAll("\\s+", " ").replace("\", \"", "\",\"").replace(", \"", ",\"").strip();
  }

  private static List<String> blocks() throws IOException {
    return BLOCK.matcher(page()).results().map((MatchResult match) -> match.group(1)).toList();
  }

  @Test
  void itShowsWhatTheCommandsPrint(@TempDir Path directory) throws Exception {
    AuditLogs.usual(directory.resolve("log"));
    Files.writeString(directory.resolve("log.vkey"), AuditLogs.key() + "\n");
    int commands = 0;
    for (String block : blocks()) {
      for (String shown : block.split("(?m)^\\$ signet ")) {
        int end = shown.indexOf('\n');
        if (!shown.startsWith("audit ")) {
          continue;
        }
        List<String> arguments = new ArrayList<>();
        for (String word : shown.substring(0, end).split(" ")) {
          boolean isFile = FILE.matcher(word).matches();
          arguments.add(isFile ? directory.resolve(word).toString() : word);
        }
        CommandRun run = CommandRun.of(arguments.toArray(String[]::new)).ended(ExitCode.OK);
        assertThat(words(run.out() + run.err())).isEqualTo(words(shown.substring(end)));
        commands++;
      }
    }
    assertThat(commands).isEqualTo(10);

    Path bundle = directory.resolve("log/tile/entries/000.p/4");
    String entries = Files.readString(bundle, StandardCharsets.ISO_8859_1);
    Files.writeString(bundle, entries.replace("intruder", "frontend"), StandardCharsets.ISO_8859_1);
    CommandRun damaged =
        CommandRun.of(
            "audit",
            "verify",
            "--log",
            directory.resolve("log").toString(),
            "--key",
            AuditLogs.key());
    assertThat(blocks()).anyMatch(block -> words(block).equals(words(damaged.out())));
  }

  @Test
  void itNamesEachCommandOptionAndFinding() throws Exception {
    String page = page();
    CommandLine audit = AuditCommand.commandLine();
    assertThat(List.of("verify", "query", "tail", "export", "report", "index"))
        .allMatch(audit.getSubcommands()::containsKey);
    CommandLine query = Objects.requireNonNull(audit.getSubcommands().get("query"));
    for (CommandLine.Model.OptionSpec option : query.getCommandSpec().options()) {
      String name = option.longestName();
      if (!List.of(
              "--help",
              "--version",
              "--verbose",
              "--limit",
              "--last",
              "--output",
              "--key",
              "--log-level",
              "--log-format")
          .contains(name)) {
        assertThat(page).contains(name);
      }
    }
    Arrays.stream(Finding.Kind.values())
        .map(kind -> kind.name().toLowerCase(Locale.ROOT))
        .forEach(kind -> assertThat(page).contains("`" + kind + "`"));
    assertThat(
            Objects.requireNonNull(audit.getSubcommands().get("report")).getSubcommands().keySet())
        .allSatisfy(report -> assertThat(page).contains("| `" + report + "` |"));
    assertThat(EntryFields.NAMES).contains("trial_verdict", "token_issuer", "rego", "attributes");
  }
}
