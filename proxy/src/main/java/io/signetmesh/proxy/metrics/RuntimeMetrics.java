package io.signetmesh.proxy.metrics;

import io.signetmesh.audit.Journal;
import io.signetmesh.audit.delivery.JournalDelivery;
import io.signetmesh.identity.workload.IdentityMetrics;
import io.signetmesh.proxy.memory.ProcessMemory;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.time.Instant;
import java.util.Collection;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a proxy exposes of itself beside its traffic: policies in force, the certificate, the audit
 * journal, the transport and the process. Each is read when metrics are asked for.
 */
public final class RuntimeMetrics {
  private RuntimeMetrics() {}

  /** Exposes the generation in force on each port. Call once. */
  public static void exposePolicies(
      MetricsRegistry registry, Supplier<? extends Collection<PolicyInForce>> policies) {
    registry.collector(
        "signet_policy_generation",
        "Generation of the policy in force on a port; 0: none has arrived.",
        MetricType.GAUGE,
        sink -> {
          for (PolicyInForce policy : policies.get()) {
            String server = policy.server();
            sink.sample(
                Labels.of(
                    "port",
                    Integer.toString(policy.port()),
                    "server",
                    server == null ? "" : server),
                (double) policy.generation());
          }
        });
  }

  /**
   * Exposes the life of the proxy's certificate. Call once.
   *
   * @param identity read at each exposition; must not block
   */
  public static void exposeIdentity(MetricsRegistry registry, Supplier<IdentityMetrics> identity) {
    registry.collector(
        "control_identity_cert_refreshes_total",
        "Attempts to obtain a certificate, by result.",
        MetricType.COUNTER,
        sink -> {
          IdentityMetrics now = identity.get();
          sink.sample(Labels.of("result", "ok"), (double) now.refreshes());
          sink.sample(Labels.of("result", "error"), (double) now.failures());
        });
    registry.value(
        "control_identity_cert_expiration_timestamp_seconds",
        "When the certificate expires, in Unix seconds; 0 before the first one.",
        MetricType.GAUGE,
        () -> unixSeconds(identity.get().expiration()));
    registry.value(
        "control_identity_cert_refresh_timestamp_seconds",
        "When the certificate was obtained, in Unix seconds; 0 before the first one.",
        MetricType.GAUGE,
        () -> unixSeconds(identity.get().refreshed()));
  }

  private static double unixSeconds(@Nullable Instant instant) {
    return instant == null ? 0 : instant.toEpochMilli() / 1e3;
  }

  /** Exposes the counts of the audit journal. Call once. */
  public static void exposeAudit(MetricsRegistry registry, Journal journal) {
    registry.value(
        "signet_audit_records_written_total",
        "Audit records written.",
        MetricType.COUNTER,
        journal::written);
    registry.value(
        "signet_audit_records_lost_total",
        "Audit records that could not be written.",
        MetricType.COUNTER,
        journal::lost);
    registry.value(
        "signet_audit_refused_total",
        "Requests and connections that were refused because they could not be recorded.",
        MetricType.COUNTER,
        journal::refused);
    registry.value(
        "signet_audit_write_errors_total",
        "Failed attempts to write audit records.",
        MetricType.COUNTER,
        journal::writeErrors);
    registry.value(
        "signet_audit_queue_length",
        "Audit records that wait to be written.",
        MetricType.GAUGE,
        journal::queued);
    registry.value(
        "signet_audit_records_unsigned",
        "Audit records in the file that no signed head covers.",
        MetricType.GAUGE,
        journal::uncovered);
  }

  /** Exposes how far the records are with the audit collector. Call once. */
  public static void exposeDelivery(MetricsRegistry registry, JournalDelivery delivery) {
    registry.value(
        "signet_audit_records_delivered_total",
        "Audit records that the collector has acknowledged.",
        MetricType.COUNTER,
        delivery::delivered);
    registry.value(
        "signet_audit_records_undelivered",
        "Audit records on the disk that the collector has not acknowledged.",
        MetricType.GAUGE,
        delivery::waiting);
    registry.value(
        "signet_audit_records_undelivered_lost_total",
        "Audit records that were rotated away before they were delivered.",
        MetricType.COUNTER,
        delivery::lost);
    registry.value(
        "signet_audit_receipt_age_seconds",
        "Time since the last receipt of the collector, or since the start.",
        MetricType.GAUGE,
        delivery::receiptAge);
  }

  /**
   * Exposes what the proxy runs on. Call once.
   *
   * @param transport {@code io_uring}, {@code epoll} or {@code nio}
   * @param eventLoops number of event loops
   */
  public static void exposeTransport(MetricsRegistry registry, String transport, int eventLoops) {
    registry.collector(
        "signet_io_transport_info",
        "I/O transport in use.",
        MetricType.GAUGE,
        sink -> sink.sample(Labels.of("transport", transport), 1));
    registry.value(
        "signet_event_loops",
        "Event loops that carry traffic.",
        MetricType.GAUGE,
        () -> eventLoops);
  }

  /** Exposes what the connections of all workloads hold. Call once. */
  public static void exposeMemory(MetricsRegistry registry, ProcessMemory memory) {
    registry.value(
        "signet_process_connections",
        "Connections of all workloads that are open, accepted and dialled.",
        MetricType.GAUGE,
        memory::connections);
    registry.value(
        "signet_process_connections_limit",
        "Connections that may be open: descriptors of the process, less some for other things.",
        MetricType.GAUGE,
        memory::mostConnections);
    registry.value(
        "signet_process_memory_buffers_bytes",
        "Buffers that the connections of all workloads held when they were last looked at, in"
            + " bytes.",
        MetricType.GAUGE,
        memory::buffers);
    registry.value(
        "signet_process_memory_buffers_limit_bytes",
        "Buffers above which connections of the workloads that hold most are closed, in bytes.",
        MetricType.GAUGE,
        memory::mostBuffers);
    registry.value(
        "signet_process_memory_heads_bytes",
        "Heap of connections and of heads of requests under way of all workloads when they were"
            + " last looked at, in bytes.",
        MetricType.GAUGE,
        memory::heap);
    registry.value(
        "signet_process_memory_heads_limit_bytes",
        "Heap above which connections of the workloads that hold most are closed, in bytes.",
        MetricType.GAUGE,
        memory::mostHeap);
  }

  /** Exposes {@code process_*} and {@code proxy_build_info}. Call once. */
  public static void exposeProcess(MetricsRegistry registry, BuildInfo build) {
    ProcessMetrics.register(registry);
    registry.collector(
        "proxy_build_info",
        "What was built.",
        MetricType.GAUGE,
        sink -> sink.sample(build.labels(), 1));
  }
}
