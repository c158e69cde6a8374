package io.signetmesh.cli.command;

import ch.qos.logback.classic.Level;
import io.signetmesh.cli.logging.CommandLogging;
import java.util.Map;
import picocli.CommandLine.Option;

/** How much a command says on standard error, and how. */
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

  /** For servers: what they do is worth a line. */
  public LoggingOptions() {
    this(false);
  }

  private LoggingOptions(boolean quiet) {
    this.quiet = quiet;
  }

  /** For commands whose output is the answer: only warnings are worth a line. */
  public static LoggingOptions quiet() {
    return new LoggingOptions(true);
  }

  /** As a command without arguments has them. */
  public static LoggingOptions ofEnvironment(Map<String, String> environment) {
    LoggingOptions options = new LoggingOptions();
    options.format = environment.getOrDefault(FORMAT_VARIABLE, options.format);
    return options;
  }

  /** Whether errors are shown with their stack. */
  public boolean verbose() {
    return verbose;
  }

  /** Puts the options in force; called before a command does anything. */
  public void apply() {
    CommandLogging.apply(
        format.equalsIgnoreCase("json") ? CommandLogging.Format.JSON : CommandLogging.Format.PLAIN,
        verbose ? Level.DEBUG : quiet ? Level.WARN : Level.INFO);
  }
}
