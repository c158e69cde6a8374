package io.signetmesh.policy.admin;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.fetch.DocumentStatus;
import io.signetmesh.policy.fetch.Documents;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.lint.ObjectScope;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.stream.EnforcementLedger;
import io.signetmesh.policy.stream.ObjectEnforcementStatus;
import io.signetmesh.policy.stream.ReportedFinding;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Supplier;

/**
 * Metrics of a policy controller. States are read at each scrape. Series of single policy objects
 * and of findings come and go with policy, so they are in the Prometheus text format only. Their
 * number is bounded: of the objects in force, those that proxies are behind with come first, and
 * {@link #MAX_OBJECTS} are named; of those that are in force nowhere, those that affect no port
 * come first, and as many are named.
 */
public final class ControllerMetrics {
  /**
   * Policy objects at proxies that have series of their own, two for each; and others, one for
   * each.
   */
  public static final int MAX_OBJECTS = 2_000;

  /** Generations whose time is remembered, for the time that their acknowledgements take. */
  private static final int REMEMBERED = 1_024;

  private final ServerMeters meters;
  private final Timer apply;
  private final Timer acknowledge;
  private final Counter changes;
  private final AtomicLongArray generations = new AtomicLongArray(REMEMBERED);
  private final AtomicLongArray times = new AtomicLongArray(REMEMBERED);

  /** Adds the counters and times; {@link #bind} adds the states. */
  public ControllerMetrics(ServerMeters meters) {
    this.meters = meters;
    this.apply =
        timer(
            "signet.policy.apply",
            "Time to work out what a change means for all watched ports.",
            1_000,
            2_500,
            5_000,
            10_000,
            25_000,
            50_000,
            100_000,
            250_000,
            500_000,
            1_000_000,
            2_500_000,
            5_000_000);
    this.acknowledge =
        timer(
            "signet.policy.acknowledge",
            "Time from a change to the acknowledgement that a port has it in force.",
            5_000,
            10_000,
            25_000,
            50_000,
            100_000,
            250_000,
            500_000,
            1_000_000,
            2_500_000,
            5_000_000,
            10_000_000,
            30_000_000,
            60_000_000);
    this.changes =
        Counter.builder("signet.policy.changes")
            .description("Changes that made a generation.")
            .register(meters.registry());
  }

  private Timer timer(String name, String help, long... boundMicros) {
    return Timer.builder(name)
        .description(help)
        .serviceLevelObjectives(
            Arrays.stream(boundMicros)
                .mapToObj(micros -> Duration.of(micros, ChronoUnit.MICROS))
                .toArray(Duration[]::new))
        .register(meters.registry());
  }

  /**
   * A change was worked out.
   *
   * @param generation its generation
   * @param nanos time it took
   */
  public void applied(long generation, long nanos) {
    changes.increment();
    apply.record(nanos, TimeUnit.NANOSECONDS);
    int slot = slot(generation);
    generations.set(slot, -1);
    times.set(slot, System.nanoTime() - nanos);
    generations.set(slot, generation);
  }

  /** A proxy newly has a generation in force at a port. */
  public void acknowledged(long generation) {
    int slot = slot(generation);
    long time = times.get(slot);
    if (generations.get(slot) == generation && times.get(slot) == time) {
      acknowledge.record(System.nanoTime() - time, TimeUnit.NANOSECONDS);
    }
  }

  private static int slot(long generation) {
    return (int) Math.floorMod(generation, (long) REMEMBERED);
  }

  /**
   * Adds the states of a controller.
   *
   * @param findings what is wrong with policy as it is written now
   */
  public void bind(
      IndexLinter linter,
      EnforcementLedger ledger,
      Supplier<List<ReportedFinding>> findings,
      Documents documents) {
    PolicyIndex index = linter.index();
    gauge("signet.policy.generation", "Generation of the controller's view.", index::generation);
    gauge(
        "signet.policy.watched.ports",
        "Workload ports whose policy is watched.",
        index::watchedPorts);
    gauge(
        "signet.policy.streams",
        "Policy streams of proxies open now.",
        () -> ledger.counts().streams());
    ports("in_force", () -> ledger.counts().inForce());
    ports("behind", () -> ledger.counts().behind());
    ports("refused", () -> ledger.counts().refused());
    ports("does_not_acknowledge", () -> ledger.counts().silent());
    FunctionCounter.builder("signet.policy.messages", ledger, EnforcementLedger::messages)
        .description("Policy messages sent on streams.")
        .register(meters.registry());
    FunctionCounter.builder(
            "signet.policy.acknowledgements", ledger, EnforcementLedger::acknowledgements)
        .description("Acknowledgements of ports taken from proxies.")
        .register(meters.registry());
    fetches(
        documents,
        ObjectRef.Kind.JWT_AUTHENTICATION,
        "signet.policy.key.set.fetches",
        "Fetches of key sets.");
    fetches(
        documents,
        ObjectRef.Kind.REGO_AUTHENTICATION,
        "signet.policy.bundle.fetches",
        "Fetches of policy bundles, and reads of files that have them.");
    states(
        documents,
        ObjectRef.Kind.JWT_AUTHENTICATION,
        "signet.policy.key.sets",
        "JWTAuthentications whose keys are fetched, by whether they have keys.");
    states(
        documents,
        ObjectRef.Kind.REGO_AUTHENTICATION,
        "signet.policy.bundles",
        "RegoAuthentications whose bundle is fetched or read, by whether they have one.");
    meters.collect(() -> snapshots(linter, ledger, findings, documents));
  }

