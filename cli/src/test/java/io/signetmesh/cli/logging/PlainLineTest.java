package io.signetmesh.cli.logging;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.io.IOException;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PlainLineTest {
  private final PlainLine layout = new PlainLine();

  private static LoggingEvent event(String logger, String time) {
    LoggingEvent event =
        new LoggingEvent(
            "", new LoggerContext().getLogger(logger), Level.INFO, "ready on {}", null, null);
    event.setArgumentArray(new Object[] {4143});
    event.setInstant(Instant.parse(time));
    return event;
  }

  @ParameterizedTest
  @CsvSource({
    "2026-11-21T10:15:30.045678Z, 2026-11-21T10:15:30.045Z",
    "2026-11-21T10:15:30Z, 2026-11-21T10:15:30.000Z",
  })
  void writesTimesWithMilliseconds(String time, String written) {
    assertThat(layout.doLayout(event("io.signetmesh.proxy.Proxy", time)))
        .isEqualTo(written + " INFO  i.s.proxy.Proxy ready on 4143\n");
  }

  @Test
  void keepsAShortLoggerName() {
    assertThat(layout.doLayout(event("Proxy", "2026-11-21T10:15:30Z"))).contains("INFO  Proxy ");
  }

  @Test
  void namesEachCauseAndWhereItWasThrown() {
    LoggingEvent event =
        new LoggingEvent(
            "",
            new LoggerContext().getLogger("x"),
            Level.ERROR,
            "failed",
            new IllegalStateException("outer", new IOException("inner")),
            null);
    event.setInstant(Instant.EPOCH);
    assertThat(layout.doLayout(event).lines())
        .hasSize(3)
        .anySatisfy(line -> assertThat(line).startsWith("  java.lang.IllegalStateException: outer"))
        .anySatisfy(
            line ->
                assertThat(line)
                    .startsWith("  java.io.IOException: inner")
                    .contains("PlainLineTest"));
  }
}
