package io.signetmesh.identity.federation;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.federation.ForeignDomain.Profile;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Federation with the trust domains of a configuration file. It fetches their bundles as often as
 * their refresh hints ask, within the configured limits, and follows edits of the file. An invalid
 * file changes nothing. One thread makes all decisions; fetches have threads of their own.
 */
public final class Federation implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Federation.class);
  private static final Duration FETCH_LIMIT = Duration.ofSeconds(15);
  private static final Duration LOOK = Duration.ofMillis(500);
  private static final int FETCHES = 4;

  private final Path file;
  private final String ownTrustDomain;
  private final FederatedBundles bundles;
  private final BundleSource source;
  private final FederationRecords records;
  private final MeterRegistry registry;
  private final InstantSource clock;
  private final ScheduledThreadPoolExecutor thread;
  private final ExecutorService fetches;
  private volatile Map<String, Polled> domains = Map.of();
  private String inForce;
  private String seen;
  private @Nullable String refusedReason;

  /** A domain with what tells how it does. */
  private record Polled(DomainPolling polling, List<Meter> meters) {}

  private Federation(
      Path file,
      TrustBundle own,
      FederatedBundles bundles,
      BundleSource source,
      FederationRecords records,
      MeterRegistry registry,
      InstantSource clock) {
    this.file = file;
    this.ownTrustDomain = own.trustDomain();
    this.bundles = bundles;
    this.source = source;
    this.records = records;
    this.registry = registry;
    this.clock = clock;
    this.thread =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("federation").factory());
    thread.setRemoveOnCancelPolicy(true);
    thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    this.fetches =
        Executors.newFixedThreadPool(
            FETCHES, Thread.ofPlatform().daemon().name("federation-fetch-", 0).factory());
    this.inForce = "";
    this.seen = "";
  }

  /**
   * Reads the configuration, loads stored bundles, and starts to fetch.
   *
   * @param stateDirectory where bundles are stored
   * @param own bundle of the own trust domain
   * @throws PkiException when the configuration or a stored bundle is not valid
   */
  public static Federation start(
      Path file,
      Path stateDirectory,
      TrustBundle own,
      AuditLog audit,
      MeterRegistry registry,
      InstantSource clock)
      throws IOException, PkiException {
    List<ForeignDomain> configured = FederationFile.read(file, own.trustDomain());
    FederatedBundles bundles =
        FederatedBundles.open(
            stateDirectory, configured.stream().map(ForeignDomain::trustDomain).toList(), clock);
    Federation federation =
        new Federation(
            file,
            own,
            bundles,
            new BundleFetch(own, clock, FETCH_LIMIT),
            new FederationRecords(audit, clock),
            registry,
            clock);
    try {
      federation.apply(configured);
    } catch (IOException | PkiException | RuntimeException e) {
      federation.close();
      throw e;
    }
    federation.thread.scheduleWithFixedDelay(
        federation::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
    return federation;
  }

  /** The bundles in force. */
  public FederatedBundles bundles() {
    return bundles;
  }

  /**
   * Status of a foreign trust domain.
   *
   * @param domain its configuration
   * @param bundle its bundle in force; null before the first one
   * @param succeeded time of the last successful fetch; null when there was none since the start
   * @param refusal why the last fetch failed or was refused; null when it succeeded
   * @param refusals number of failed or refused fetches since the start
   */
  public record Status(
      ForeignDomain domain,
      @Nullable ForeignBundle bundle,
      @Nullable Instant succeeded,
      @Nullable String refusal,
      long refusals) {}

  /** Status of each domain, sorted by name. */
  public List<Status> status() {
    List<Status> all = new ArrayList<>();
    for (Polled polled : domains.values()) {
      DomainPolling polling = polled.polling();
      all.add(
          new Status(
              polling.domain(),
              bundles.find(polling.domain().trustDomain()).orElse(null),
              polling.succeeded(),
              polling.refusal(),
              polling.refusals()));
    }
    return all;
  }

  /** Follows edits. A state of the files counts when it has stayed the same for a whole look. */
  private void look() {
    try {
      String now = state();
      boolean settled = now.equals(seen);
      seen = now;
      if (!settled || now.equals(inForce)) {
        return;
      }
      if (apply(FederationFile.read(file, ownTrustDomain))) {
        log.info("federation is configured anew by {}", file);
      }
      // As it was before it was read: what has been edited since is read again.
      inForce = now;
      refusedReason = null;
    } catch (IOException | PkiException | RuntimeException e) {
      String why = String.valueOf(e.getMessage());
      if (!why.equals(refusedReason)) {
        refusedReason = why;
        log.warn("federation stays as it is: {}", why);
        records.configurationRefused(file.toString(), why);
      }
    }
  }

  /** What tells whether the file, or one that it names, has changed. */
  private String state() {
    StringBuilder state = new StringBuilder(stamp(file));
    for (Polled polled : domains.values()) {
      if (polled.polling().domain().profile() instanceof Profile.Spiffe spiffe) {
        state.append('|').append(stamp(spiffe.initialBundle()));
      }
    }
    return state.toString();
  }

  private static String stamp(Path file) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return attributes.lastModifiedTime() + "/" + attributes.size() + "/" + attributes.fileKey();
    } catch (IOException e) {
      return "none";
    }
  }

  /** Puts a configuration in force; says whether it is another one. */
  private boolean apply(List<ForeignDomain> configured) throws IOException, PkiException {
    Map<String, Polled> next = new TreeMap<>();
    List<DomainPolling> started = new ArrayList<>();
    for (ForeignDomain domain : configured) {
      String name = domain.trustDomain();
      if (domain.profile() instanceof Profile.Spiffe spiffe) {
        SpiffeBundle before = bundles.find(name).map(ForeignBundle::document).orElse(null);
        if (bundles.begin(name, spiffe.initial(), spiffe.digest())
            == FederatedBundles.Outcome.CHANGED) {
          records.changed(name, before, spiffe.initial(), "configured");
        }
      }
      Polled old = domains.get(name);
      if (old != null && old.polling().domain().equals(domain)) {
        next.put(name, old);
      } else {
        DomainPolling polling =
            new DomainPolling(
                domain,
                bundles,
                source,
                records,
                () -> ThreadLocalRandom.current().nextDouble(),
                clock);
        next.put(name, new Polled(polling, List.of()));
        started.add(polling);
      }
    }
    Map<String, Polled> before = domains;
    bundles.retain(next.keySet());
    for (Map.Entry<String, Polled> old : before.entrySet()) {
      Polled now = next.get(old.getKey());
      if (!Objects.equals(now, old.getValue())) {
        old.getValue().meters().forEach(registry::remove);
      }
      if (now == null) {
        records.removed(old.getKey());
      }
    }
    for (DomainPolling polling : started) {
      next.put(polling.domain().trustDomain(), new Polled(polling, meters(polling)));
    }
    domains = Collections.unmodifiableMap(next);
    started.forEach(polling -> schedule(polling, Duration.ZERO));
    return !before.equals(next);
  }

  private boolean isWanted(DomainPolling polling) {
    Polled known = domains.get(polling.domain().trustDomain());
    return known != null && known.polling() == polling;
  }

  private void schedule(DomainPolling polling, Duration wait) {
    try {
      thread.schedule(
          () -> {
            if (isWanted(polling)) {
              fetches.execute(() -> poll(polling));
            }
          },
          wait.toNanos(),
          TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      log.debug("federation has ended");
    }
  }

  private void poll(DomainPolling polling) {
    Duration wait = polling.domain().maxRefresh();
    try {
      wait = polling.poll(() -> isWanted(polling));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    } catch (RuntimeException e) {
      log.error("the bundle of {} was not looked at", polling.domain().trustDomain(), e);
    }
    schedule(polling, wait);
  }

  private List<Meter> meters(DomainPolling polling) {
    String name = polling.domain().trustDomain();
    Instant start = clock.instant();
    return List.of(
        Gauge.builder(
                "signet.federation.bundle.age",
                () -> {
                  Instant last = polling.succeeded();
                  return Duration.between(last == null ? start : last, clock.instant()).toMillis()
                      / 1e3;
                })
            .tag("trust_domain", name)
            .baseUnit("seconds")
            .description(
                "Time since the bundle of a federated trust domain was fetched, or since the start.")
            .register(registry),
        Gauge.builder("signet.federation.bundle.sequence", () -> sequence(name))
            .tag("trust_domain", name)
            .description("Sequence of the bundle in force of a federated trust domain.")
            .register(registry),
        FunctionCounter.builder(
                "signet.federation.bundle.refusals", polling, DomainPolling::refusals)
            .tag("trust_domain", name)
            .description(
                "Fetches of a federated trust domain's bundle that failed or were refused.")
            .register(registry));
  }

  private double sequence(String trustDomain) {
    Optional<ForeignBundle> bundle = bundles.find(trustDomain);
    Long sequence = bundle.isEmpty() ? null : bundle.get().document().sequence();
    return sequence == null ? Double.NaN : sequence;
  }

  /** Stops all fetches. The bundles stay in force. */
  @Override
  public void close() {
    thread.shutdownNow();
    fetches.shutdownNow();
  }
}