  private void fetches(Documents documents, ObjectRef.Kind kind, String name, String help) {
    FunctionCounter.builder(name, documents, all -> all.counts(kind).succeeded())
        .tag("result", "succeeded")
        .description(help)
        .register(meters.registry());
    FunctionCounter.builder(name, documents, all -> all.counts(kind).failed())
        .tag("result", "failed")
        .description(help)
        .register(meters.registry());
  }

  private void states(Documents documents, ObjectRef.Kind kind, String name, String help) {
    for (DocumentStatus.State state : DocumentStatus.State.values()) {
      Gauge.builder(
              name,
              () -> documents.statuses(kind).stream().filter(one -> one.state() == state).count())
          .tag("state", state.code())
          .description(help)
          .register(meters.registry());
    }
  }

  private void gauge(String name, String help, Supplier<Number> value) {
    Gauge.builder(name, value).description(help).register(meters.registry());
  }

  private void ports(String state, Supplier<Number> value) {
    Gauge.builder("signet.policy.ports", value)
        .tag("state", state)
        .description("Watched ports by what their proxies say of the newest policy.")
        .register(meters.registry());
  }

  private static MetricSnapshots snapshots(
      IndexLinter linter,
      EnforcementLedger ledger,
      Supplier<List<ReportedFinding>> findings,
      Documents documents) {
    List<MetricSnapshot> all = new ArrayList<>();
    all.add(findings(findings.get()));
    all.addAll(
        DocumentSnapshots.keySets(
            documents.statuses(ObjectRef.Kind.JWT_AUTHENTICATION), documents.now()));
    all.addAll(
        DocumentSnapshots.bundles(
            documents.statuses(ObjectRef.Kind.REGO_AUTHENTICATION), documents.now()));
    List<ObjectScope> objects = linter.scopes();
    List<ObjectEnforcementStatus> statuses = ledger.objectStatuses();
    all.addAll(objects(statuses, EnforcementLedger.nowhere(objects, statuses)));
    return new MetricSnapshots(all);
  }

  private static GaugeSnapshot findings(List<ReportedFinding> findings) {
    Map<String, Map<String, Integer>> sums = new TreeMap<>();
    for (ReportedFinding finding : findings) {
      sums.computeIfAbsent(finding.isError() ? "error" : "warning", _ -> new TreeMap<>())
          .merge(finding.rule(), 1, Integer::sum);
    }
    GaugeSnapshot.Builder gauge =
        GaugeSnapshot.builder()
            .name("signet_policy_findings")
            .help("What is wrong with policy as it is written now.");
    sums.forEach(
        (severity, rules) ->
            rules.forEach(
                (rule, sum) ->
                    gauge.dataPoint(point(Labels.of("severity", severity, "rule", rule), sum))));
    return gauge.build();
  }

  private static List<GaugeSnapshot> objects(
      List<ObjectEnforcementStatus> statuses, List<ObjectScope> nowhere) {
    List<ObjectEnforcementStatus> shown = new ArrayList<>(statuses);
    if (shown.size() > MAX_OBJECTS) {
      shown.sort(
          Comparator.comparing((ObjectEnforcementStatus status) -> status.behind().isEmpty())
              .thenComparing(ObjectEnforcementStatus::source));
      shown = shown.subList(0, MAX_OBJECTS);
    }
    GaugeSnapshot.Builder gauge =
        GaugeSnapshot.builder()
            .name("signet_policy_object_proxies")
            .help("Connected proxies that a policy object affects, by whether they enforce it.");
    for (ObjectEnforcementStatus status : shown) {
      Labels labels = labels(status.source());
      for (boolean inForce : new boolean[] {true, false}) {
        gauge.dataPoint(
            point(
                labels.add("state", inForce ? "in_force" : "behind"),
                inForce ? status.inForce() : status.proxies() - status.inForce()));
      }
    }
    List<ObjectScope> named =
        nowhere.stream()
            .sorted(Comparator.comparing(ObjectScope::hasPorts))
            .limit(MAX_OBJECTS)
            .toList();
    return List.of(
        gauge.build(),
        nowhere(named),
        gauge(
            "signet_policy_objects_left_out",
            "Policy objects without series of their own, beyond the first "
                + MAX_OBJECTS
                + " that are in force at proxies and as many that are in force nowhere.",
            statuses.size() - shown.size() + nowhere.size() - named.size()));
  }

  private static GaugeSnapshot nowhere(List<ObjectScope> objects) {
    GaugeSnapshot.Builder gauge =
        GaugeSnapshot.builder()
            .name("signet_policy_object_nowhere")
            .help(
                "1 for each policy object that is in force nowhere: it affects no port, or no"
                    + " connected proxy watches one of them.");
    for (ObjectScope object : objects) {
      LintFinding.Rule rule = object.rule();
      gauge.dataPoint(
          point(
              labels(object.source())
                  .add("state", object.hasPorts() ? "no_proxy" : "no_port")
                  .add("rule", rule == null ? "" : rule.text()),
              1));
    }
    return gauge.build();
  }

  private static Labels labels(PolicySource source) {
    ObjectRef object = source.object();
    return Labels.of(
        "group",
        object.kind().group(),
        "kind",
        object.kind().resourceKind(),
        "namespace",
        object.namespace(),
        "name",
        object.name(),
        "mode",
        source.mode().wireName());
  }

  private static GaugeSnapshot gauge(String name, String help, long value) {
    return GaugeSnapshot.builder()
        .name(name)
        .help(help)
        .dataPoint(point(Labels.EMPTY, value))
        .build();
  }

  private static GaugeSnapshot.GaugeDataPointSnapshot point(Labels labels, long value) {
    return GaugeSnapshot.GaugeDataPointSnapshot.builder().labels(labels).value(value).build();
  }
}
