package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.signetmesh.crds.network.FetchUrl;
import io.signetmesh.crds.schema.GoDuration;
import io.signetmesh.crds.token.TokenKeys;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the policy controller fetches: key sets and policy bundles. */
final class FetchRules {
  private static final Duration MIN_REFRESH = Duration.ofSeconds(1);
  private static final Duration MAX_REFRESH = Duration.ofHours(24);
  private static final Duration MAX_AGE = Duration.ofDays(7);

  private FetchRules() {}

  /**
   * How something is fetched, as written.
   *
   * @param caBundle trust anchors, PEM; null for those of the JDK
   * @param refreshInterval longest time between two fetches; null for the default
   * @param maxAge longest use of the last good content; null for the default
   * @param minAge least value of {@code maxAge}
   */
  record Settings(
      @Nullable String caBundle,
      @Nullable String refreshInterval,
      @Nullable String maxAge,
      Duration minAge) {
    Settings(@Nullable String caBundle, @Nullable String refreshInterval, @Nullable String maxAge) {
      this(caBundle, refreshInterval, maxAge, MIN_REFRESH);
    }
  }

  /**
   * Checks settings of a fetch.
   *
   * @param at field that has them
   * @param unfetched what the settings are for, where nothing is fetched; null where something is
   */
  static void check(
      String at, @Nullable String unfetched, Settings settings, ObjectFindings findings) {
    if (unfetched != null) {
      List<String> from = List.of(at);
      if (settings.caBundle() != null) {
        findings.error(at + ".caBundle", from, "is for " + unfetched);
      }
      if (settings.refreshInterval() != null) {
        findings.error(at + ".refreshInterval", from, "is for " + unfetched);
      }
      if (settings.maxAge() != null) {
        findings.error(at + ".maxAge", from, "is for " + unfetched);
      }
      return;
    }
    Duration refresh =
        duration(
            settings.refreshInterval() == null
                ? TokenKeys.DEFAULT_REFRESH_INTERVAL
                : settings.refreshInterval(),
            at + ".refreshInterval",
            MIN_REFRESH,
            MAX_REFRESH,
            findings);
    Duration age =
        duration(
            settings.maxAge() == null ? TokenKeys.DEFAULT_MAX_AGE : settings.maxAge(),
            at + ".maxAge",
            settings.minAge(),
            MAX_AGE,
            findings);
    if (refresh != null && age != null && age.compareTo(refresh) < 0) {
      findings.error(
          at + ".maxAge",
          List.of(at + ".maxAge", at + ".refreshInterval"),
          "is shorter than refreshInterval: what was fetched would end before it is fetched again");
    }
    certificates(settings.caBundle(), at + ".caBundle", findings);
  }

  /**
   * Checks a URL.
   *
   * @param what what is there, such as {@code a key set}
   */
  static void url(@Nullable String url, String field, String what, ObjectFindings findings) {
    if (url != null) {
      FetchUrl.problem(url)
          .ifPresent(
              problem ->
                  findings.error(field, quoted(url) + " is no URL of " + what + ": " + problem));
    }
  }

  private static void certificates(@Nullable String pem, String field, ObjectFindings findings) {
    if (pem == null) {
      return;
    }
    String problem = null;
    try {
      if (CertificateFactory.getInstance("X.509")
          .generateCertificates(
              new ByteArrayInputStream(pem.strip().getBytes(StandardCharsets.US_ASCII)))
          .isEmpty()) {
        problem = "it has no certificate";
      }
    } catch (CertificateException e) {
      problem = "it cannot be read";
    }
    if (problem != null) {
      findings.error(field, "expected X.509 certificates in PEM, but " + problem);
    }
  }

  /** The duration; null when it is none, or out of bounds. */
  static @Nullable Duration duration(
      String text, String field, Duration min, Duration max, ObjectFindings findings) {
    Duration duration;
    try {
      duration = GoDuration.parse(text);
    } catch (IllegalArgumentException e) {
      findings.error(field, String.valueOf(e.getMessage()));
      return null;
    }
    if (duration.compareTo(min) < 0 || duration.compareTo(max) > 0) {
      findings.error(field, quoted(text) + " is not from " + shown(min) + " to " + shown(max));
      return null;
    }
    return duration;
  }

  private static String shown(Duration duration) {
    return duration.getNano() == 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
  }
}
