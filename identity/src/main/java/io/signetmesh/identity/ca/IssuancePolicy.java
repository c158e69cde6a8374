package io.signetmesh.identity.ca;

import java.time.Duration;

/**
 * How long leaves live.
 *
 * @param lifetime time from issuance that a leaf is good for, from 1 s to 30 days
 * @param clockSkew added on both sides for peers whose clocks differ, from 0 to 1 hour
 */
public record IssuancePolicy(Duration lifetime, Duration clockSkew) {
  /** 24 hours, and 20 s for clocks that differ. */
  public static final IssuancePolicy DEFAULT =
      new IssuancePolicy(Duration.ofHours(24), Duration.ofSeconds(20));

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
  }
}
