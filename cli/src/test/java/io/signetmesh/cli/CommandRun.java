package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/** A command run in this process, and what it said. */
public record CommandRun(int code, String out, String err) {
  public static CommandRun of(String... arguments) {
    return of(Signet.commandLine(), arguments);
  }

  /** Runs a command that was made with other surroundings than this process's. */
  public static CommandRun of(String name, CommandLine command, String... arguments) {
    return of(Signet.commandLine(name, command), arguments);
  }

  private static CommandRun of(CommandLine signet, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = signet.setOut(new PrintWriter(out)).setErr(new PrintWriter(err)).execute(arguments);
    return new CommandRun(code, out.toString(), err.toString());
  }

  /** The same, when it ended with that code. */
  public CommandRun ended(int expected) {
    assertThat(code).as("%s%n%s", out, err).isEqualTo(expected);
    return this;
  }

  public JsonNode json() throws IOException {
    return new ObjectMapper().readTree(out);
  }
}
