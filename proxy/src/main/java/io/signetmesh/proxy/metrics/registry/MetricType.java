package io.signetmesh.proxy.metrics.registry;

/** Kind of a metric, as the exposition formats name it. */
public enum MetricType {
  COUNTER("counter"),
  GAUGE("gauge"),
  HISTOGRAM("histogram");

  private final String label;

  MetricType(String label) {
    this.label = label;
  }

  String label() {
    return label;
  }
}
