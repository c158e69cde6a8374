package io.signetmesh.bench.metrics;

import io.signetmesh.proxy.metrics.registry.Buckets;
import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Exposition;
import io.signetmesh.proxy.metrics.registry.Family;
import io.signetmesh.proxy.metrics.registry.Histogram;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;

/** The registry of the proxy. */
final class ProxySubject implements Subject {
  private final MetricsRegistry registry = new MetricsRegistry(Duration.ofHours(1));

  /** A counter of a metric of its own. */
  Counter counter(String name, int set) {
    return registry.counter(name, "Requests.").with(Labels.of(LabelSets.number(set)));
  }

  /** A histogram of a metric of its own. */
  Histogram histogram(String name, int set) {
    return registry
        .histogram(name, "Latency.", Buckets.LATENCY_MS)
        .with(Labels.of(LabelSets.number(set)));
  }

  @Override
  public void counters(int sets) {
    for (int i = 0; i < sets; i += SETS_OF_A_METRIC) {
      Family<Counter> family = registry.counter("requests_" + i + "_total", "Requests.");
      for (int set = i; set < Math.min(sets, i + SETS_OF_A_METRIC); set++) {
        family.with(Labels.of(LabelSets.number(set))).increment();
      }
    }
  }

  @Override
  public void histograms(int sets) {
    for (int i = 0; i < sets; i += SETS_OF_A_METRIC) {
      Family<Histogram> family =
          registry.histogram("latency_" + i + "_ms", "Latency.", Buckets.LATENCY_MS);
      for (int set = i; set < Math.min(sets, i + SETS_OF_A_METRIC); set++) {
        family.with(Labels.of(LabelSets.number(set))).observe(3_000_000);
      }
    }
  }

  @Override
  public void write(OutputStream out) throws IOException {
    registry.write(out, Exposition.Format.PROMETHEUS_TEXT);
  }
}
