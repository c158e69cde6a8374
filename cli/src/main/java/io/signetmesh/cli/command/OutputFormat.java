package io.signetmesh.cli.command;

/** Output format of an answer. */
public enum OutputFormat {
  /** Text for people. */
  TEXT,
  /** JSON for programs. */
  JSON
}
