package io.signetmesh.identity.federation;

import io.signetmesh.identity.federation.FederatedBundles.Outcome;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the bundle of one foreign trust domain fresh: what to do when, without threads and timers
 * of its own. A refused or failed fetch leaves the bundle in force as it is.
 */
final class DomainPolling {
  private static final Logger log = LoggerFactory.getLogger(DomainPolling.class);

  /** Where a bundle says nothing (SPIFFE Federation section 4.1). */
  private static final Duration DEFAULT_HINT = Duration.ofMinutes(5);

  /** Share of a wait that is left to chance, so that not all domains are asked at once. */
  private static final double JITTER = 0.1;

  private final ForeignDomain domain;
  private final FederatedBundles bundles;
  private final BundleSource source;
  private final FederationRecords records;
  private final DoubleSupplier random;
  private final InstantSource clock;
  private int failures;
  private volatile @Nullable Instant succeeded;
  private volatile @Nullable String refusal;
  private volatile long refusals;

  DomainPolling(
      ForeignDomain domain,
      FederatedBundles bundles,
      BundleSource source,
      FederationRecords records,
      DoubleSupplier random,
      InstantSource clock) {
    this.domain = domain;
    this.bundles = bundles;
    this.source = source;
    this.records = records;
    this.random = random;
    this.clock = clock;
  }

  ForeignDomain domain() {
    return domain;
  }

  /** When a fetch succeeded last; null: none has since the start. */
  @Nullable Instant succeeded() {
    return succeeded;
  }

  /** Why the last fetch failed or was refused; null: it was not. */
  @Nullable String refusal() {
    return refusal;
  }

  /** Fetches that failed or were refused. */
  long refusals() {
    return refusals;
  }

  /**
   * Fetches once.
   *
   * @param wanted whether the answer still counts, asked once it is there
   * @return how long to wait before the next fetch
   */
  Duration poll(BooleanSupplier wanted) throws InterruptedException {
    String name = domain.trustDomain();
    ForeignBundle before = bundles.find(name).orElse(null);
    TrustBundle trusted = before == null ? null : before.trust().orElse(null);
    try {
      SpiffeBundle fetched = source.fetch(domain, trusted);
      if (!wanted.getAsBoolean()) {
        return domain.minRefresh();
      }
      Outcome outcome = bundles.offer(name, fetched);
      succeeded = clock.instant();
      failures = 0;
      if (refusal != null) {
        log.info("the bundle of {} is fetched again", name);
      }
      refusal = null;
      if (outcome == Outcome.CHANGED) {
        log.info("bundle of {}: {}", name, fetched);
        records.changed(name, before == null ? null : before.document(), fetched, "fetched");
      }
      Duration hint = fetched.refreshHint();
      return jittered(within(hint == null ? DEFAULT_HINT : hint));
    } catch (IOException | PkiException e) {
      String why = String.valueOf(e.getMessage());
      refusals = refusals + 1;
      failures++;
      if (!Objects.equals(refusal, why)) {
        log.warn("the bundle of {} stays as it is: {}", name, why);
        records.refused(name, why);
      }
      refusal = why;
      Duration backoff = domain.minRefresh().multipliedBy(1L << Math.min(failures - 1, 16));
      return jittered(within(backoff));
    }
  }

  private Duration within(Duration wait) {
    Duration least = wait.compareTo(domain.minRefresh()) < 0 ? domain.minRefresh() : wait;
    return least.compareTo(domain.maxRefresh()) > 0 ? domain.maxRefresh() : least;
  }

  /** Shorter by a random part: bounds stay kept but for that. */
  private Duration jittered(Duration wait) {
    return Duration.ofNanos((long) (wait.toNanos() * (1 - JITTER * random.getAsDouble())));
  }
}
