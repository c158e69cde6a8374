package io.signetmesh.cli.authz;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.authz.ProxyCounts.Counts;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ProxyCountsTest {
  private static final String LABELS =
      "srv_group=\"policy.linkerd.io\",srv_kind=\"server\",srv_name=\"web\",route_group=\"\","
          + "route_kind=\"default\",route_name=\"default\"";
  private static final String GRANT =
      LABELS
          + ",authz_group=\"policy.linkerd.io\",authz_kind=\"authorizationpolicy\","
          + "authz_name=\"web-clients\"";
  private static final AuthorizationKey GRANTED =
      new AuthorizationKey("server/web", "default/default", "authorizationpolicy/web-clients");

  private static String metrics(long allowed, long denied, long ok, long failed, long fast) {
    return """
        # HELP inbound_http_authz_allow_total HTTP requests that were authorized.
        # TYPE inbound_http_authz_allow_total counter
        inbound_http_authz_allow_total{%1$s,tls="true",client_id="a\\"b"} %2$d
        inbound_http_authz_deny_total{%3$s,tls="no_identity"} %4$d
        response_total{direction="inbound",%1$s,classification="success"} %5$d
        response_total{direction="inbound",%1$s,classification="failure"} %6$d
        response_total{direction="outbound",classification="success"} 1000
        response_latency_ms_bucket{direction="inbound",%1$s,le="1"} %7$d
        response_latency_ms_bucket{direction="inbound",%1$s,le="10"} %2$d
        response_latency_ms_bucket{direction="inbound",%1$s,le="+Inf"} %2$d
        """
        .formatted(GRANT, allowed, LABELS, denied, ok, failed, fast);
  }

  private static Counts of(ProxyCounts counts, AuthorizationKey key) {
    return Optional.ofNullable(counts.byKey().get(key)).orElseThrow();
  }

  @Test
  void countsWhatHasGrownBetweenTwoReadings() {
    ProxyCounts counts =
        ProxyCounts.between(metrics(100, 5, 90, 10, 50), metrics(200, 9, 188, 12, 100));
    Counts granted = of(counts, GRANTED);
    assertThat(granted.allowed()).isEqualTo(100);
    assertThat(granted.success()).isEqualTo(0.98);
    assertThat(of(counts, GRANTED.unauthorized()).denied()).isEqualTo(4);
  }

  @Test
  void interpolatesLatenciesWithinTheirBucket() {
    Counts granted = of(ProxyCounts.between("", metrics(100, 0, 100, 0, 50)), GRANTED);
    assertThat(granted.latency(0.5)).isEqualTo(1);
    assertThat(granted.latency(0.75)).isEqualTo(5.5);
    assertThat(granted.latency(1)).isEqualTo(10);
  }

  @Test
  void aCounterThatWentBackBeganAnew() {
    ProxyCounts counts = ProxyCounts.between(metrics(100, 5, 90, 10, 50), metrics(3, 1, 3, 0, 3));
    assertThat(of(counts, GRANTED).allowed()).isEqualTo(3);
  }

  @Test
  void nothingCountedIsNothingKnown() {
    Counts granted =
        of(ProxyCounts.between(metrics(1, 1, 1, 0, 1), metrics(1, 1, 1, 0, 1)), GRANTED);
    assertThat(granted.success()).isNaN();
    assertThat(granted.latency(0.5)).isNaN();
  }

  @Test
  void leavesOutLinesThatAreNoSamples() {
    assertThat(MetricSample.parse("broken{a=\"x 1\nname notanumber\n\nfine 2\n"))
        .singleElement()
        .satisfies(sample -> assertThat(sample.value()).isEqualTo(2));
  }
}
