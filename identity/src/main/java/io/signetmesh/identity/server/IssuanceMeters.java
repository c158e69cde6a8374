package io.signetmesh.identity.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/** Counts the certificates that the identity server issued and refused. */
final class IssuanceMeters {
  private final Counter issued;
  private final Map<Reason, Counter> refused = new EnumMap<>(Reason.class);

  /** Why a certificate is refused, as metrics name it. */
  enum Reason {
    /** A field is missing or cannot be read. */
    MALFORMED("malformed"),
    /** The request names another workload than the one asked for, or more than that one. */
    SIGNING_REQUEST("signing_request"),
    /** The request asks for a CA certificate. */
    CA("ca"),
    /** The request is for a kind of key that is not taken. */
    KEY("key"),
    /** The request is not signed by the key that it is for. */
    POSSESSION("possession"),
    /** There is neither a token nor a client certificate. */
    NO_EVIDENCE("no_evidence"),
    /** The token proves nothing: it is malformed, forged, or does not say what it must. */
    TOKEN("token"),
    /** The token is of an issuer that is not configured. */
    TOKEN_ISSUER("token_issuer"),
    /** The token is for another audience. */
    TOKEN_AUDIENCE("token_audience"),
    /** The token has expired. */
    TOKEN_EXPIRED("token_expired"),
    /** The token is from the future: a clock is off. */
    CLOCK("clock"),
    /** The claims of the token stand for no workload. */
    TOKEN_CLAIMS("token_claims"),
    /** Nobody has made the join token. */
    JOIN_TOKEN_UNKNOWN("join_token_unknown"),
    /** The join token has been used. */
    JOIN_TOKEN_USED("join_token_used"),
    /** The join token was revoked. */
    JOIN_TOKEN_REVOKED("join_token_revoked"),
    /** Too many join tokens of the address were refused. */
    ATTEMPTS("attempts"),
    /** The client certificate is not one that may be renewed. */
    LEAF("leaf"),
    /** The workload has renewed by its certificate for too long. */
    RENEWAL_LIMIT("renewal_limit"),
    /** The token is of another workload. */
    OTHER_WORKLOAD("other_workload"),
    /** The server cannot tell whether the token is good. */
    ATTESTATION_UNAVAILABLE("attestation_unavailable"),
    /** The server has no issuer that can sign now. */
    ISSUER_UNAVAILABLE("issuer_unavailable"),
    /** The certificate cannot be put on record: the disk is full, or too many leaves live. */
    RECORD_UNAVAILABLE("record_unavailable"),
    /** The identity is revoked. */
    REVOKED("revoked"),
    /** Too much waits, of the caller or of all. */
    OVERLOAD("overload"),
    /** The caller ended the call before the certificate could be sent. */
    CANCELLED("cancelled"),
    /** A fault of the server; its log has it. */
    INTERNAL("internal");

    private final String label;

    Reason(String label) {
      this.label = label;
    }

    String label() {
      return label;
    }
  }

  IssuanceMeters(MeterRegistry registry) {
    this.issued =
        Counter.builder("signet.identity.certificates.issued")
            .description("Certificates issued to workloads.")
            .register(registry);
    for (Reason reason : Reason.values()) {
      refused.put(
          reason,
          Counter.builder("signet.identity.certificates.refused")
              .tag("reason", reason.label)
              .description("Requests for a certificate that were refused, by reason.")
              .register(registry));
    }
  }

  /** Adds gauges of what waits to be signed. */
  static void bind(MeterRegistry registry, IssuanceQueue queue) {
    Gauge.builder("signet.identity.requests.waiting", queue, IssuanceQueue::waiting)
        .description("Requests for a certificate that wait to be signed.")
        .register(registry);
    Gauge.builder("signet.identity.requests.waiting.size", queue, IssuanceQueue::waitingBytes)
        .baseUnit("bytes")
        .description("Memory of requests for a certificate that wait to be signed.")
        .register(registry);
  }

  void issued() {
    issued.increment();
  }

  void refused(Reason reason) {
    Objects.requireNonNull(refused.get(reason)).increment();
  }
}
