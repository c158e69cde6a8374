package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether a CA has enough validity left to go on issuing.
 *
 * @param level the worst level of the findings; {@link Level#OK} when there are none
 * @param findings certificates that need action, those of the issuer's chain first
 */
public record CaHealth(Level level, List<Finding> findings) {
  /** An issuer of shorter life is renewed by a program: the time alone says nothing about it. */
  private static final Duration LONG_LIFE = Duration.ofDays(10);

  /**
   * How much validity must be left.
   *
   * @param issuer an issuer with less is warned of; null for a fifth of its validity period, and
   *     for 48 h when that period is 10 days or longer
   * @param anchor an anchor with less is warned of: its successor has to be distributed before it
   *     is used, which takes time
   * @param issuing an issuer or its last anchor with less is a failure; see {@link
   *     IssuancePolicy#leastRemaining}
   */
  public record Thresholds(@Nullable Duration issuer, Duration anchor, Duration issuing) {
    /** A fifth or 48 h, 90 days, and a minute. */
    public static final Thresholds DEFAULT =
        new Thresholds(null, Duration.ofDays(90), IssuancePolicy.DEFAULT.leastRemaining());

    /** The defaults for a policy. */
    public static Thresholds of(IssuancePolicy policy) {
      return new Thresholds(null, DEFAULT.anchor, policy.leastRemaining());
    }

    private Duration issuer(Duration life) {
      if (issuer != null) {
        return issuer;
      }
      Duration fifth = life.dividedBy(5);
      return life.compareTo(LONG_LIFE) >= 0 && fifth.compareTo(ISSUER_WARNING) < 0
          ? ISSUER_WARNING
          : fifth;
    }
  }

  private static final Duration ISSUER_WARNING = Duration.ofHours(48);

  /** Severity of a finding, in ascending order. */
  public enum Level {
    /** Nothing to do. */
    OK,
    /** Something to do soon. */
    WARN,
    /** Nothing can be issued or trusted. */
    FAIL
  }

  /**
   * A certificate that needs action.
   *
   * @param level {@link Level#WARN} or {@link Level#FAIL}
   * @param certificate the certificate
   * @param message for operators: names the certificate, its end of validity and the action
   */
  public record Finding(Level level, X509Certificate certificate, String message) {}

  /** Copies the findings. */
  public CaHealth {
    findings = List.copyOf(findings);
  }

  /** Checks against {@link Thresholds#DEFAULT}. */
  public static CaHealth of(
      List<X509Certificate> chain, List<X509Certificate> anchors, Instant now) {
    return of(chain, anchors, now, Thresholds.DEFAULT);
  }

  /**
   * Checks the remaining validity of an issuer and its anchors.
   *
   * <p>A certificate that ends within its threshold is a warning. It is a failure when nothing can
   * be issued under it any more, or not yet; but an anchor like that beside a good one is a warning
   * only.
   *
   * @param chain issuer first
   */
  public static CaHealth of(
      List<X509Certificate> chain,
      List<X509Certificate> anchors,
      Instant now,
      Thresholds thresholds) {
    List<Finding> findings = new ArrayList<>();
    for (X509Certificate certificate : chain) {
      if (!anchors.contains(certificate)) {
        checkIssuer(certificate, now, thresholds, findings);
      }
    }
    boolean oneIsGood = anchors.stream().anyMatch(anchor -> isGood(anchor, now, thresholds));
    for (X509Certificate anchor : anchors) {
      checkAnchor(anchor, oneIsGood, now, thresholds, findings);
    }
    Level worst = Level.OK;
    for (Finding finding : findings) {
      worst = finding.level().compareTo(worst) > 0 ? finding.level() : worst;
    }
    return new CaHealth(worst, findings);
  }

  private static void checkIssuer(
      X509Certificate certificate, Instant now, Thresholds thresholds, List<Finding> findings) {
    Duration left = left(certificate, now);
    Duration life =
        Duration.between(
            certificate.getNotBefore().toInstant(), certificate.getNotAfter().toInstant());
    if (isEarly(certificate, now)) {
      findings.add(early("issuer", certificate, Level.FAIL));
    } else if (!isGood(certificate, now, thresholds)) {
      findings.add(
          finding(
              Level.FAIL,
              "issuer",
              certificate,
              left.isPositive() ? "is about to end, so issuing has stopped" : "has expired",
              "put a new one in force"));
    } else if (left.compareTo(thresholds.issuer(life)) < 0) {
      findings.add(finding(Level.WARN, "issuer", certificate, "ends soon", "renew it"));
    }
  }

  private static void checkAnchor(
      X509Certificate anchor,
      boolean oneIsGood,
      Instant now,
      Thresholds thresholds,
      List<Finding> findings) {
    Duration left = left(anchor, now);
    Level bad = oneIsGood ? Level.WARN : Level.FAIL;
    if (isEarly(anchor, now)) {
      findings.add(early("trust anchor", anchor, bad));
    } else if (!isGood(anchor, now, thresholds)) {
      findings.add(
          finding(
              bad,
              "trust anchor",
              anchor,
              left.isPositive() ? "is about to end" : "has expired",
              oneIsGood ? "remove it" : "put a new one in force"));
    } else if (left.compareTo(thresholds.anchor) < 0) {
      findings.add(
          finding(
              Level.WARN, "trust anchor", anchor, "ends soon", "add its successor beside it now"));
    }
  }

  private static boolean isEarly(X509Certificate certificate, Instant now) {
    return now.isBefore(certificate.getNotBefore().toInstant());
  }

  /** Whether leaves can be issued under it. */
  private static boolean isGood(X509Certificate certificate, Instant now, Thresholds thresholds) {
    return !isEarly(certificate, now) && left(certificate, now).compareTo(thresholds.issuing) >= 0;
  }

  private static Finding early(String what, X509Certificate certificate, Level level) {
    return new Finding(
        level,
        certificate,
        what
            + " "
            + Certificates.describe(certificate)
            + " is not valid before "
            + certificate.getNotBefore().toInstant()
            + ": check the clock, or wait");
  }

  private static Duration left(X509Certificate certificate, Instant now) {
    return Duration.between(now, certificate.getNotAfter().toInstant());
  }

  private static Finding finding(
      Level level, String what, X509Certificate certificate, String state, String action) {
    return new Finding(
        level,
        certificate,
        what
            + " "
            + Certificates.describe(certificate)
            + " "
            + state
            + " ("
            + certificate.getNotAfter().toInstant()
            + "): "
            + action);
  }
}
