package io.signetmesh.bench.metrics;

import java.io.IOException;
import java.io.OutputStream;

/** A metrics registry that is measured. */
interface Subject {
  /** Label sets of one metric; the proxy's registry keeps 2,000. */
  int SETS_OF_A_METRIC = 2_000;

  /** The registries by the names that figures have. */
  static Subject named(String name) {
    return switch (name) {
      case "proxy" -> new ProxySubject();
      case "micrometer" -> new MicrometerSubject();
      default ->
          throw new IllegalArgumentException("registry " + name + ": expected proxy or micrometer");
    };
  }

  /** Resolves so many label sets of counters, and counts once in each. */
  void counters(int sets);

  /** Resolves so many label sets of histograms with 25 bounds, and observes 3 ms in each. */
  void histograms(int sets);

  /** Writes all in the Prometheus text format 0.0.4. */
  void write(OutputStream out) throws IOException;
}
