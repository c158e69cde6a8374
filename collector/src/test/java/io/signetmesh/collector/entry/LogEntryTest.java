package io.signetmesh.collector.entry;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.collector.entry.LogEntry.Line;
import io.signetmesh.collector.entry.LogEntry.Missing;
import java.time.Instant;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogEntryTest {
  private static final String JOURNAL = "00112233445566778899aabbccddeeff";
  private static final Instant NOW = Instant.parse("2026-11-30T10:00:00.5Z");

  @Test
  void keepsTheRecordAsTheWriterSentIt() throws Exception {
    byte[] line = "{ \"sequence\" : 7,\"gap\":{\"lost\":1e0}}".getBytes(UTF_8);
    LogEntry entry = new LogEntry("web.default", JOURNAL, NOW, false, Line.of(line));

    assertThat(new String(entry.bytes(), UTF_8))
        .isEqualTo(
            "{\"writer\":\"web.default\",\"journal\":\"00112233445566778899aabbccddeeff\","
                + "\"received\":\"2026-11-30T10:00:00.500Z\","
                + "\"record\":{ \"sequence\" : 7,\"gap\":{\"lost\":1e0}}}");
    assertThat(LogEntry.parse(entry.bytes())).isEqualTo(entry);
    assertThat(((Line) entry.content()).sequence()).isEqualTo(7);
  }

  @Test
  void saysWhenTheLogMayHaveWhatIsMissing() throws Exception {
    LogEntry entry = new LogEntry("web.default", JOURNAL, NOW, false, new Missing(3, 9, true));
    assertThat(new String(entry.bytes(), UTF_8))
        .endsWith("\"missing\":{\"from\":3,\"to\":9,\"unsure\":true}}");
    assertThat(LogEntry.parse(entry.bytes())).isEqualTo(entry);
  }

  @Test
  void saysWhatIsMissingAndWhatIsForeign() throws Exception {
    LogEntry entry = new LogEntry("web.default", JOURNAL, NOW, true, new Missing(3, 9, false));

    assertThat(new String(entry.bytes(), UTF_8))
        .endsWith("\"foreign\":true,\"missing\":{\"from\":3,\"to\":9}}");
    assertThat(LogEntry.parse(entry.bytes())).isEqualTo(entry);
  }

  @Property
  void everyWriterIsReadAsItWas(@ForAll @StringLength(min = 1, max = 40) String name)
      throws Exception {
    String writer = new String(name.getBytes(UTF_8), UTF_8);
    LogEntry entry = new LogEntry(writer, JOURNAL, NOW, false, new Missing(1, 1, false));

    assertThat(LogEntry.parse(entry.bytes())).isEqualTo(entry);
    assertThat(new String(entry.bytes(), UTF_8)).doesNotContain("\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "7",
        "{}",
        "{\"time\":\"x\",\"sequence\":1}",
        "{\"sequence\":0}",
        "{\"sequence\":\"1\"}",
        "{\"sequence\":99999999999999999999}",
        "{\"sequence\":1}}",
        "{\"sequence\":1} {}",
        "{\"sequence\":1,\"sequence\":2}",
        "{\"sequence\":1,\"gap\":",
        "{\"sequence\":1,\n\"gap\":{}}",
        "\ufeff{\"sequence\":1}",
        " {\"sequence\":1}",
      })
  void refusesWhatIsNoRecord(String line) {
    assertThatThrownBy(() -> Line.of(line.getBytes(UTF_8)))
        .isInstanceOf(MalformedEntryException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"writer\":\"w\",\"journal\":\"00112233445566778899aabbccddeeff\"}",
        "{\"writer\":\"w\",\"journal\":\"short\",\"received\":\"2026-11-30T10:00:00Z\","
            + "\"missing\":{\"from\":1,\"to\":1}}",
        "{\"writer\":\"w\",\"journal\":\"00112233445566778899aabbccddeeff\","
            + "\"received\":\"yesterday\",\"missing\":{\"from\":1,\"to\":1}}",
        "{\"writer\":\"w\",\"journal\":\"00112233445566778899aabbccddeeff\","
            + "\"received\":\"2026-11-30T10:00:00Z\",\"missing\":{\"from\":2,\"to\":1}}",
        "{\"writer\":\"w\",\"journal\":\"00112233445566778899aabbccddeeff\","
            + "\"received\":\"2026-11-30T10:00:00Z\",\"missing\":{\"from\":1,\"to\":1},\"x\":1}",
        "{\"writer\":\"w\",\"journal\":\"00112233445566778899aabbccddeeff\","
            + "\"received\":\"2026-11-30T10:00:00Z\",\"foreign\":false,"
            + "\"missing\":{\"from\":1,\"to\":1}}",
      })
  void refusesWhatIsNoEntry(String entry) {
    assertThatThrownBy(() -> LogEntry.parse(entry.getBytes(UTF_8)))
        .isInstanceOf(MalformedEntryException.class);
  }
}
