package io.signetmesh.proxy.metrics.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class MetricsRegistryTest {
  private final AtomicLong time = new AtomicLong();
  private final MetricsRegistry registry =
      new MetricsRegistry(Duration.ofMinutes(10), 4, time::get);

  @Test
  void familyWithoutSamplesPrintsNothing() throws Exception {
    registry.counter("request_total", "HTTP requests.");
    assertThat(text()).doesNotContain("request_total");
  }

  @Test
  void countsOfOneLabelSetShareACell() throws Exception {
    Family<Counter> requests = registry.counter("request_total", "HTTP requests.");
    requests.with(Labels.of("direction", "inbound")).increment();
    requests.with(Labels.of("direction", "inbound")).add(2);
    requests.with(Labels.of("direction", "outbound")).increment();
    assertThat(text())
        .contains(
            "# HELP request_total HTTP requests.\n# TYPE request_total counter\n",
            "request_total{direction=\"inbound\"} 3\n",
            "request_total{direction=\"outbound\"} 1\n");
  }

  @Test
  void openMetricsNamesCounterFamiliesWithoutSuffixAndEnds() throws Exception {
    registry.counter("request_total", "HTTP requests.").with(Labels.none()).increment();
    assertThat(text(Exposition.Format.OPENMETRICS))
        .contains("# TYPE request counter\nrequest_total 1\n")
        .endsWith("# EOF\n");
  }

  @Test
  void labelValuesAndHelpAreEscaped() throws Exception {
    registry
        .counter("odd_total", "a\\b\nc")
        .with(Labels.of("sni", "quote\" slash\\ line\nend é"))
        .increment();
    assertThat(text())
        .contains("# HELP odd_total a\\\\b\\nc\n")
        .contains("odd_total{sni=\"quote\\\" slash\\\\ line\\nend é\"} 1\n");
  }

  @Test
  void histogramBucketsAreCumulativeAndInclusive() throws Exception {
    Histogram latency =
        registry
            .histogram("response_latency_ms", "Latency.", Buckets.LATENCY_MS)
            .with(Labels.of("status_code", "200"));
    latency.observe(1_000_000);
    latency.observe(1_000_001);
    latency.observe(Duration.ofHours(1).toNanos());
    latency.observe(-5);
    assertThat(text())
        .contains(
            "response_latency_ms_bucket{status_code=\"200\",le=\"1\"} 2\n",
            "response_latency_ms_bucket{status_code=\"200\",le=\"2\"} 3\n",
            "response_latency_ms_bucket{status_code=\"200\",le=\"50000\"} 3\n",
            "response_latency_ms_bucket{status_code=\"200\",le=\"+Inf\"} 4\n",
            "response_latency_ms_count{status_code=\"200\"} 4\n");
    assertThat(text(Exposition.Format.OPENMETRICS)).contains("le=\"10000.0\"");
  }

  @Test
  void idleLabelSetLeavesTheExpositionAndReturnsWithItsValueWhenItsHolderCounts() throws Exception {
    Counter held = registry.counter("request_total", "x").with(Labels.of("a", "b"));
    held.add(7);
    assertThat(text()).contains("request_total{a=\"b\"} 7\n");
    time.addAndGet(Duration.ofMinutes(9).toNanos());
    assertThat(text()).contains("request_total{a=\"b\"} 7\n");
    time.addAndGet(Duration.ofMinutes(2).toNanos());
    assertThat(text()).doesNotContain("request_total");
    held.increment();
    assertThat(text()).contains("request_total{a=\"b\"} 8\n");
  }

  @Test
  void resolvingAnIdleLabelSetBringsItBack() throws Exception {
    Family<Counter> family = registry.counter("request_total", "x");
    Counter held = family.with(Labels.of("a", "b"));
    held.increment();
    text();
    time.addAndGet(Duration.ofMinutes(11).toNanos());
    assertThat(text()).doesNotContain("request_total");
    assertThat(family.with(Labels.of("a", "b"))).isSameAs(held);
    assertThat(text()).contains("request_total{a=\"b\"} 1\n");
    assertThat(held.value()).isEqualTo(1);
  }

  @Test
  void gaugeThatIsNotZeroStays() throws Exception {
    Gauge open = registry.gauge("tcp_open_connections", "x").with(Labels.of("peer", "src"));
    open.increment();
    text();
    time.addAndGet(Duration.ofDays(1).toNanos());
    assertThat(text()).contains("tcp_open_connections{peer=\"src\"} 1\n");
    open.decrement();
    text();
    time.addAndGet(Duration.ofDays(1).toNanos());
    assertThat(text()).doesNotContain("tcp_open_connections");
  }

  @Test
  void labelSetsAboveTheLimitShareACellAndAreCounted() throws Exception {
    Family<Counter> family = registry.counter("hello_total", "x");
    for (int i = 0; i < 100; i++) {
      family.with(Labels.of("sni", "host-" + i)).increment();
    }
    assertThat(family.size()).isEqualTo(5);
    assertThat(text())
        .contains("hello_total{sni=\"overflow\"} 96\n", "signet_metrics_overflow_total 96\n");
  }

  @Test
  void nothingIsLostWhenManyThreadsCountAndSweepsRun() throws Exception {
    MetricsRegistry racing = new MetricsRegistry(Duration.ZERO, 1000, System::nanoTime);
    Family<Counter> family = racing.counter("n_total", "x");
    Counter anchor = family.with(Labels.of("k", "v"));
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = 0; i < 20_000; i++) {
                      family.with(Labels.of("k", "v")).increment();
                    }
                  }));
    }
    for (int i = 0; i < 200; i++) {
      racing.sweep();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(anchor.value()).isEqualTo(80_000);
    assertThat(family.with(Labels.of("k", "v"))).isSameAs(anchor);
  }

  private String text() throws IOException {
    return text(Exposition.Format.PROMETHEUS_TEXT);
  }

  private String text(Exposition.Format format) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    registry.write(out, format);
    return out.toString(StandardCharsets.UTF_8);
  }
}
