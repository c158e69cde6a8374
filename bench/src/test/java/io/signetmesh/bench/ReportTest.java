package io.signetmesh.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReportTest {
  private static final Row SIGNET =
      Row.loaded("http1", "signet", new Load(60_000, 0, 2, 1000, 2400), 1_800_000, 120, 90);
  private static final Row HAPROXY =
      Row.loaded("http1", "haproxy", new Load(40_000, 3, 2, 2000, 1200), 1_000_000, 20, 15);

  @Test
  void aRowHasTheFieldsOfItsWorkOnly() {
    JsonNode json = new ObjectMapper().valueToTree(SIGNET);

    assertThat(json.get("work").asText()).isEqualTo("http1");
    assertThat(json.get("system").asText()).isEqualTo("signet");
    assertThat(json.get("requests_per_s").asDouble()).isEqualTo(30_000);
    assertThat(json.get("p50_us").asDouble()).isEqualTo(1000);
    assertThat(json.get("p99_us").asDouble()).isEqualTo(2400);
    assertThat(json.get("cpu_us_per_request").asDouble()).isEqualTo(30);
    assertThat(json.get("rss_mb").asDouble()).isEqualTo(120);
    assertThat(json.has("startup_ms")).isFalse();
  }

  @Test
  void ratiosAboveOneAreInFavourOfTheFirst() {
    assertThat(print(List.of(SIGNET, HAPROXY)).lines().filter(line -> line.contains("ratio")))
        .singleElement()
        .satisfies(
            line ->
                // 30,000 against 20,000 a second; 25 µs against 30; 1.0 ms against 2.0.
                assertThat(line.strip().split("\\s+"))
                    .containsExactly(
                        "http1", "ratio", "1.50", "2.00", "0.50", "0.83", "0.17", "0.17"));
  }

  @Test
  void theMedianIsTakenOfEachFigureAndErrorsAreSummed() {
    Row median =
        Row.median(
            List.of(
                Row.loaded("tcp", "x", new Load(100, 1, 1, 10, 90), 500, 1, 1),
                Row.loaded("tcp", "x", new Load(300, 0, 1, 30, 70), 600, 3, 1),
                Row.loaded("tcp", "x", new Load(200, 2, 1, 20, 80), 800, 2, 1)));

    assertThat(median.requestsPerSecond()).isEqualTo(200);
    assertThat(median.p99Micros()).isEqualTo(80);
    assertThat(median.cpuMicrosPerRequest()).isEqualTo(4);
    assertThat(median.rssMegabytes()).isEqualTo(2);
    assertThat(median.errors()).isEqualTo(3);
  }

  private static String print(List<Row> rows) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Report.print(rows, new PrintStream(out, true, StandardCharsets.UTF_8));
    return out.toString(StandardCharsets.UTF_8);
  }
}
