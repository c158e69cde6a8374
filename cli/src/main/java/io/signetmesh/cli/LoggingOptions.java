package io.signetmesh.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** How much a command says on standard error, and how. */
final class LoggingOptions {
  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show where errors come from.")
  private boolean verbose;

  @Option(
      names = "--log-format",
      paramLabel = "FORMAT",
      defaultValue = "${env:LINKERD2_PROXY_LOG_FORMAT:-plain}",
      description = "plain or json (default: LINKERD2_PROXY_LOG_FORMAT, else plain).")
  private String format = "plain";

  private final boolean quiet;

  /** For servers: what they do is worth a line. */
  LoggingOptions() {
    this(false);
  }

  private LoggingOptions(boolean quiet) {
    this.quiet = quiet;
  }

  /** For commands whose output is the answer: only warnings are worth a line. */
  static LoggingOptions quiet() {
    return new LoggingOptions(true);
  }

  /** Whether errors are shown with their stack. */
  boolean verbose() {
    return verbose;
  }

  /** Puts the options in force; called before a command does anything. */
  void apply() {
    if (!(LoggerFactory.getILoggerFactory() instanceof LoggerContext context)) {
      return;
    }
    var root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    String keep = format.equalsIgnoreCase("json") ? "json" : "plain";
    String drop = keep.equals("json") ? "plain" : "json";
    var unwanted = root.getAppender(drop);
    if (unwanted != null) {
      root.detachAppender(unwanted);
    }
    if (verbose || quiet) {
      context.getLogger("io.signetmesh").setLevel(verbose ? Level.DEBUG : Level.WARN);
    }
  }
}
