package io.signetmesh.bench.metrics;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** Micrometer with its Prometheus registry, as the servers of the control plane use it. */
final class MicrometerSubject implements Subject {
  /** The bounds of {@code response_latency_ms}. */
  private static final Duration[] BOUNDS =
      IntStream.of(
              1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000,
              5000, 10_000, 20_000, 30_000, 40_000, 50_000)
          .mapToObj(Duration::ofMillis)
          .toArray(Duration[]::new);

  private final PrometheusRegistry prometheus = new PrometheusRegistry();
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, prometheus, Clock.SYSTEM);

  /** A counter of a metric. */
  Counter counter(String name, int set) {
    return Counter.builder(name)
        .description("Requests.")
        .tags(LabelSets.number(set))
        .register(registry);
  }

  /** A histogram of a metric. */
  Timer timer(String name, int set) {
    return Timer.builder(name)
        .description("Latency.")
        .tags(LabelSets.number(set))
        .serviceLevelObjectives(BOUNDS)
        .register(registry);
  }

  @Override
  public void counters(int sets) {
    for (int set = 0; set < sets; set++) {
      counter("requests." + set / SETS_OF_A_METRIC, set).increment();
    }
  }

  @Override
  public void histograms(int sets) {
    for (int set = 0; set < sets; set++) {
      timer("latency." + set / SETS_OF_A_METRIC, set).record(3, TimeUnit.MILLISECONDS);
    }
  }

  @Override
  public void write(OutputStream out) throws IOException {
    PrometheusTextFormatWriter.create()
        .write(out, prometheus.scrape(), EscapingScheme.UNDERSCORE_ESCAPING);
  }
}
