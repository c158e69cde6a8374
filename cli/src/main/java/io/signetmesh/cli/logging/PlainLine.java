package io.signetmesh.cli.logging;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.StackTraceElementProxy;
import ch.qos.logback.core.LayoutBase;
import io.signetmesh.crds.text.PlainText;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * {@code 2026-11-21T10:15:30.045Z INFO i.s.proxy.Proxy message}, and of an exception its causes
 * with where each was thrown. Messages stay on their line and are plain text, whatever they quote.
 */
final class PlainLine extends LayoutBase<ILoggingEvent> {
  @Override
  public String doLayout(ILoggingEvent event) {
    StringBuilder line = new StringBuilder(160);
    String time = event.getInstant().truncatedTo(ChronoUnit.MILLIS).toString();
    line.append(time, 0, time.length() - 1);
    // Instant leaves zeros out at the end.
    if (time.length() == "2026-11-21T10:15:30Z".length()) {
      line.append(".000");
    }
    line.append("Z ").append(event.getLevel());
    line.repeat(' ', Math.max(1, 6 - event.getLevel().toString().length()));
    abbreviate(event.getLoggerName(), line);
    line.append(' ').append(PlainText.of(event.getFormattedMessage())).append('\n');
    for (IThrowableProxy at = event.getThrowableProxy(); at != null; at = at.getCause()) {
      failure(at, line);
    }
    return line.toString();
  }

  /** All packages but the last become their first letter. */
  private static void abbreviate(String name, StringBuilder line) {
    int end = name.lastIndexOf('.');
    end = end < 0 ? -1 : name.lastIndexOf('.', end - 1);
    int start = 0;
    while (start <= end) {
      line.append(name.charAt(start)).append('.');
      start = name.indexOf('.', start) + 1;
    }
    line.append(name, start, name.length());
  }

  private static void failure(IThrowableProxy failure, StringBuilder line) {
    line.append("  ").append(failure.getClassName());
    @Nullable String message = failure.getMessage();
    if (message != null) {
      line.append(": ").append(PlainText.of(message));
    }
    StackTraceElementProxy[] frames = failure.getStackTraceElementProxyArray();
    if (frames != null && frames.length > 0) {
      line.append(" (").append(frames[0].getSTEAsString()).append(')');
    }
    line.append('\n');
  }
}
