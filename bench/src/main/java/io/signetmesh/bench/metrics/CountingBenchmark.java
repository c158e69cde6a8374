package io.signetmesh.bench.metrics;

import io.micrometer.core.instrument.Timer;
import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Histogram;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Counts one request and its latency, with handles that are resolved. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class CountingBenchmark {
  /** A power of two. */
  private static final int LATENCIES = 1024;

  private final long[] latencies = new long[LATENCIES];
  private final Counter proxyCounter;
  private final Histogram proxyHistogram;
  private final io.micrometer.core.instrument.Counter micrometerCounter;
  private final Timer micrometerTimer;
  private int next;

  /** Resolves the handles. */
  public CountingBenchmark() {
    // Log-normal, half of them below 2 ms, one in a hundred above 10 ms.
    Random random = new Random(1);
    for (int i = 0; i < LATENCIES; i++) {
      latencies[i] = (long) (2e6 * Math.exp(0.7 * random.nextGaussian()));
    }
    ProxySubject proxy = new ProxySubject();
    proxyCounter = proxy.counter("requests_total", 0);
    proxyHistogram = proxy.histogram("latency_ms", 0);
    MicrometerSubject micrometer = new MicrometerSubject();
    micrometerCounter = micrometer.counter("requests", 0);
    micrometerTimer = micrometer.timer("latency", 0);
  }

  /** By the proxy's registry. */
  @Benchmark
  public void proxy() {
    proxyCounter.increment();
    proxyHistogram.observe(latencies[next++ & (LATENCIES - 1)]);
  }

  /** By Micrometer. */
  @Benchmark
  public void micrometer() {
    micrometerCounter.increment();
    micrometerTimer.record(latencies[next++ & (LATENCIES - 1)], TimeUnit.NANOSECONDS);
  }
}
