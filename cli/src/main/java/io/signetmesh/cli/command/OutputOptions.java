package io.signetmesh.cli.command;

import picocli.CommandLine.Option;

/** {@code --output} of commands that answer with text or JSON. */
public final class OutputOptions {
  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "text (default) or json.")
  private OutputFormat format = OutputFormat.TEXT;

  /** Whether the answer is for programs. */
  public boolean isJson() {
    return format == OutputFormat.JSON;
  }
}
