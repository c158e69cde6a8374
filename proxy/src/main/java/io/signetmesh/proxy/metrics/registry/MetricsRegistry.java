package io.signetmesh.proxy.metrics.registry;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

/**
 * The metrics of a proxy. Families are registered once. Callers resolve cells from them and keep
 * those. Label sets that do not change for a while leave the exposition. Safe from any thread.
 */
public final class MetricsRegistry {
  /** Value of all labels of the cell that takes what is above the limit of label sets. */
  static final String OVERFLOW = "overflow";

  /** Most label sets of one family. */
  private static final int SERIES_LIMIT = 2_000;

  private final LongSupplier nanoTime;
  private final long retainNanos;
  private final int seriesLimit;
  private final List<Writable> families = new CopyOnWriteArrayList<>();
  private final LongAdder overflows = new LongAdder();

  /** Provides the samples of a metric at the time of an exposition. */
  @FunctionalInterface
  public interface Collector {
    /** Writes one sample for each label set; must not block. */
    void collect(Sink sink) throws IOException;
  }

  /** Receives the samples of a {@link Collector}. */
  @FunctionalInterface
  public interface Sink {
    void sample(Labels labels, double value) throws IOException;
  }

  private interface Writable {
    void sweep(long now, long retainFor);

    void write(Exposition out) throws IOException;
  }

  /**
   * @param retainIdle how long a label set is exposed after its last change, {@code
   *     METRICS_RETAIN_IDLE}
   */
  public MetricsRegistry(Duration retainIdle) {
    this(retainIdle, SERIES_LIMIT, System::nanoTime);
  }

  MetricsRegistry(Duration retainIdle, int seriesLimit, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.retainNanos = retainIdle.toNanos();
    this.seriesLimit = seriesLimit;
    collector(
        "signet_metrics_overflow_total",
        "Label sets that shared a cell because a metric had too many.",
        MetricType.COUNTER,
        sink -> sink.sample(Labels.none(), (double) overflows.sum()));
  }

  /** Adds a counter; its name ends in {@code _total}. */
  public Family<Counter> counter(String name, String help) {
    return add(new Family<>(this, name, help, Counter::new));
  }

  /** Adds a gauge. */
  public Family<Gauge> gauge(String name, String help) {
    return add(new Family<>(this, name, help, Gauge::new));
  }

  /** Adds a histogram of durations. */
  public Family<Histogram> histogram(String name, String help, Buckets buckets) {
    return add(new Family<>(this, name, help, () -> new Histogram(buckets)));
  }

  /** Adds a metric whose samples are collected at each exposition. */
  public void collector(String name, String help, MetricType type, Collector collector) {
    families.add(
        new Writable() {
          @Override
          public void sweep(long now, long retainFor) {
            // Collected samples are not kept.
          }

          @Override
          public void write(Exposition out) throws IOException {
            out.family(name, help, type);
            collector.collect((labels, value) -> out.sample(name, labels, value));
          }
        });
  }

  /** Adds a metric without labels whose value is read at each exposition. */
  public void value(String name, String help, MetricType type, DoubleSupplier value) {
    collector(name, help, type, sink -> sink.sample(Labels.none(), value.getAsDouble()));
  }

  /** Writes all metrics as UTF-8; the stream stays open. */
  public void write(OutputStream to, Exposition.Format format) throws IOException {
    Writer writer =
        new BufferedWriter(new OutputStreamWriter(to, StandardCharsets.UTF_8), 16 * 1024);
    Exposition out = new Exposition(writer, format);
    sweep();
    for (Writable family : families) {
      family.write(out);
    }
    out.end();
    writer.flush();
  }

  /** Forgets label sets that have been idle. */
  synchronized void sweep() {
    long now = nanoTime();
    for (Writable family : families) {
      family.sweep(now, retainNanos);
    }
  }

  long nanoTime() {
    return nanoTime.getAsLong();
  }

  int seriesLimit() {
    return seriesLimit;
  }

  void overflowed() {
    overflows.increment();
  }

  private <C extends Cell> Family<C> add(Family<C> family) {
    families.add(
        new Writable() {
          @Override
          public void sweep(long now, long retain) {
            family.sweep(now, retain);
          }

          @Override
          public void write(Exposition out) throws IOException {
            family.write(out);
          }
        });
    return family;
  }
}
