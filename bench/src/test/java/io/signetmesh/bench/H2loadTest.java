package io.signetmesh.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class H2loadTest {
  private static final String REPORT =
      """
      finished in 6.00s, 50012.33 req/s, 6.73MB/s
      requests: 300074 total, 300202 started, 300074 done, 300070 succeeded, 4 failed, 3 errored, 1 timeout
      status codes: 300060 2xx, 0 3xx, 7 4xx, 3 5xx
      traffic: 40.36MB (42319446) total, 5.72MB (6001480) headers (space savings 90.61%), 27.76MB (29107178) data
      """;

  @Test
  void whatIsNotAnsweredWith2xxIsAnError() throws IOException {
    Load load = H2load.parse(REPORT, new long[] {100, 200, 300, 400}, Duration.ofSeconds(6));

    assertThat(load.requests()).isEqualTo(300_060);
    assertThat(load.errors()).isEqualTo(14);
    assertThat(load.requestsPerSecond()).isEqualTo(50_010);
    assertThat(load.p50Micros()).isEqualTo(300);
    assertThat(load.p99Micros()).isEqualTo(400);
    assertThat(load.p999Micros()).isEqualTo(400);
    assertThat(load.bytes()).isEqualTo(29_107_178);
  }

  @Test
  void answersWithoutReasonPhraseAreNoErrors() throws IOException {
    Load load =
        H2load.parse(
            """
            finished in 1.00s, 10.00 req/s, 1.00KB/s
            requests: 10 total, 10 started, 10 done, 0 succeeded, 10 failed, 0 errored, 0 timeout
            status codes: 0 2xx, 0 3xx, 0 4xx, 0 5xx
            traffic: 2.00KB (2000) total, 1.00KB (1000) headers (space savings 0.00%), 970B (970) data
            """,
            new long[] {100}, Duration.ofSeconds(1));

    assertThat(load.requests()).isEqualTo(10);
    assertThat(load.errors()).isZero();
    assertThat(load.bytes()).isEqualTo(970);
  }

  @Test
  void latenciesComeFromTheThirdColumnOfTheLog(@TempDir Path directory) throws IOException {
    Path log = directory.resolve("h2load.log");
    Files.writeString(
        log,
        "1763700000000000\t200\t812\n1763700000000100\t200\t95\n1763700000000200\t403\t430\n",
        StandardCharsets.US_ASCII);

    assertThat(H2load.latencies(log)).containsExactly(95, 430, 812);
  }

  @Test
  void anotherTextIsAnError() {
    assertThatThrownBy(() -> H2load.parse("no", new long[0], Duration.ofSeconds(1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no totals");
  }
}
