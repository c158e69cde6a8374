package io.signetmesh.identity.server;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.state.RecordFile;
import java.io.IOException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells once, in the log and on record, that the life of an issuer or trust anchor has come below
 * 90, 30 or 7 days. What was told is kept in {@code life-warnings.log} of the state directory, so
 * that a restart does not tell it again. A certificate that lives less than twice a limit is never
 * told about at that limit: a program renews it. What was told while the clock was ahead is
 * forgotten when the clock is right again. Thread-safe.
 */
final class LifeWarnings implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LifeWarnings.class);
  private static final String FILE = "life-warnings.log";

  /** In descending order. */
  private static final List<Integer> LIMITS = List.of(90, 30, 7);

  private static final int URGENT = 7;

  /** A life that is longer than the limit that was told by this: the clock has been put back. */
  private static final Duration MARGIN = Duration.ofDays(1);

  private static final Pattern LINE = Pattern.compile("([0-9a-f]{64}) (90|30|7)");

  private final AuditLog audit;
  private final InstantSource clock;
  private final RecordFile file;

  /** The lowest limit that was told, by the fingerprint of the certificate. Guarded by this. */
  private final Map<String, Integer> told = new HashMap<>();

  private LifeWarnings(Path path, AuditLog audit, InstantSource clock)
      throws IOException, PkiException {
    this.audit = audit;
    this.clock = clock;
    this.file = RecordFile.open(path, this::read, "warnings are then told again");
  }

  /**
   * Opens the record of a state directory.
   *
   * @throws PkiException when the file is readable by others or damaged; it is left as it is
   */
  static LifeWarnings open(Path stateDirectory, AuditLog audit, InstantSource clock)
      throws IOException, PkiException {
    return new LifeWarnings(stateDirectory.resolve(FILE), audit, clock);
  }

  /**
   * Tells what has not been told.
   *
   * @param chain of the issuer in force, without its anchor
   * @param anchors trust anchors in force
   */
  synchronized void check(List<X509Certificate> chain, List<X509Certificate> anchors) {
    for (X509Certificate certificate : chain) {
      if (!anchors.contains(certificate)) {
        check("issuer", certificate);
      }
    }
    anchors.forEach(anchor -> check("trust_anchor", anchor));
  }

  private void check(String what, X509Certificate certificate) {
    Instant end = certificate.getNotAfter().toInstant();
    Duration life = Duration.between(certificate.getNotBefore().toInstant(), end);
    Duration left = Duration.between(clock.instant(), end);
    int reached = Integer.MAX_VALUE;
    for (int days : LIMITS) {
      Duration limit = Duration.ofDays(days);
      if (left.compareTo(limit) < 0 && life.compareTo(limit.multipliedBy(2)) >= 0) {
        reached = days;
      }
    }
    String fingerprint = HexFormat.of().formatHex(Certificates.sha256(certificate));
    Integer lowest = told.get(fingerprint);
    if (lowest != null && left.compareTo(Duration.ofDays(lowest).plus(MARGIN)) > 0) {
      forget(fingerprint);
    }
    if (reached < told.getOrDefault(fingerprint, Integer.MAX_VALUE)) {
      tell(what, certificate, fingerprint, reached, end);
    }
  }

  private void tell(
      String what, X509Certificate certificate, String fingerprint, int days, Instant end) {
    told.put(fingerprint, days);
    String message =
        (what.equals("issuer") ? "issuer " : "trust anchor ")
            + Certificates.describe(certificate)
            + " ends at "
            + end
            + ", in less than "
            + days
            + " days: "
            + (what.equals("issuer") ? "renew it" : "rotate it with 'signet trust rotate'");
    if (days <= URGENT) {
      log.error("{}", message);
    } else {
      log.warn("{}", message);
    }
    audit.record(
        new AdministrativeEvent(
            clock.millis(),
            "certificate-ends",
            "identity",
            Certificates.describe(certificate),
            Map.of(
                "certificate",
                what,
                "sha256",
                fingerprint,
                "days",
                Integer.toString(days),
                "ends",
                end.toString())));
    try {
      file.append(fingerprint + ' ' + days);
    } catch (IOException e) {
      log.warn("{} is told again after a restart: {}", FILE, e.getMessage());
    }
  }

  private void forget(String fingerprint) {
    told.remove(fingerprint);
    try {
      file.rewrite(told.entrySet().stream().map(e -> e.getKey() + ' ' + e.getValue()).toList());
    } catch (IOException e) {
      log.warn("{} is written anew after a restart: {}", FILE, e.getMessage());
    }
  }

  private boolean read(String line) {
    var matcher = LINE.matcher(line);
    if (!matcher.matches()) {
      return false;
    }
    told.merge(matcher.group(1), Integer.parseInt(matcher.group(2)), Math::min);
    return true;
  }

  @Override
  public void close() {
    file.close();
  }
}
