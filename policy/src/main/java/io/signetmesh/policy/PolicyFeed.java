package io.signetmesh.policy;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterListener;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.policy.facts.ClusterFacts;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.index.AppliedChange;
import io.signetmesh.policy.index.Finding;
import io.signetmesh.policy.index.Finding.Severity;
import io.signetmesh.policy.index.PolicyIndex;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries the changes of a cluster over to the index, and puts each that makes a difference on
 * record.
 */
final class PolicyFeed implements ClusterListener {
  private static final Logger LOG = LoggerFactory.getLogger(PolicyFeed.class);

  /** Objects and findings that one record names; the rest is counted. */
  private static final int NAMED = 10;

  private final ClusterFacts reader;
  private final PolicyIndex index;
  private final Consumer<ObjectRef> workloadGone;
  private final AuditLog audit;
  private final InstantSource clock;
  private volatile ClusterView view = ClusterView.EMPTY;
  private boolean listening;
  private Set<String> known = Set.of();

  PolicyFeed(
      PolicyIndex index, Consumer<ObjectRef> workloadGone, AuditLog audit, InstantSource clock) {
    this.reader = new ClusterFacts(index.config()::identity);
    this.index = index;
    this.workloadGone = workloadGone;
    this.audit = audit;
    this.clock = clock;
  }

  /** Takes over a whole view, before the changes after it are listened to. */
  synchronized void start(ClusterView first) {
    follow(first, ClusterChange.between(ClusterView.EMPTY, first));
  }

  @Override
  public synchronized void changed(ClusterView newer, ClusterChange change) {
    // The first call of a subscription states all objects as added, and so does not tell which
    // were there when the feed started and are gone since.
    follow(newer, listening ? change : ClusterChange.between(view, newer));
    listening = true;
  }

  private void follow(ClusterView newer, ClusterChange change) {
    view = newer;
    List<Fact> upserts = new ArrayList<>();
    List<ObjectRef> removals = new ArrayList<>();
    for (ResourceKey key : change.touched()) {
      ObjectRef ref = ClusterFacts.refOf(key).orElse(null);
      if (ref != null) {
        reader.read(newer, ref).ifPresentOrElse(upserts::add, () -> removals.add(ref));
      }
    }
    AppliedChange applied = index.apply(upserts, removals);
    if (applied.objects().isEmpty()) {
      return;
    }
    for (ObjectRef ref : applied.objects()) {
      if (ref.kind().isWorkload() && index.workload(ref).isEmpty()) {
        workloadGone.accept(ref);
      }
    }
    record(applied);
  }

  @Override
  public void rejected(List<io.signetmesh.crds.manifest.Finding> findings) {
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("generation", Long.toString(index.generation()));
    attributes.put(
        "errors",
        Long.toString(
            findings.stream().filter(io.signetmesh.crds.manifest.Finding::isError).count()));
    attributes.put("findings", first(findings, "\n"));
    audit.record(
        new AdministrativeEvent(
            clock.millis(), "policy-rejected", "policy", "manifests", attributes));
    LOG.error(
        "the manifests are not valid, generation {} stays in force:\n{}",
        index.generation(),
        first(findings, "\n"));
  }

  /** What is wrong with the objects now, with the places where they are written now. */
  List<Finding> findings() {
    ClusterView now = view;
    return index.findings().stream()
        .map(
            finding ->
                new Finding(
                    finding.severity(),
                    finding.rule(),
                    finding.object(),
                    ClusterFacts.originOf(now, finding.object()),
                    finding.message()))
        .toList();
  }

  private void record(AppliedChange applied) {
    List<Finding> findings = findings();
    long errors = findings.stream().filter(f -> f.severity() == Severity.ERROR).count();
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("generation", Long.toString(applied.generation()));
    attributes.put("objects", first(applied.objects(), ", "));
    attributes.put("ports", Integer.toString(applied.portsTouched()));
    attributes.put("errors", Long.toString(errors));
    attributes.put("warnings", Long.toString(findings.size() - errors));
    if (!findings.isEmpty()) {
      attributes.put("findings", first(findings, "\n"));
    }
    audit.record(
        new AdministrativeEvent(
            clock.millis(),
            "policy-applied",
            "policy",
            "generation " + applied.generation(),
            attributes));
    LOG.info(
        "generation {}: {} objects differ, {} of {} watched ports evaluated have a new policy",
        applied.generation(),
        applied.objects().size(),
        applied.portsTouched(),
        applied.portsEvaluated());
    Set<String> present = new HashSet<>();
    for (Finding finding : findings) {
      // Without its place, which moves with every edit above it.
      String text = finding.object() + ": " + finding.message();
      present.add(text);
      if (!known.contains(text)) {
        if (finding.severity() == Severity.ERROR) {
          LOG.error("{}", finding);
        } else {
          LOG.warn("{}", finding);
        }
      }
    }
    known = present;
  }

  private static String first(List<?> all, String separator) {
    String named =
        all.stream().limit(NAMED).map(Object::toString).collect(Collectors.joining(separator));
    return all.size() <= NAMED
        ? named
        : named + separator + "and " + (all.size() - NAMED) + " more";
  }
}
