package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Family;
import io.signetmesh.proxy.metrics.registry.Gauge;
import io.signetmesh.proxy.metrics.registry.Labels;

/** Cells of one label set of connections, shared by all connections with equal labels. */
final class TcpSeries {
  private final Families families;
  private final Labels labels;
  private final Counter opened;
  private final Gauge open;
  private final Counter read;
  private final Counter written;

  TcpSeries(Families families, Labels labels) {
    this.families = families;
    this.labels = labels;
    this.opened = families.opened.with(labels);
    this.open = families.open.with(labels);
    this.read = families.read.with(labels);
    this.written = families.written.with(labels);
  }

  void opened() {
    opened.increment();
    open.increment();
  }

  void read(long bytes) {
    read.add(bytes);
  }

  void written(long bytes) {
    written.add(bytes);
  }

  void closed(String errno) {
    open.decrement();
    families.closed.with(labels.and("errno", errno)).increment();
  }

  record Families(
      Family<Counter> opened,
      Family<Gauge> open,
      Family<Counter> read,
      Family<Counter> written,
      Family<Counter> closed) {}
}
