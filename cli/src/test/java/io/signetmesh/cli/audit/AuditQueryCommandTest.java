package io.signetmesh.cli.audit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

final class AuditQueryCommandTest {
  @TempDir private Path temporary;
  private Path directory = Path.of("");

  @BeforeEach
  void makeLog() throws IOException {
    directory = temporary.resolve("log");
    AuditLogs.usual(directory);
  }

  private CommandRun query(String... more) {
    String[] all = {"audit", "query", "--log", directory.toString()};
    String[] arguments = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, arguments, all.length, more.length);
    return CommandRun.of(arguments);
  }

  @Test
  void showsAllRecordsInColumns() {
    List<String> lines = query().ended(ExitCode.OK).out().lines().toList();

    assertThat(lines).hasSize(5);
    assertThat(lines.get(0)).startsWith("ENTRY     TIME").endsWith("WHY");
    assertThat(lines.get(2))
        .startsWith("1         2026-11-30T10:00:00.500Z  deny     " + AuditLogs.INTRUDER)
        .contains("shop/web-1", "GET /orders/7", "identity-mismatch", ": wants frontend");
    assertThat(lines.get(3)).endsWith("; would be deny denied-by-policy");
    assertThat(lines.get(4)).contains("gap").endsWith("128 records were lost");
  }

  @Test
  void allConditionsHaveToHold() throws Exception {
    JsonNode found =
        query("--verdict", "allow", "--would-be", "deny", "--client", "frontend.*", "-o", "json")
            .ended(ExitCode.OK)
            .json();

    assertThat(found).hasSize(1);
    assertThat(found.path(0).path("id").asText()).isEqualTo("signet.example/audit#2");
    assertThat(found.path(0).path("entry").path("record").path("sequence").asInt()).isEqualTo(3);
    assertThat(query("--reason", "no-such-reason", "-o", "json").json()).isEmpty();
    assertThat(query("--kind", "gap", "--workload", "web-1", "-o", "jsonl").out().lines())
        .hasSize(1);
  }

  @Test
  void theFirstOrTheLastOnesOnly() {
    assertThat(query("--limit", "1", "-o", "jsonl").out().lines())
        .singleElement()
        .matches(line -> line.contains("audit#0\""));
    assertThat(query("--last", "1", "-o", "jsonl").out().lines())
        .singleElement()
        .matches(line -> line.contains("audit#3\""));
    query("--last", "1", "--limit", "1").ended(ExitCode.USAGE);
    query("--last", "0").ended(ExitCode.USAGE);
  }

  /** A writer may send what a proxy escapes. */
  @Test
  void whatAClientChoseDoesNotActOnATerminal() throws Exception {
    directory = temporary.resolve("hostile");
    String path = "/\u009b2J\u202e";
    new AuditLogs(directory)
        .record(
            AuditLogs.decision("", "deny", "no-route", "").replace("/orders/7", path + "\\u001b["))
        .write();

    for (String format : List.of("table", "json", "jsonl")) {
      assertThat(query("-o", format).ended(ExitCode.OK).out())
          .doesNotContain("\u009b", "\u202e", "\u001b")
          .contains("\\u009b2J\\u202e");
    }
    JsonNode json = new ObjectMapper().readTree(query("-o", "jsonl").out());
    assertThat(json.path("entry").path("record").path("decision").path("path").asText())
        .isEqualTo(path + "\u001b[");
  }

  @Test
  void foreignRecordsAreMarked() throws Exception {
    AuditLogs log = AuditLogs.usual(temporary.resolve("foreign"));
    log.foreign(AuditLogs.decision("", "allow", "authorized", "")).write();
    directory = log.directory();

    assertThat(query("--foreign", "only").out()).contains("foreign, by " + AuditLogs.WEB);
    assertThat(query("--foreign", "exclude", "-o", "jsonl").out().lines()).hasSize(4);
  }

  @Test
  void saysWhatCannotBeRead() throws Exception {
    Files.delete(directory.resolve("tile/entries/000.p/4"));
    CommandRun run = query().ended(ExitCode.NEGATIVE);
    assertThat(run.err()).contains("entries 0 to 3: tile/entries/000.p/4 is missing");

    assertThat(query("--since", "yesterday").ended(ExitCode.USAGE).err())
        .contains("'yesterday' is no time");
    assertThat(query("--client", "10.1.0.0/99").ended(ExitCode.USAGE).err())
        .contains("expected at most 32 bits");
  }

  @Test
  void tailShowsTheLastOnesAndThenEachThatIsAdded() throws Exception {
    AuditLogs log = AuditLogs.usual(temporary.resolve("growing"));
    Deque<String> added = new ArrayDeque<>(List.of("allow", "deny", "allow"));
    AuditTailCommand tail =
        new AuditTailCommand(
            () -> {
              String verdict = added.poll();
              if (verdict != null) {
                try {
                  log.record(AuditLogs.decision("", verdict, verdict + "-" + added.size(), ""))
                      .write();
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              }
              return verdict != null;
            });

    CommandRun run =
        CommandRun.of(
            "tail",
            new CommandLine(tail),
            "tail",
            "--log",
            log.directory().toString(),
            "-n",
            "1",
            "--kind",
            "decision",
            "-o",
            "jsonl");

    assertThat(run.ended(ExitCode.OK).out().lines().toList())
        .hasSize(4)
        .satisfiesExactly(
            line -> assertThat(line).contains("audit#2\""),
            line -> assertThat(line).contains("\"allow-2\""),
            line -> assertThat(line).contains("\"deny-1\""),
            line -> assertThat(line).contains("\"allow-0\""));
  }

  @Test
  void tailEndsWhenTheLogWasSetBack() throws Exception {
    AuditLogs log = AuditLogs.usual(temporary.resolve("growing"));
    AuditTailCommand tail =
        new AuditTailCommand(
            () -> {
              try {
                Path other = temporary.resolve("shorter");
                new AuditLogs(other).record("\"gap\":{\"lost\":1}").write();
                Files.copy(
                    other.resolve("checkpoint"),
                    log.directory().resolve("checkpoint"),
                    StandardCopyOption.REPLACE_EXISTING);
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
              return true;
            });
    CommandRun run =
        CommandRun.of("tail", new CommandLine(tail), "tail", "--log", log.directory().toString());

    assertThat(run.ended(ExitCode.CONFIGURATION).err())
        .contains("the log had 4 entries and has 1: it was set back");
  }
}
