package io.signetmesh.identity.spiffe;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;

/** Metrics of the Workload API. */
final class WorkloadApiMeters {
  private final Counter refused;

  WorkloadApiMeters(
      MeterRegistry registry,
      AgentIdentities identities,
      StreamBudget streams,
      Executables executables) {
    this.refused =
        Counter.builder("signet.workload.api.refused")
            .description("Calls of processes that have no identity.")
            .register(registry);
    Gauge.builder("signet.workload.api.streams", streams, StreamBudget::open)
        .description("Streams of the Workload API that are open.")
        .register(registry);
    Gauge.builder("signet.workload.api.entries", identities, AgentIdentities::size)
        .description("Entries in force.")
        .register(registry);
    Gauge.builder("signet.workload.api.entries.certified", identities, AgentIdentities::certified)
        .description("Entries whose certificate has not expired.")
        .register(registry);
    FunctionCounter.builder(
            "signet.workload.api.executables.read", executables, Executables::hashed)
        .description("Executables that were read for their SHA-256.")
        .register(registry);
    Gauge.builder("signet.workload.api.executables.waiting", executables, Executables::pending)
        .description("Executables that wait to be read for their SHA-256, or are read.")
        .register(registry);
  }

  void refused() {
    refused.increment();
  }
}
