package io.signetmesh.cli.command;

/**
 * Exit codes of all commands. {@link #UNAVAILABLE} and {@link #INTERNAL} are those of BSD's {@code
 * sysexits.h}.
 */
public final class ExitCode {
  /** Success. */
  public static final int OK = 0;

  /**
   * The command ran and its answer is negative: an unexpected verdict, or a port behind its
   * generation.
   */
  public static final int NEGATIVE = 1;

  /** The command line is invalid. */
  public static final int USAGE = 2;

  /**
   * The newest policy is enforced everywhere, but it has errors: some objects do not do what they
   * say.
   */
  public static final int IN_FORCE_WITH_ERRORS = 3;

  /** A rotation of trust anchors is under way, or a workload is behind it. */
  public static final int UNDER_WAY = 3;

  /** Configuration or manifests are invalid. */
  public static final int CONFIGURATION = 64;

  /** A server cannot be reached, or a port cannot be bound ({@code EX_UNAVAILABLE}). */
  public static final int UNAVAILABLE = 69;

  /** A bug of Signet ({@code EX_SOFTWARE}). */
  public static final int INTERNAL = 70;

  /** Interrupted by SIGINT: 128 plus the signal's number, as shells report it. */
  public static final int INTERRUPTED = 130;

  /** Help text of {@link #OK}, in picocli's form {@code code:meaning}. */
  public static final String OK_HELP = "0:done";

  /** Help text of {@link #USAGE}. */
  public static final String USAGE_HELP = "2:the command line is wrong";

  /** Help text of {@link #CONFIGURATION}. */
  public static final String CONFIGURATION_HELP = "64:configuration or manifests are wrong";

  /** Help text of {@link #UNAVAILABLE}. */
  public static final String UNAVAILABLE_HELP =
      "69:a server that is needed cannot be reached, or an address cannot be bound";

  /** Help text of {@link #INTERNAL}. */
  public static final String INTERNAL_HELP = "70:a fault of Signet itself; --verbose shows where";

  private ExitCode() {}
}
