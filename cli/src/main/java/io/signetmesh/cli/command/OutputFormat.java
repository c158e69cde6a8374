package io.signetmesh.cli.command;

/** How an answer is printed. */
public enum OutputFormat {
  /** For people. */
  TEXT,
  /** For programs. */
  JSON
}
