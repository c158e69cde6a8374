package io.signetmesh.rotation.server;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.Member;
import io.signetmesh.rotation.Obstacle;
import io.signetmesh.rotation.Phase;
import io.signetmesh.rotation.Rotation;
import io.signetmesh.rotation.RotationEngine;
import io.signetmesh.rotation.RotationPlan;
import io.signetmesh.rotation.RotationStore;
import io.signetmesh.rotation.TrustAuthority;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Metrics of rotations and of the trust in a mesh. Thread-safe. */
final class RotationMeters {
  /** A look at a million leaves takes a while; scrapes are seconds apart. */
  private static final Duration FRESH = Duration.ofSeconds(5);

  private static final double MILLIS = 1e3;
  private static final String NONE = "none";

  private final TrustAuthority trust;
  private final RotationStore store;
  private final RotationEngine engine;
  private final InstantSource clock;

  // Guarded by this.
  private Map<State, Integer> workloads = Map.of();
  private @Nullable Instant countedAt;

  /** What is known of the holder of a leaf. */
  private enum State {
    /** Live, and trusts exactly the bundle in force. */
    ADOPTED,
    /** Live, and trusts another one. */
    BEHIND,
    GONE,
    SILENT
  }

  RotationMeters(
      TrustAuthority trust, RotationStore store, RotationEngine engine, InstantSource clock) {
    this.trust = trust;
    this.store = store;
    this.engine = engine;
    this.clock = clock;
  }

  /** Adds the metrics. */
  void bind(ServerMeters meters) {
    MeterRegistry registry = meters.registry();
    String phase = "1 for the phase of the rotation under way, or for none; 0 for the others.";
    gauge(registry, "phase", phase, "phase", NONE, () -> store.current() == null ? 1 : 0);
    for (Phase one : Phase.values()) {
      if (one != Phase.DONE) {
        gauge(registry, "phase", phase, "phase", label(one), () -> isIn(one) ? 1 : 0);
      }
    }
    for (Obstacle.Kind kind : Obstacle.Kind.values()) {
      gauge(
          registry,
          "obstacles",
          "What the phase of the rotation under way waits for.",
          "kind",
          label(kind),
          () -> obstacles(kind));
    }
    Gauge.builder("signet.trust.rotation.duration", () -> since(Rotation::startedAt))
        .baseUnit("seconds")
        .description("Time since the rotation under way began; 0 without one.")
        .register(registry);
    Gauge.builder("signet.trust.rotation.phase.duration", () -> since(Rotation::since))
        .baseUnit("seconds")
        .description("Time since its phase began; 0 without a rotation.")
        .register(registry);
    for (boolean back : new boolean[] {false, true}) {
      FunctionCounter.builder("signet.trust.rotations", store, all -> ended(all, back))
          .tag("outcome", back ? "aborted" : "done")
          .description("Rotations that have ended.")
          .register(registry);
    }
    for (State state : State.values()) {
      Gauge.builder("signet.trust.workloads", () -> workloads().getOrDefault(state, 0))
          .tag("state", label(state))
          .description("Leaves that may be in use, by what is known of their workloads.")
          .register(registry);
    }
    meters.collect(() -> new MetricSnapshots(List.of(anchors())));
  }

  private static void gauge(
      MeterRegistry registry,
      String name,
      String help,
      String label,
      String value,
      Supplier<Number> number) {
    Gauge.builder("signet.trust.rotation." + name, number)
        .tag(label, value)
        .description(help)
        .register(registry);
  }

  private static String label(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private boolean isIn(Phase phase) {
    Rotation current = store.current();
    return current != null && current.phase() == phase;
  }

  private long obstacles(Obstacle.Kind kind) {
    RotationEngine.Progress progress = engine.progress();
    return progress == null
        ? 0
        : progress.obstacles().stream().filter(obstacle -> obstacle.kind() == kind).count();
  }

  private double since(java.util.function.Function<Rotation, Instant> when) {
    Rotation current = store.current();
    return current == null
        ? 0
        : Math.max(0, clock.millis() - when.apply(current).toEpochMilli()) / MILLIS;
  }

  private static double ended(RotationStore store, boolean back) {
    return store.all().stream()
        .filter(rotation -> rotation.isDone() && rotation.reversed() == back)
        .count();
  }

  private synchronized Map<State, Integer> workloads() {
    Instant now = clock.instant();
    Instant last = countedAt;
    if (last == null || now.isBefore(last) || !now.isBefore(last.plus(FRESH))) {
      Map<State, Integer> counts = new EnumMap<>(State.class);
      String digest = inForce(trust.anchors()).digest();
      for (Member member : trust.fleet()) {
        State state =
            switch (member.presence()) {
              case LIVE -> member.trusts().equals(digest) ? State.ADOPTED : State.BEHIND;
              case GONE -> State.GONE;
              case SILENT -> State.SILENT;
            };
        counts.merge(state, 1, Integer::sum);
      }
      workloads = counts;
      countedAt = now;
    }
    return workloads;
  }

  private static AnchorSet inForce(List<X509Certificate> anchors) {
    return AnchorSet.of(anchors.stream().map(RotationPlan::fingerprint).toList());
  }

  private GaugeSnapshot anchors() {
    GaugeSnapshot.Builder gauge =
        GaugeSnapshot.builder()
            .name("signet_trust_anchor_expiry_seconds")
            .help("Time until a trust anchor in force expires; negative when it has.");
    Set<String> seen = new HashSet<>();
    for (X509Certificate anchor : trust.anchors()) {
      String name = AnchorSet.brief(RotationPlan.fingerprint(anchor));
      if (seen.add(name)) {
        gauge.dataPoint(
            GaugeSnapshot.GaugeDataPointSnapshot.builder()
                .labels(Labels.of("anchor", name))
                .value((anchor.getNotAfter().getTime() - clock.millis()) / MILLIS)
                .build());
      }
    }
    return gauge.build();
  }
}
