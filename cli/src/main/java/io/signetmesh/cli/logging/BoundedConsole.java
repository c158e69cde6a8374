package io.signetmesh.cli.logging;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Standard error with a bound on lines of one kind, so that whoever can have a process log cannot
 * have it log without end: {@link #BURST} at once, then one every five seconds. How many were left
 * out is said before the next. A kind is a message of a logger before its parameters; messages that
 * are made anew each time are one kind together when there are too many of them.
 */
final class BoundedConsole extends ConsoleAppender<ILoggingEvent> {
  static final int BURST = 200;
  static final long NANOS_PER_LINE = 5_000_000_000L;

  /** Kinds that are told apart for each logger. */
  static final int KINDS = 256;

  private static final String OTHERS = "";
  private static final int MAX_LOGGERS = 1_024;
  private static final int KEY_CHARS = 128;

  private final LongSupplier nanoTime;
  private final Map<String, Map<String, Kind>> loggers = new HashMap<>();

  private static final class Kind {
    private long fullAtNanos;
    private long leftOut;

    Kind(long now) {
      this.fullAtNanos = now;
    }
  }

  BoundedConsole(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  @Override
  protected void append(ILoggingEvent event) {
    long leftOut = admit(event.getLoggerName(), event.getMessage());
    if (leftOut < 0) {
      return;
    }
    if (leftOut > 0 && getContext() instanceof LoggerContext context) {
      super.append(
          new LoggingEvent(
              BoundedConsole.class.getName(),
              context.getLogger(event.getLoggerName()),
              event.getLevel(),
              "{} lines like the next were left out",
              null,
              new Object[] {leftOut}));
    }
    super.append(event);
  }

  /** Lines left out before this one; negative when this one is left out too. */
  private synchronized long admit(String logger, @Nullable String message) {
    long now = nanoTime.getAsLong();
    String name = loggers.containsKey(logger) || loggers.size() < MAX_LOGGERS ? logger : OTHERS;
    Map<String, Kind> kinds = loggers.computeIfAbsent(name, _ -> new HashMap<>());
    String whole = message == null ? OTHERS : message;
    String text = whole.length() > KEY_CHARS ? whole.substring(0, KEY_CHARS) : whole;
    String key = kinds.containsKey(text) || kinds.size() < KINDS ? text : OTHERS;
    Kind kind = kinds.computeIfAbsent(key, _ -> new Kind(now));
    // The bucket is full again at that time; each line moves it on.
    if (kind.fullAtNanos - now > (BURST - 1) * NANOS_PER_LINE) {
      kind.leftOut++;
      return -1;
    }
    kind.fullAtNanos = (kind.fullAtNanos - now > 0 ? kind.fullAtNanos : now) + NANOS_PER_LINE;
    long leftOut = kind.leftOut;
    kind.leftOut = 0;
    return leftOut;
  }
}
