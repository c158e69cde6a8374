package io.signetmesh.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class WrkTest {
  private static final String REPORT =
      """
      Running 6s test @ http://127.0.0.1:18000/
        1 threads and 32 connections
        Thread Stats   Avg      Stdev     Max   +/- Stdev
          Latency     1.05ms  363.87us   9.22ms   87.10%
          Req/Sec    30.31k     1.62k   32.61k    83.33%
        Latency Distribution
           50%    0.98ms
           75%    1.17ms
           90%    1.43ms
           99%    2.31ms
        180968 requests in 6.01s, 41.59MB read
      Requests/sec:  30122.31
      Transfer/sec:      6.92MB
      """;

  @Test
  void totalsAndPercentilesAreRead() throws IOException {
    Load load = Wrk.parse(REPORT);

    assertThat(load.requests()).isEqualTo(180_968);
    assertThat(load.errors()).isZero();
    assertThat(load.seconds()).isCloseTo(6.01, within(1e-9));
    assertThat(load.p50Micros()).isCloseTo(980, within(1e-6));
    assertThat(load.p99Micros()).isCloseTo(2310, within(1e-6));
    assertThat(load.requestsPerSecond()).isCloseTo(30_111, within(1.0));
  }

  @Test
  void otherUnitsAreRead() throws IOException {
    Load load = Wrk.parse(REPORT.replace("0.98ms", "870.00us").replace("2.31ms", "1.20s"));

    assertThat(load.p50Micros()).isCloseTo(870, within(1e-6));
    assertThat(load.p99Micros()).isCloseTo(1.2e6, within(1e-3));
  }

  @Test
  void refusalsAndBrokenConnectionsAreErrors() throws IOException {
    Load load =
        Wrk.parse(
            REPORT
                + "  Socket errors: connect 1, read 2, write 3, timeout 4\n"
                + "  Non-2xx or 3xx responses: 100\n");

    assertThat(load.errors()).isEqualTo(110);
  }

  @Test
  void anotherTextIsAnError() {
    assertThatThrownBy(() -> Wrk.parse("unable to connect"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("unable to connect");
  }
}
