package io.signetmesh.cli.logging;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a flood of lines makes; time passes where a test says so. */
final class BoundedConsoleTest {
  private final LoggerContext context = new LoggerContext();
  private final ByteArrayOutputStream written = new ByteArrayOutputStream();
  private long nanos = -5;
  private final BoundedConsole console = new BoundedConsole(() -> nanos);

  @BeforeEach
  void start() {
    context.setMDCAdapter(new LogbackMDCAdapter());
    PlainLine layout = new PlainLine();
    layout.setContext(context);
    layout.start();
    LayoutWrappingEncoder<ILoggingEvent> encoder = new LayoutWrappingEncoder<>();
    encoder.setContext(context);
    encoder.setLayout(layout);
    encoder.start();
    console.setContext(context);
    console.setEncoder(encoder);
    console.start();
    console.setOutputStream(written);
  }

  private void log(String logger, String message, Object... arguments) {
    LoggingEvent event =
        new LoggingEvent("", context.getLogger(logger), Level.ERROR, message, null, arguments);
    event.setInstant(Instant.EPOCH);
    console.doAppend(event);
  }

  private List<String> lines() {
    return written.toString(StandardCharsets.UTF_8).lines().toList();
  }

  @Test
  void refusalThatIsReportedAgainAndAgainMakesABoundedNumberOfLines() {
    for (int i = 0; i < 10_000; i++) {
      log("a.b.EnforcementService", "{} refuses: {}", "web", "reason " + i);
    }
    assertThat(lines()).hasSize(BoundedConsole.BURST);
    nanos += BoundedConsole.NANOS_PER_LINE;
    log("a.b.EnforcementService", "{} refuses: {}", "web", "last");
    assertThat(lines()).hasSize(BoundedConsole.BURST + 2);
    assertThat(lines().get(BoundedConsole.BURST))
        .endsWith("9800 lines like the next were left out");
    assertThat(lines().getLast()).endsWith("web refuses: last");
  }

  @Test
  void otherLinesGoOn() {
    for (int i = 0; i < 10_000; i++) {
      log("a.b.EnforcementService", "{} refuses: {}", "web", "reason");
    }
    log("a.b.EnforcementService", "something else");
    log("a.b.Other", "{} refuses: {}", "web", "reason");
    assertThat(lines()).hasSize(BoundedConsole.BURST + 2);
  }

  @Test
  void messagesThatAreMadeAnewEachTimeAreBoundedToo() {
    for (int i = 0; i < 10_000; i++) {
      log("io.grpc.netty", "stream " + i + " failed");
    }
    assertThat(lines()).hasSize(BoundedConsole.KINDS + BoundedConsole.BURST);
  }

  @Test
  void quietTimeGivesTheBurstBack() {
    for (int i = 0; i < 1_000; i++) {
      log("a.b.C", "x");
    }
    nanos += 10_000 * BoundedConsole.NANOS_PER_LINE;
    for (int i = 0; i < 1_000; i++) {
      log("a.b.C", "x");
    }
    assertThat(lines()).hasSize(2 * BoundedConsole.BURST + 1);
  }
}
