package io.signetmesh.identity.admin;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Gauges that say in how many seconds a certificate expires; negative when it has. */
public final class CertificateMeters {
  private static final double MILLIS = 1e3;

  private CertificateMeters() {}

  /**
   * Adds a gauge.
   *
   * @param server whose certificate it is
   * @param certificate {@code leaf}, {@code issuer} or {@code trust_anchor}
   * @param expiry asked for at each scrape; null when there is no certificate now
   */
  public static void bind(
      MeterRegistry registry,
      String server,
      String certificate,
      Supplier<@Nullable Instant> expiry,
      InstantSource clock) {
    Gauge.builder("signet.certificate.expiry", () -> seconds(expiry.get(), clock))
        .tag("server", server)
        .tag("certificate", certificate)
        .baseUnit("seconds")
        .description("Time until a certificate of the server expires; negative when it has.")
        .register(registry);
  }

  /** When the first of the certificates expires; null when there are none. */
  public static @Nullable Instant earliest(Collection<X509Certificate> certificates) {
    return certificates.stream()
        .map(certificate -> certificate.getNotAfter().toInstant())
        .min(Instant::compareTo)
        .orElse(null);
  }

  private static double seconds(@Nullable Instant expiry, InstantSource clock) {
    return expiry == null ? Double.NaN : (expiry.toEpochMilli() - clock.millis()) / MILLIS;
  }
}
