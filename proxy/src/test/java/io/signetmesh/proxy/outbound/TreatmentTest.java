package io.signetmesh.proxy.outbound;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.upstream.Upstream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is done with a connection of the application, by destination and first bytes. */
class TreatmentTest {
  @ParameterizedTest
  @CsvSource({
    "FORBIDDEN, false, , FORBID",
    "FORBIDDEN, false, HTTP1, FORBID",
    "OPAQUE, false, HTTP2, RELAY",
    "HTTP1, false, , HTTP1",
    "HTTP2, false, NOT_HTTP, HTTP2",
    "DETECT, false, , SNIFF",
    "DETECT, false, HTTP1, HTTP1",
    "DETECT, false, HTTP2, HTTP2",
    "DETECT, false, NOT_HTTP, RELAY",
    "DETECT, false, READ_TIMEOUT, RELAY",
    "DETECT, true, , RELAY",
    "DETECT, true, HTTP1, RELAY"
  })
  void followsFromDestinationAndFirstBytes(
      Upstream.Protocol protocol,
      boolean takesBytesOnly,
      @Nullable HttpDetection found,
      Treatment expected) {
    Upstream destination = new TestUpstream(protocol, takesBytesOnly);
    assertThat(Treatment.of(destination, found)).isEqualTo(expected);
  }
}
