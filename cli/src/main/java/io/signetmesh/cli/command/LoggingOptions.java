package io.signetmesh.cli.command;

import ch.qos.logback.classic.Level;
import io.signetmesh.cli.logging.CommandLogging;
import java.util.Map;
import picocli.CommandLine.Option;

/** What a command logs to standard error: level and format. */
public final class LoggingOptions {
  private static final String FORMAT_VARIABLE = "LINKERD2_PROXY_LOG_FORMAT";

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show where errors come from.")
  private boolean verbose;

  @Option(
      names = "--log-format",
      paramLabel = "FORMAT",
      defaultValue = "${env:" + FORMAT_VARIABLE + ":-plain}",
      description = "plain or json (default: " + FORMAT_VARIABLE + ", else plain).")
  private String format = "plain";

  private final boolean quiet;

  /** For servers: logs at INFO, with {@code --verbose} at DEBUG. */
  public LoggingOptions() {
    this(false);
  }

  private LoggingOptions(boolean quiet) {
    this.quiet = quiet;
  }

  /** For commands that print an answer: logs at WARN, with {@code --verbose} at DEBUG. */
  public static LoggingOptions quiet() {
    return new LoggingOptions(true);
  }

  /**
   * The defaults, with the format that the environment names in {@code LINKERD2_PROXY_LOG_FORMAT}.
   */
  public static LoggingOptions ofEnvironment(Map<String, String> environment) {
    LoggingOptions options = new LoggingOptions();
    options.format = environment.getOrDefault(FORMAT_VARIABLE, options.format);
    return options;
  }

  /** Whether error messages include the stack trace. */
  public boolean verbose() {
    return verbose;
  }

  /** Configures logging. Call it before the command does anything else. */
  public void apply() {
    CommandLogging.apply(
        format.equalsIgnoreCase("json") ? CommandLogging.Format.JSON : CommandLogging.Format.PLAIN,
        verbose ? Level.DEBUG : quiet ? Level.WARN : Level.INFO);
  }
}
