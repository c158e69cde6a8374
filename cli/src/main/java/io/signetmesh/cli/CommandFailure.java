package io.signetmesh.cli;

import org.jspecify.annotations.Nullable;

/** Ends a command with one sentence on standard error and an exit code. */
public final class CommandFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final int exitCode;

  private CommandFailure(int exitCode, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  /** Wrong configuration, manifests or state. */
  public static CommandFailure configuration(String message) {
    return new CommandFailure(ExitCode.CONFIGURATION, message, null);
  }

  /** Wrong configuration, manifests or state. */
  public static CommandFailure configuration(String message, Throwable cause) {
    return new CommandFailure(ExitCode.CONFIGURATION, message, cause);
  }

  /** Something outside this process is not there. */
  public static CommandFailure unavailable(String message) {
    return new CommandFailure(ExitCode.UNAVAILABLE, message, null);
  }

  /** Something outside this process is not there. */
  public static CommandFailure unavailable(String message, Throwable cause) {
    return new CommandFailure(ExitCode.UNAVAILABLE, message, cause);
  }

  int exitCode() {
    return exitCode;
  }
}
