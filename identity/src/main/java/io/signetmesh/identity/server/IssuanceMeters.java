package io.signetmesh.identity.server;

import io.micrometer.core.instrument.Counter;
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
    /** The request names another workload than the one asked for, or is not by its key's holder. */
    SIGNING_REQUEST("signing_request"),
    /** The token proves nothing: it is malformed, expired or signed by somebody else. */
    TOKEN("token"),
    /** The token is of another workload. */
    OTHER_WORKLOAD("other_workload"),
    /** The server cannot tell whether the token is good. */
    ATTESTATION_UNAVAILABLE("attestation_unavailable"),
    /** The server has no issuer that can sign now. */
    ISSUER_UNAVAILABLE("issuer_unavailable"),
    /** A fault of the server; its log has it. */
    INTERNAL("internal");

    private final String label;

    Reason(String label) {
      this.label = label;
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

  void issued() {
    issued.increment();
  }

  void refused(Reason reason) {
    Objects.requireNonNull(refused.get(reason)).increment();
  }
}
