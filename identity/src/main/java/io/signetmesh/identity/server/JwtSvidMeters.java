package io.signetmesh.identity.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/** Counts the JWT-SVIDs that the identity server issued and refused. */
final class JwtSvidMeters {
  private final Counter issued;
  private final Map<Reason, Counter> refused = new EnumMap<>(Reason.class);

  /** Why a JWT-SVID is refused, as metrics name it. */
  enum Reason {
    /** The audiences asked for. */
    MALFORMED("malformed"),
    /** The connection has no certificate, or one that has expired since. */
    UNAUTHENTICATED("unauthenticated"),
    /** The caller is no workload of this mesh. */
    FOREIGN("foreign"),
    /** The caller's certificate or identity is revoked. */
    REVOKED("revoked"),
    /** The caller asks too often. */
    RATE("rate"),
    /** No key that peers know can sign. */
    KEY_UNAVAILABLE("key_unavailable");

    private final String label;

    Reason(String label) {
      this.label = label;
    }

    String label() {
      return label;
    }
  }

  JwtSvidMeters(MeterRegistry registry) {
    this.issued =
        Counter.builder("signet.identity.jwt.svids.issued")
            .description("JWT-SVIDs issued to workloads.")
            .register(registry);
    for (Reason reason : Reason.values()) {
      refused.put(
          reason,
          Counter.builder("signet.identity.jwt.svids.refused")
              .tag("reason", reason.label)
              .description("Requests for a JWT-SVID that were refused, by reason.")
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
