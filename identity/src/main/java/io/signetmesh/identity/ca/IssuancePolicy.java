package io.signetmesh.identity.ca;

import java.net.URI;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How long leaves are valid, and where they say the CRL is.
 *
 * @param lifetime validity of a leaf from its issuance, from 1 s to 30 days
 * @param clockSkew added at both ends for peers whose clocks differ, from 0 to 1 hour
 * @param crlUrl CRL distribution point of leaves (RFC 5280 section 4.2.1.13), http or https; null
 *     for none. Signet's own workloads do not use it
 */
public record IssuancePolicy(Duration lifetime, Duration clockSkew, @Nullable URI crlUrl) {
  /** Lifetime 24 hours, clock skew 20 s, no CRL URL. */
  public static final IssuancePolicy DEFAULT =
      new IssuancePolicy(Duration.ofHours(24), Duration.ofSeconds(20));

  private static final Duration LEAST_REMAINING = Duration.ofMinutes(1);

  /** A policy without a CRL URL. */
  public IssuancePolicy(Duration lifetime, Duration clockSkew) {
    this(lifetime, clockSkew, null);
  }

  /** Refuses values out of range. */
  public IssuancePolicy {
    if (lifetime.compareTo(Duration.ofSeconds(1)) < 0
        || lifetime.compareTo(Duration.ofDays(30)) > 0) {
      throw new IllegalArgumentException(
          "leaf lifetime " + lifetime + ": expected 1 second to 30 days");
    }
    if (clockSkew.isNegative() || clockSkew.compareTo(Duration.ofHours(1)) > 0) {
      throw new IllegalArgumentException("clock skew " + clockSkew + ": expected 0 to 1 hour");
    }
    if (crlUrl != null
        && (crlUrl.getHost() == null
            || !("http".equals(crlUrl.getScheme()) || "https".equals(crlUrl.getScheme())))) {
      throw new IllegalArgumentException(
          "CRL URL " + crlUrl + ": expected http:// or https:// and a host");
    }
  }

  /**
   * The validity that the issuer must have left to sign: twice the clock skew, at least a minute.
   * Peers whose clocks are ahead would refuse a leaf that ends sooner.
   */
  public Duration leastRemaining() {
    Duration both = clockSkew.multipliedBy(2);
    return both.compareTo(LEAST_REMAINING) < 0 ? LEAST_REMAINING : both;
  }
}
