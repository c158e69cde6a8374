package io.signetmesh.cli.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AuditIndexCommandTest {
  @TempDir private Path temporary;
  private Path directory = Path.of("");

  @BeforeEach
  void makeLog() throws IOException {
    directory = temporary.resolve("log");
    AuditLogs.usual(directory);
  }

  private CommandRun run(String command, String... more) {
    List<String> all =
        Stream.concat(Stream.of("audit", command, "--log", directory.toString()), Stream.of(more))
            .toList();
    return CommandRun.of(all.toArray(String[]::new));
  }

  private Path part() {
    return temporary.resolve("index/part-000000000000000");
  }

  /** The newest commit of the index, which says what it is of. */
  private Path commit() throws IOException {
    try (Stream<Path> files = Files.list(part())) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("segments_"))
          .findFirst()
          .orElseThrow();
    }
  }

  @Test
  void makesAnIndexAndQueriesUseIt() throws Exception {
    assertThat(run("index").ended(ExitCode.OK).out())
        .isEqualTo("index of 4 of 4 entries of log signet.example/audit\n");
    // What is in the index and not in the log shows that the index was used.
    Path bundle = directory.resolve("tile/entries/000.p/4");
    byte[] whole = Files.readAllBytes(bundle);
    for (String[] asked :
        new String[][] {
          {"--verdict", "deny"},
          {"--client", "frontend.*"},
          {"--would-be", "deny"},
          {"--kind", "gap"}
        }) {
      String[] all = {asked[0], asked[1], "--no-index", "-o", "jsonl"};
      CommandRun byIndex = run("query", asked[0], asked[1], "-o", "jsonl").ended(ExitCode.OK);
      assertThat(byIndex.out()).isEqualTo(run("query", all).out()).isNotEmpty();
      assertThat(byIndex.err()).isEmpty();
      String[] last = {"--last", "1", asked[0], asked[1], "-o", "jsonl"};
      assertThat(run("query", last).out()).isNotEmpty();
    }
    Files.delete(bundle);
    run("query", "--verdict", "no-such").ended(ExitCode.USAGE);
    assertThat(run("query", "--reason", "no-such").ended(ExitCode.OK).out()).doesNotContain("no-");
    assertThat(run("query", "--reason", "no-such", "--no-index").ended(ExitCode.NEGATIVE).err())
        .contains("entries 0 to 3: tile/entries/000.p/4 is missing");
    Files.write(bundle, whole);
  }

  @Test
  void aDamagedIndexIsToldOfAndMadeAnew() throws Exception {
    run("index").ended(ExitCode.OK);
    assertThat(run("index", "--check").ended(ExitCode.OK).out())
        .startsWith("good: index of 4 of 4");
    Files.write(commit(), new byte[7]);

    CommandRun query = run("query", "--verdict", "deny", "-o", "jsonl").ended(ExitCode.OK);
    assertThat(query.out().lines()).hasSize(1);
    assertThat(query.err()).startsWith("signet: note: index " + part() + " is not used: ");
    assertThat(run("query", "--verdict", "deny", "--no-index").err()).isEmpty();
    assertThat(run("index", "--check").ended(ExitCode.NEGATIVE).out())
        .contains("DAMAGED: index of 0 of 4 entries");

    run("index").ended(ExitCode.OK);
    assertThat(run("index", "--check").ended(ExitCode.OK).out()).startsWith("good: ");
  }

  @Test
  void anIndexMayBeElsewhereAndBeMadeAnew() throws Exception {
    String elsewhere = temporary.resolve("elsewhere").toString();
    run("index", "--index", elsewhere).ended(ExitCode.OK);
    run("index", "--index", elsewhere, "--rebuild").ended(ExitCode.OK);
    assertThat(temporary.resolve("index")).doesNotExist();
    assertThat(run("index", "--index", elsewhere, "--check").ended(ExitCode.OK).out())
        .startsWith("good: ");
    run("index", "--check", "--rebuild").ended(ExitCode.USAGE);
  }

  @Test
  void reportsUseIt() throws Exception {
    String[] asked = {"access", "--log", directory.toString(), "--identity", "frontend.*"};
    CommandRun before = report(asked);
    run("index").ended(ExitCode.OK);
    assertThat(report(asked).out()).isEqualTo(before.out()).contains("2 decisions");
  }

  private static CommandRun report(String... asked) {
    List<String> all = Stream.concat(Stream.of("audit", "report"), Stream.of(asked)).toList();
    return CommandRun.of(all.toArray(String[]::new)).ended(ExitCode.OK);
  }
}
