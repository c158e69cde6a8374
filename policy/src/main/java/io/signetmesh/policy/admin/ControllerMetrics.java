package io.signetmesh.policy.admin;

import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.Finding;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.ObjectScope;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.stream.EnforcementLedger;
import io.signetmesh.policy.stream.ObjectEnforcementStatus;
import io.signetmesh.policy.stream.ReportedFinding;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/**
 * Metrics of a policy controller, in the Prometheus text format. States are read when they are
 * asked for. The number of series is bounded: of the objects in force, those that proxies are
 * behind with come first, and {@link #MAX_OBJECTS} are named; of those that are in force nowhere,
 * those that bear on no port come first, and as many are named.
 */
public final class ControllerMetrics {
  /**
   * Policy objects at proxies that have series of their own, two for each; and others, one for
   * each.
   */
  public static final int MAX_OBJECTS = 2_000;

  private static final double NANOS = 1e9;

  /** Generations whose time is remembered, for the time that their acknowledgements take. */
  private static final int REMEMBERED = 1_024;

  private final Timings apply =
      new Timings(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5);
  private final Timings acknowledge =
      new Timings(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60);
  private final LongAdder changes = new LongAdder();
  private final AtomicLongArray generations = new AtomicLongArray(REMEMBERED);
  private final AtomicLongArray times = new AtomicLongArray(REMEMBERED);

  /**
   * A change was worked out.
   *
   * @param generation its generation
   * @param nanos time it took
   */
  public void applied(long generation, long nanos) {
    changes.increment();
    apply.observe(nanos / NANOS);
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
      acknowledge.observe((System.nanoTime() - time) / NANOS);
    }
  }

  private static int slot(long generation) {
    return (int) Math.floorMod(generation, (long) REMEMBERED);
  }

  /**
   * Writes all metrics.
   *
   * @param findings what is wrong with policy as it is written now
   * @param load of the servers of this process
   */
  void write(
      OutputStream out,
      IndexLinter linter,
      EnforcementLedger ledger,
      Supplier<List<ReportedFinding>> findings,
      Supplier<ControlLoops.Load> load)
      throws IOException {
    PolicyIndex index = linter.index();
    EnforcementLedger.Counts counts = ledger.counts();
    List<MetricSnapshot> all = new ArrayList<>();
    all.add(
        gauge(
            "signet_policy_generation",
            "Generation of the controller's view.",
            index.generation()));
    all.add(
        gauge(
            "signet_policy_watched_ports",
            "Workload ports whose policy is watched.",
            index.watchedPorts()));
    all.add(
        gauge("signet_policy_streams", "Policy streams of proxies open now.", counts.streams()));
    all.add(ports(counts));
    all.add(findings(findings.get()));
    all.add(counter("signet_policy_changes", "Changes that made a generation.", changes.sum()));
    all.add(
        counter("signet_policy_messages", "Policy messages sent on streams.", ledger.messages()));
    all.add(
        counter(
            "signet_policy_acknowledgements",
            "Acknowledgements of ports taken from proxies.",
            ledger.acknowledgements()));
    List<ObjectScope> objects = linter.scopes();
    List<ObjectEnforcementStatus> statuses = ledger.objectStatuses();
    all.addAll(objects(statuses, EnforcementLedger.nowhere(objects, statuses)));
    all.add(
        apply.snapshot(
            "signet_policy_apply_seconds",
            "Time to work out what a change means for all watched ports."));
    all.add(
        acknowledge.snapshot(
            "signet_policy_acknowledge_seconds",
            "Time from a change to the acknowledgement that a port has it in force."));
    all.addAll(load(load.get()));
    PrometheusTextFormatWriter.create()
        .write(out, new MetricSnapshots(all), EscapingScheme.UNDERSCORE_ESCAPING);
  }

  private static List<MetricSnapshot> load(ControlLoops.Load load) {
    CounterSnapshot.Builder calls =
        CounterSnapshot.builder()
            .name("signet_control_refused_calls")
            .help("Calls that the servers of this process refused, by the bound that was hit.");
    load.refusedCalls()
        .forEach(
            (bound, count) ->
                calls.dataPoint(
                    CounterSnapshot.CounterDataPointSnapshot.builder()
                        .labels(Labels.of("bound", bound))
                        .value(count)
                        .build()));
    return List.of(
        gauge(
            "signet_control_connections",
            "TLS connections of the servers of this process.",
            load.connections()),
        counter(
            "signet_control_refused_connections",
            "Connections that the servers of this process refused.",
            load.refusedConnections()),
        GaugeSnapshot.builder()
            .name("signet_control_call_bytes")
            .help(
                "Memory that calls hold: open ones, requests that are not complete, answers that"
                    + " are not read.")
            .dataPoint(point(Labels.of("client", "identified"), load.identifiedBytes()))
            .dataPoint(point(Labels.of("client", "anonymous"), load.anonymousBytes()))
            .build(),
        calls.build());
  }

  private static GaugeSnapshot ports(EnforcementLedger.Counts counts) {
    return GaugeSnapshot.builder()
        .name("signet_policy_ports")
        .help("Watched ports by what their proxies say of the newest policy.")
        .dataPoint(point(Labels.of("state", "in_force"), counts.inForce()))
        .dataPoint(point(Labels.of("state", "behind"), counts.behind()))
        .dataPoint(point(Labels.of("state", "refused"), counts.refused()))
        .dataPoint(point(Labels.of("state", "does_not_acknowledge"), counts.silent()))
        .build();
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
            .help("Connected proxies that a policy object bears on, by whether they enforce it.");
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
                "1 for each policy object that is in force nowhere: it bears on no port, or no"
                    + " connected proxy watches one of them.");
    for (ObjectScope object : objects) {
      Finding.Rule rule = object.rule();
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

  private static CounterSnapshot counter(String name, String help, long value) {
    return CounterSnapshot.builder()
        .name(name)
        .help(help)
        .dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder().value(value).build())
        .build();
  }

  private static GaugeSnapshot.GaugeDataPointSnapshot point(Labels labels, long value) {
    return GaugeSnapshot.GaugeDataPointSnapshot.builder().labels(labels).value(value).build();
  }
}
