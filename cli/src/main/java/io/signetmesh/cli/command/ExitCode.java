package io.signetmesh.cli.command;

/** Exit codes of every command; 64 and above follow sysexits. */
public final class ExitCode {
  /** Done. */
  public static final int OK = 0;

  /** Done, and the answer is no: a verdict that was not expected, a port behind its generation. */
  public static final int NEGATIVE = 1;

  /** The command line is wrong. */
  public static final int USAGE = 2;

  /** Done, and all is in force, but not all that is in force does what it says. */
  public static final int IN_FORCE_WITH_ERRORS = 3;

  /** Configuration or manifests are wrong. */
  public static final int CONFIGURATION = 64;

  /** A server that is needed cannot be reached, or a port cannot be bound. */
  public static final int UNAVAILABLE = 69;

  /** A fault of Signet itself. */
  public static final int INTERNAL = 70;

  /** Ended by SIGINT, as shells report it. */
  public static final int INTERRUPTED = 130;

  /** Help text, as picocli wants it: {@code code:meaning}. */
  public static final String OK_HELP = "0:done";

  public static final String USAGE_HELP = "2:the command line is wrong";
  public static final String CONFIGURATION_HELP = "64:configuration or manifests are wrong";
  public static final String UNAVAILABLE_HELP =
      "69:a server that is needed cannot be reached, or an address cannot be bound";
  public static final String INTERNAL_HELP = "70:a fault of Signet itself; --verbose shows where";

  private ExitCode() {}
}
