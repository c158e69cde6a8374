package io.signetmesh.bench.metrics;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Writes a page with many label sets. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ExpositionBenchmark {
  /** Which registry. */
  @Param({"proxy", "micrometer"})
  public String registry = "proxy";

  /** What the label sets are of. */
  @Param({"counters", "histograms"})
  public String kind = "counters";

  /** How many label sets. */
  @Param("10000")
  public int sets = 10_000;

  private Subject subject = new ProxySubject();

  /** Fills the registry. */
  @Setup
  public void fill() {
    subject = Subject.named(registry);
    if (kind.equals("counters")) {
      subject.counters(sets);
    } else {
      subject.histograms(sets);
    }
  }

  /** Writes the page to nowhere. */
  @Benchmark
  public void write() throws IOException {
    subject.write(OutputStream.nullOutputStream());
  }
}
