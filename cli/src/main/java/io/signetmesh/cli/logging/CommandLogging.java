package io.signetmesh.cli.logging;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import ch.qos.logback.core.joran.spi.ConsoleTarget;
import ch.qos.logback.core.spi.ContextAwareBase;
import org.slf4j.LoggerFactory;

/**
 * Configures logback in code, which takes a tenth of the time of a configuration file. It applies
 * to processes that {@code ./signet} starts, unless {@code logback.configurationFile} is set.
 */
@ConfiguratorRank(ConfiguratorRank.CUSTOM_HIGH_PRIORITY)
public final class CommandLogging extends ContextAwareBase implements Configurator {
  /** System property of processes that {@code ./signet} starts. */
  private static final String STARTED_BY_LAUNCHER = "signet.launcher";

  private static final String APPENDER = "stderr";

  /** Format of log lines. */
  public enum Format {
    /** For people. */
    PLAIN,
    /** One JSON object per line. */
    JSON
  }

  /** Called by logback. */
  public CommandLogging() {}

  @Override
  public ExecutionStatus configure(LoggerContext context) {
    if (System.getProperty(STARTED_BY_LAUNCHER) == null
        || System.getProperty("logback.configurationFile") != null) {
      return ExecutionStatus.INVOKE_NEXT_IF_ANY;
    }
    context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.WARN);
    // It warns each process that the JDK's vectors, which are not final, are not used.
    context.getLogger("org.apache.lucene").setLevel(Level.ERROR);
    install(context, Format.PLAIN);
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }

  /**
   * Applies the options of a command, unless logback has another configuration.
   *
   * @param level lowest level that Signet's own loggers log
   */
  public static void apply(Format format, Level level) {
    if (!(LoggerFactory.getILoggerFactory() instanceof LoggerContext context)) {
      return;
    }
    context.getLogger("io.signetmesh").setLevel(level);
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    if (format == Format.JSON && root.getAppender(APPENDER) != null) {
      root.detachAppender(APPENDER);
      install(context, Format.JSON);
    }
  }

  private static void install(LoggerContext context, Format format) {
    ConsoleAppender<ILoggingEvent> appender = new BoundedConsole(System::nanoTime);
    appender.setContext(context);
    appender.setName(APPENDER);
    appender.setTarget(ConsoleTarget.SystemErr.getName());
    appender.setEncoder(format == Format.JSON ? json(context) : plain(context));
    appender.start();
    context.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(appender);
  }

  private static Encoder<ILoggingEvent> plain(LoggerContext context) {
    PlainLine layout = new PlainLine();
    layout.setContext(context);
    layout.start();
    LayoutWrappingEncoder<ILoggingEvent> encoder = new LayoutWrappingEncoder<>();
    encoder.setContext(context);
    encoder.setLayout(layout);
    encoder.start();
    return encoder;
  }

  private static Encoder<ILoggingEvent> json(LoggerContext context) {
    JsonEncoder encoder = new PlainJson();
    encoder.setContext(context);
    encoder.setWithSequenceNumber(false);
    encoder.setWithNanoseconds(false);
    encoder.setWithContext(false);
    encoder.setWithFormattedMessage(true);
    encoder.setWithMessage(false);
    encoder.setWithArguments(false);
    encoder.start();
    return encoder;
  }
}
