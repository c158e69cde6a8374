package io.signetmesh.collector.ingest;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.signetmesh.collector.log.CollectorLog;
import java.util.function.ToDoubleFunction;

/** What the collector counts. No label has a value that a writer chooses. */
final class IngestMeters {
  final Counter records;
  final Counter foreign;
  final Counter duplicates;
  final Counter missing;
  final Counter bytes;
  final Counter failures;
  final Timer appends;
  private final MeterRegistry registry;

  IngestMeters(MeterRegistry registry) {
    this.registry = registry;
    records = counter("records", "Records appended to the log.");
    foreign =
        counter("foreign.records", "Records received about workloads that are not the writer's.");
    duplicates = counter("duplicate.records", "Records delivered again, which the log had.");
    missing = counter("missing.records", "Records that their writers no longer had.");
    bytes = counter("received.bytes", "Bytes of entries received.");
    failures = counter("append.failures", "Appends that failed: nothing was acknowledged.");
    appends =
        Timer.builder("signet.audit.collector.append")
            .description("Time of an append, until it is durable by the fsync policy.")
            .register(registry);
  }

  private Counter counter(String name, String description) {
    return Counter.builder("signet.audit.collector." + name)
        .description(description)
        .register(registry);
  }

  /** Adds what is read from the log, the streams and the batches that wait. */
  void follow(CollectorLog log, Appender appender, CollectorService service) {
    gauge("log.size", "Entries of the log.", log, one -> one.checkpoint().size());
    gauge("unreadable.entries", "Entries of no known form.", log, CollectorLog::unreadable);
    gauge("journals", "Journals that are known.", log, CollectorLog::journals);
    gauge("streams", "Open streams of writers.", service, CollectorService::streams);
    gauge("waiting.bytes", "Bytes that wait to be appended.", service, CollectorService::waiting);
    gauge("writable", "1 while the log can be written.", appender, a -> a.isWritable() ? 1 : 0);
  }

  private <T> void gauge(String name, String description, T of, ToDoubleFunction<T> value) {
    Gauge.builder("signet.audit.collector." + name, of, value)
        .description(description)
        .strongReference(true)
        .register(registry);
  }
}
