package io.signetmesh.cli.logging;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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

  /** What a peer sent is shown, and neither makes lines of its own nor commands a terminal. */
  @Test
  void messagesAndCausesAreOnePlainLineEach() throws Exception {
    LoggerContext context = new LoggerContext();
    context.setMDCAdapter(new LogbackMDCAdapter());
    String foreign = "a\u009b31mb\u0085c\u202ed\u2028e\nf\u001b[2J";
    String plain = "a\\u009b31mb\\u0085c\\u202ed\\u2028e\\u000af\\u001b[2J";
    LoggingEvent event =
        new LoggingEvent(
            "",
            context.getLogger("x"),
            Level.WARN,
            "refused: {}",
            new IOException(foreign),
            new Object[] {foreign});
    event.setInstant(Instant.EPOCH);
    assertThat(layout.doLayout(event).lines().toList())
        .hasSize(2)
        .satisfiesExactly(
            line -> assertThat(line).endsWith("refused: " + plain),
            line -> assertThat(line).contains("java.io.IOException: " + plain));

    PlainJson json = new PlainJson();
    json.setContext(context);
    json.setWithFormattedMessage(true);
    json.start();
    String line = new String(json.encode(event), StandardCharsets.UTF_8);
    assertThat(line).endsWith("}\n").doesNotContainPattern("[\\p{Cc}&&[^\n]]|[\\p{Cf}\u2028]");
    assertThat(new ObjectMapper().readTree(line).get("formattedMessage").asText())
        .isEqualTo("refused: " + foreign);
  }
}
