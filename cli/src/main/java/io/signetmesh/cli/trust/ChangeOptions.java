package io.signetmesh.cli.trust;

import picocli.CommandLine.Option;

/** Options of commands that change trust. */
final class ChangeOptions {
  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask. Needed when there is no terminal to ask at.")
  private boolean yes;

  @Option(
      names = "--reason",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "Why, for the record; at most 1024 characters.")
  private String reason = "";

  boolean yes() {
    return yes;
  }

  String reason() {
    return reason;
  }
}
