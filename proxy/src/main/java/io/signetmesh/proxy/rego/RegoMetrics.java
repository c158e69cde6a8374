package io.signetmesh.proxy.rego;

import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.metrics.registry.Buckets;
import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Family;
import io.signetmesh.proxy.metrics.registry.Histogram;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.rego.RegoAnswer;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntSupplier;

/** Counts what policy bundles answer, and how long they take. */
public final class RegoMetrics {
  private static final String AUTHENTICATION = "authentication";

  private final MetricsRegistry registry;
  private final Family<Counter> answers;
  private final Family<Histogram> times;
  private final LongAdder shed = new LongAdder();

  /** Registers the metrics. Call once for each registry. */
  public RegoMetrics(MetricsRegistry registry) {
    this.registry = registry;
    this.answers =
        registry.counter(
            "signet_inbound_rego_answers_total",
            "Questions to the bundle of a RegoAuthentication, by what came of them.");
    this.times =
        registry.histogram(
            "signet_inbound_rego_answer_seconds",
            "Time that the bundle of a RegoAuthentication took for an answer.",
            Buckets.seconds(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1));
    registry.value(
        "signet_inbound_rego_shed_total",
        "Requests refused because too many waited for policy bundles.",
        MetricType.COUNTER,
        shed::doubleValue);
  }

  void waiting(IntSupplier requests) {
    registry.value(
        "signet_inbound_rego_waiting",
        "Requests that wait for policy bundles.",
        MetricType.GAUGE,
        requests::getAsInt);
  }

  void shed() {
    shed.increment();
  }

  void asked(String authentication, RegoAnswer.Outcome outcome, long nanos) {
    // A look-up for each answer costs little beside the answer.
    answers
        .with(Labels.of(AUTHENTICATION, authentication, "outcome", RegoProof.code(outcome)))
        .increment();
    times.with(Labels.of(AUTHENTICATION, authentication)).observe(nanos);
  }
}
