package io.signetmesh.cli;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.text.PlainWriter;
import java.io.PrintWriter;

/** Tells why a command failed. */
final class Failures {
  private Failures() {}

  /**
   * Prints the reason.
   *
   * @param verbose whether with a stack trace
   * @return a code of {@link ExitCode}
   */
  static int explain(Exception failure, boolean verbose, PrintWriter raw) {
    // Messages quote what servers and manifests say.
    PrintWriter err = new PlainWriter(raw);
    if (verbose) {
      failure.printStackTrace(err);
    }
    if (failure instanceof CommandFailure known) {
      err.println("signet: " + known.getMessage());
      return known.exitCode();
    }
    err.println(
        "signet: internal error: "
            + failure
            + (verbose ? "" : " (run again with --verbose to see where)"));
    return ExitCode.INTERNAL;
  }
}
