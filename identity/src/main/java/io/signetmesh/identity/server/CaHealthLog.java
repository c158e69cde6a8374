package io.signetmesh.identity.server;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.identity.ca.CaHealth;
import io.signetmesh.identity.ca.CaHealth.Finding;
import io.signetmesh.identity.ca.CaHealth.Level;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.TrustBundleStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Warns in the log of certificates of the CA that end: once a day, and when it gets worse. {@link
 * LifeWarnings} go on record beside that.
 */
final class CaHealthLog implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CaHealthLog.class);
  private static final Duration INTERVAL = Duration.ofMinutes(1);
  private static final Duration REPEAT = Duration.ofDays(1);

  private final CertificateAuthority authority;
  private final TrustBundleStore bundles;
  private final CaHealth.Thresholds thresholds;
  private final LifeWarnings warnings;
  private final InstantSource clock;
  private Level told = Level.OK;
  private @Nullable Instant toldAt;
  private @Nullable Thread thread;

  CaHealthLog(
      CertificateAuthority authority,
      TrustBundleStore bundles,
      CaHealth.Thresholds thresholds,
      LifeWarnings warnings,
      InstantSource clock) {
    this.warnings = warnings;
    this.authority = authority;
    this.bundles = bundles;
    this.thresholds = thresholds;
    this.clock = clock;
  }

  /** Checks now, and each minute on a thread of its own. */
  void start() {
    check();
    thread =
        Thread.ofPlatform()
            .daemon()
            .name("identity-health")
            .start(
                () -> {
                  try {
                    while (true) {
                      Thread.sleep(INTERVAL);
                      check();
                    }
                  } catch (InterruptedException e) {
                    log.debug("no longer checked");
                  }
                });
  }

  /**
   * Checks, and tells what is new or was told a day ago.
   *
   * @return whether it told something
   */
  synchronized boolean check() {
    Instant now = clock.instant();
    Issuer issuer = authority.issuerInUse();
    warnings.check(issuer == null ? List.of() : issuer.chain(), bundles.get().anchors());
    CaHealth health = health(now);
    Instant last = toldAt;
    boolean due =
        last == null
            || health.level().compareTo(told) > 0
            || Duration.between(last, now).compareTo(REPEAT) >= 0;
    if (health.level() == Level.OK) {
      told = Level.OK;
      toldAt = null;
      return false;
    }
    if (!due) {
      return false;
    }
    for (Finding finding : health.findings()) {
      if (finding.level() == Level.FAIL) {
        log.error("{}", finding.message());
      } else {
        log.warn("{}", finding.message());
      }
    }
    told = health.level();
    toldAt = now;
    return true;
  }

  private CaHealth health(Instant now) {
    Issuer issuer = authority.issuerInUse();
    return CaHealth.of(
        issuer == null ? List.of() : issuer.chain(), bundles.get().anchors(), now, thresholds);
  }

  /** Adds a gauge with the level that is looked up at each scrape. */
  void bind(MeterRegistry registry) {
    Gauge.builder("signet.identity.ca.health", () -> health(clock.instant()).level().ordinal())
        .description(
            "Validity of issuer and trust anchors: 0 enough, 1 something to do soon, 2 nothing can"
                + " be issued.")
        .register(registry);
  }

  @Override
  public void close() {
    Thread running = thread;
    if (running != null) {
      running.interrupt();
    }
    warnings.close();
  }
}
