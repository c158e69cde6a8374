package io.signetmesh.cli;

/** How an answer is printed. */
enum OutputFormat {
  /** For people. */
  TEXT,
  /** For programs. */
  JSON
}
