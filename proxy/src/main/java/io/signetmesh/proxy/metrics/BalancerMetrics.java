package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Buckets;
import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Family;
import io.signetmesh.proxy.metrics.registry.Gauge;
import io.signetmesh.proxy.metrics.registry.Histogram;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;

/** Metrics of one balancer. Any thread may count; the counts of endpoints have one writer. */
public final class BalancerMetrics {
  private final Gauge ready;
  private final Gauge pending;
  private final Gauge p2cEndpoints;
  private final Counter resets;
  private final Counter adds;
  private final Counter removes;
  private final Gauge queueLength;
  private final Counter queueRequests;
  private final Histogram queueLatency;

  BalancerMetrics(Families families, Labels labels) {
    ready = families.endpoints.with(labels.and("endpoint_state", "ready"));
    pending = families.endpoints.with(labels.and("endpoint_state", "pending"));
    p2cEndpoints = families.p2cEndpoints.with(labels);
    resets = families.p2cUpdates.with(labels.and("op", "Reset"));
    adds = families.p2cUpdates.with(labels.and("op", "Add"));
    removes = families.p2cUpdates.with(labels.and("op", "Remove"));
    queueLength = families.queueLength.with(labels);
    queueRequests = families.queueRequests.with(labels);
    queueLatency = families.queueLatency.with(labels);
  }

  /** Endpoints that take traffic, and those in backoff or not yet connected. */
  public void endpoints(int nowReady, int nowPending) {
    ready.set(nowReady);
    pending.set(nowPending);
    p2cEndpoints.set((long) nowReady + nowPending);
  }

  /** The set of endpoints was replaced. */
  public void reset() {
    resets.increment();
  }

  /** Endpoints were added. */
  public void added(int count) {
    adds.add(count);
  }

  /** Endpoints were removed. */
  public void removed(int count) {
    removes.add(count);
  }

  /** A request waits for an endpoint. */
  public void queued() {
    queueRequests.increment();
    queueLength.increment();
  }

  /** A request has an endpoint, or has given up, after this many nanoseconds. */
  public void dequeued(long waitedNanos) {
    queueLength.decrement();
    queueLatency.observe(waitedNanos);
  }

  /** Sets the counts of endpoints to zero, when the balancer is dropped. */
  public void dropped() {
    endpoints(0, 0);
  }

  record Families(
      Family<Gauge> endpoints,
      Family<Gauge> p2cEndpoints,
      Family<Counter> p2cUpdates,
      Family<Gauge> queueLength,
      Family<Counter> queueRequests,
      Family<Histogram> queueLatency) {

    static Families of(MetricsRegistry registry, String prefix) {
      return new Families(
          registry.gauge(prefix + "_endpoints", "Endpoints by state."),
          registry.gauge(prefix + "_p2c_endpoints", "Endpoints that the balancer chooses from."),
          registry.counter(prefix + "_p2c_updates_total", "Changes of the set of endpoints."),
          registry.gauge(prefix + "_queue_length", "Requests that wait for an endpoint."),
          registry.counter(prefix + "_queue_requests_total", "Requests that had to wait."),
          registry.histogram(
              prefix + "_queue_latency_seconds",
              "Time that requests waited for an endpoint.",
              Buckets.seconds(0.0005, 0.005, 0.05, 0.5, 1, 3)));
    }
  }
}
