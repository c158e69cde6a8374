package io.signetmesh.identity.admin;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Gauges with the time until a certificate expires, in seconds; negative after it has expired. */
public final class CertificateMeters {
  private static final double MILLIS = 1e3;

  private CertificateMeters() {}

  /**
   * Adds a gauge.
   *
   * @param server label {@code server}: the server that uses the certificate
   * @param certificate {@code leaf}, {@code issuer} or {@code trust_anchor}
   * @param expiry called at each scrape; gives null while there is no certificate
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

  /** The earliest end of validity; null for an empty collection. */
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
