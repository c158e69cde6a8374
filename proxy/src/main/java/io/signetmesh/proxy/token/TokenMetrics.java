package io.signetmesh.proxy.token;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Family;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntSupplier;

/** Counts what comes of the tokens of requests. */
public final class TokenMetrics {
  private static final int PASSED = TokenFailure.values().length;
  private static final int MISSING = PASSED + 1;

  private final MetricsRegistry registry;
  private final Family<Counter> checks;
  private final LongAdder verified = new LongAdder();
  private final LongAdder shed = new LongAdder();

  /** By name of the authentication: a counter for each failure, then passed and missing. */
  private final Map<String, Counter[]> counters = new ConcurrentHashMap<>();

  /** Registers the metrics. Call once for each registry. */
  public TokenMetrics(MetricsRegistry registry) {
    this.registry = registry;
    this.checks =
        registry.counter(
            "signet_inbound_token_checks_total",
            "Requests by what came of the token for a JWTAuthentication.");
    registry.value(
        "signet_inbound_tokens_verified_total",
        "Tokens verified: those whose result was not remembered.",
        MetricType.COUNTER,
        verified::doubleValue);
    registry.value(
        "signet_inbound_tokens_shed_total",
        "Requests refused because too many tokens waited to be verified.",
        MetricType.COUNTER,
        shed::doubleValue);
  }

  void waiting(IntSupplier requests) {
    registry.value(
        "signet_inbound_tokens_waiting",
        "Requests whose tokens wait to be verified.",
        MetricType.GAUGE,
        requests::getAsInt);
  }

  void verified() {
    verified.increment();
  }

  void shed() {
    shed.increment();
  }

  void checked(TokenAuthentication authentication, TokenProof proof) {
    TokenFailure failure = proof.failure();
    int result = failure != null ? failure.ordinal() : proof.isMissing() ? MISSING : PASSED;
    Counter[] of =
        counters.computeIfAbsent(authentication.name(), name -> new Counter[MISSING + 1]);
    Counter counter = of[result];
    if (counter == null) {
      // The registry gives the same one to all who race here.
      counter =
          checks.with(
              Labels.of(
                  "authentication",
                  authentication.name(),
                  "result",
                  failure != null ? failure.code() : result == MISSING ? "missing" : "passed"));
      of[result] = counter;
    }
    counter.increment();
  }
}
