package io.signetmesh.proxy.metrics.registry;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

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
  private final List<MetricsRegistry> included = new CopyOnWriteArrayList<>();
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
    String name();

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
          public String name() {
            return name;
          }

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

  /**
   * Has metrics of the process written with those of this registry by {@link #write}, but not by
   * {@link #writeAll}. What has the name of a metric of this registry is left out.
   */
  public void include(MetricsRegistry process) {
    included.add(process);
  }

  /** Writes all metrics as UTF-8; the stream stays open. */
  public void write(OutputStream to, Exposition.Format format) throws IOException {
    Writer writer = writer(to);
    Exposition out = new Exposition(writer, format);
    sweep();
    Set<String> written = new HashSet<>();
    for (Writable family : families) {
      written.add(family.name());
      family.write(out);
    }
    for (MetricsRegistry process : included) {
      process.sweep();
      for (Writable family : process.families) {
        if (written.add(family.name())) {
          family.write(out);
        }
      }
    }
    out.end();
    writer.flush();
  }

  /**
   * Writes the metrics of several registries as one page, as UTF-8; the stream stays open. Each
   * metric is described once.
   *
   * @param process metrics that are written without the label; null: none
   * @param label name of the label that tells the registries apart
   * @param registries by the value of that label
   */
  public static void writeAll(
      OutputStream to,
      Exposition.Format format,
      @Nullable MetricsRegistry process,
      String label,
      Map<String, MetricsRegistry> registries)
      throws IOException {
    Map<String, List<Labelled>> byName = new LinkedHashMap<>();
    if (process != null) {
      process.group(Labels.none(), byName);
    }
    for (Map.Entry<String, MetricsRegistry> each : registries.entrySet()) {
      each.getValue().group(Labels.of(label, each.getKey()), byName);
    }
    Writer writer = writer(to);
    Exposition out = new Exposition(writer, format);
    for (List<Labelled> alike : byName.values()) {
      for (Labelled one : alike) {
        out.shared(one.labels());
        one.family().write(out);
      }
    }
    out.end();
    writer.flush();
  }

  private record Labelled(Labels labels, Writable family) {}

  private void group(Labels labels, Map<String, List<Labelled>> byName) {
    sweep();
    for (Writable family : families) {
      byName
          .computeIfAbsent(family.name(), name -> new ArrayList<>())
          .add(new Labelled(labels, family));
    }
  }

  private static Writer writer(OutputStream to) {
    return new BufferedWriter(new OutputStreamWriter(to, StandardCharsets.UTF_8), 16 * 1024);
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
          public String name() {
            return family.name();
          }

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
