package io.signetmesh.proxy.metrics.registry;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.util.Iterator;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * All label sets of one metric. A label set has one cell for as long as somebody holds the cell. An
 * idle label set leaves the exposition, and returns with its value when a holder counts again. Safe
 * from any thread.
 *
 * @param <C> kind of cell
 */
public final class Family<C extends Cell> {
  private final MetricsRegistry registry;
  private final String name;
  private final String help;
  private final Supplier<C> maker;
  private final ConcurrentHashMap<Labels, Series<C>> series = new ConcurrentHashMap<>();

  Family(MetricsRegistry registry, String name, String help, Supplier<C> maker) {
    this.registry = registry;
    this.name = name;
    this.help = help;
    this.maker = maker;
  }

  String name() {
    return name;
  }

  /**
   * The cell of a label set. Above the registry's limit (2,000) all new label sets share one cell,
   * whose label values are {@code overflow}. Do not call it for each request: resolve the cell once
   * and keep it.
   */
  public C with(Labels labels) {
    Series<C> known = series.get(labels);
    if (known != null) {
      known.touched = true;
      C cell = known.cell;
      if (cell != null) {
        return cell;
      }
    } else if (series.size() >= registry.seriesLimit()) {
      registry.overflowed();
      return resolve(labels.withEveryValue(MetricsRegistry.OVERFLOW));
    }
    return resolve(labels);
  }

  private C resolve(Labels labels) {
    while (true) {
      Series<C> found =
          series.compute(
              labels,
              (key, old) -> {
                if (old != null) {
                  old.touched = true;
                  C held = old.weak.get();
                  if (held != null) {
                    old.cell = held;
                    return old;
                  }
                }
                return new Series<>(key, maker.get(), registry.nanoTime());
              });
      C cell = found.weak.get();
      if (cell != null) {
        return cell;
      }
    }
  }

  int size() {
    return series.size();
  }

  /** Forgets what has been idle. Called by one thread at a time. */
  void sweep(long now, long retainNanos) {
    for (Iterator<Series<C>> all = series.values().iterator(); all.hasNext(); ) {
      Series<C> one = all.next();
      C cell = one.weak.get();
      if (cell == null) {
        series.remove(one.labels, one);
        continue;
      }
      long fingerprint = cell.fingerprint();
      if (one.touched || fingerprint != one.fingerprint || !cell.mayIdle()) {
        one.touched = false;
        one.fingerprint = fingerprint;
        one.changedAt = now;
        one.cell = cell;
      } else if (one.cell != null && now - one.changedAt >= retainNanos) {
        one.cell = null;
        if (one.touched) {
          one.cell = cell;
        }
      }
    }
  }

  /** Writes the family; nothing when it has no sample. */
  void write(Exposition out) throws IOException {
    boolean begun = false;
    for (Series<C> one : series.values()) {
      C cell = one.cell;
      if (cell == null) {
        continue;
      }
      if (!begun) {
        begun = true;
        out.family(name, help, type(cell));
      }
      String labels = one.text;
      switch (cell) {
        case Counter counter -> out.sample(name, labels, counter.value());
        case Gauge gauge -> out.sample(name, labels, gauge.value());
        case Histogram histogram -> out.histogram(name, labels, histogram);
      }
    }
  }

  private static MetricType type(Cell cell) {
    return switch (cell) {
      case Counter counter -> MetricType.COUNTER;
      case Gauge gauge -> MetricType.GAUGE;
      case Histogram histogram -> MetricType.HISTOGRAM;
    };
  }

  private static final class Series<C> {
    final Labels labels;
    final String text;
    final WeakReference<C> weak;
    volatile @Nullable C cell;
    volatile boolean touched;

    // Of the sweeping thread.
    long fingerprint;
    long changedAt;

    Series(Labels labels, C cell, long now) {
      this.labels = labels;
      this.text = labels.text();
      this.weak = new WeakReference<>(cell);
      this.cell = cell;
      this.touched = true;
      this.changedAt = now;
    }
  }
}
