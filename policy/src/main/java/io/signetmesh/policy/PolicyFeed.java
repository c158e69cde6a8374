package io.signetmesh.policy;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterListener;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.policy.admin.ControllerMetrics;
import io.signetmesh.policy.document.DocumentNeed;
import io.signetmesh.policy.fetch.Documents;
import io.signetmesh.policy.index.AppliedChange;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.lint.LintFinding.Severity;
import io.signetmesh.policy.lint.NotInForce;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.stream.ReportedFinding;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Passes the changes of a cluster to the index, and records the result of each: the objects that
 * apply, the objects that are not valid, and the findings of the linter. The linter runs after the
 * change is on its way to proxies, on a thread of its own.
 */
final class PolicyFeed implements ClusterListener {
  private static final Logger LOG = LoggerFactory.getLogger(PolicyFeed.class);

  /** Objects and findings that one record names; the rest is counted. */
  private static final int NAMED = 10;

  /** Findings that are logged at a time; the rest is counted. */
  private static final int LOGGED = 20;

  private static final String DOUBTFUL_MANIFEST = "doubtful-manifest";

  private final PolicyModel reader;
  private final PolicyIndex index;
  private final IndexLinter linter;
  private final Documents documents;
  private final Consumer<ObjectRef> workloadGone;
  private final AuditLog audit;
  private final InstantSource clock;
  private final ControllerMetrics metrics;
  private final Executor background;
  private final AtomicBoolean lookDue = new AtomicBoolean();
  private volatile ClusterView view = ClusterView.EMPTY;
  private volatile @Nullable Report report;
  private boolean listening;

  /** What authentications would have fetched. */
  private final Map<ObjectRef, DocumentNeed> needs = new HashMap<>();

  /** What is fetched for those that a policy requires. */
  private final Map<ObjectRef, DocumentNeed> followed = new HashMap<>();

  private Set<String> rejected = Set.of();

  // Confined to the background.
  private Set<String> known = Set.of();

  /**
   * @param documents told which key sets and bundles are needed
   * @param background looks at all objects after a change, one task at a time
   */
  PolicyFeed(
      IndexLinter linter,
      Documents documents,
      Consumer<ObjectRef> workloadGone,
      AuditLog audit,
      InstantSource clock,
      ControllerMetrics metrics,
      Executor background) {
    this.reader = new PolicyModel(linter.index().config()::identity);
    this.index = linter.index();
    this.linter = linter;
    this.documents = documents;
    this.workloadGone = workloadGone;
    this.audit = audit;
    this.clock = clock;
    this.metrics = metrics;
    this.background = background;
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
    long start = System.nanoTime();
    view = newer;
    List<PolicyObject> upserts = new ArrayList<>();
    List<ObjectRef> removals = new ArrayList<>();
    boolean needsMayDiffer = false;
    for (ResourceKey key : change.touched()) {
      ObjectRef ref = PolicyModel.refOf(key).orElse(null);
      if (ref != null) {
        PolicyObject object = reader.read(newer, ref).orElse(null);
        if (object == null) {
          removals.add(ref);
        } else {
          upserts.add(object);
        }
        switch (ref.kind()) {
          case JWT_AUTHENTICATION, REGO_AUTHENTICATION -> {
            DocumentNeed need = need(object);
            if (need == null) {
              needs.remove(ref);
            } else {
              needs.put(ref, need);
            }
            needsMayDiffer = true;
          }
          case AUTHORIZATION_POLICY, DENY_POLICY -> needsMayDiffer = true;
          default -> {}
        }
      }
    }
    AppliedChange applied = index.apply(upserts, removals);
    if (needsMayDiffer) {
      followRequired();
    }
    if (!applied.objects().isEmpty()) {
      metrics.applied(applied.generation(), System.nanoTime() - start);
      for (ObjectRef ref : applied.objects()) {
        if (ref.kind().isWorkload() && index.workload(ref).isEmpty()) {
          workloadGone.accept(ref);
        }
      }
      record(applied);
    }
    if (!applied.objects().isEmpty() || !change.isEmpty()) {
      lookLater();
    }
    recordManifests(newer, applied.generation());
  }

  /** Has exactly those documents fetched that a policy requires. */
  private void followRequired() {
    Set<ObjectRef> required = index.required(needs.keySet());
    Map<ObjectRef, Optional<DocumentNeed>> changes = new LinkedHashMap<>();
    for (ObjectRef ref : List.copyOf(followed.keySet())) {
      if (!required.contains(ref)) {
        followed.remove(ref);
        changes.put(ref, Optional.empty());
      }
    }
    for (ObjectRef ref : new TreeSet<>(required)) {
      DocumentNeed need = Objects.requireNonNull(needs.get(ref));
      if (!need.equals(followed.put(ref, need))) {
        changes.put(ref, Optional.of(need));
      }
    }
    if (!changes.isEmpty()) {
      documents.follow(changes);
    }
  }

  private static @Nullable DocumentNeed need(@Nullable PolicyObject object) {
    Object source =
        switch (object) {
          case JwtModel.Authentication authentication -> authentication.keys();
          case RegoModel.Authentication authentication -> authentication.bundle();
          case null, default -> null;
        };
    return source instanceof DocumentNeed need ? need : null;
  }

  /** Takes what was fetched, and names of what nobody needs any more. */
  synchronized void fetched(List<PolicyObject> changed, List<ObjectRef> removed) {
    long start = System.nanoTime();
    AppliedChange applied = index.apply(changed, removed);
    if (!applied.objects().isEmpty()) {
      metrics.applied(applied.generation(), System.nanoTime() - start);
      record(applied);
      lookLater();
    }
  }

  private void record(AppliedChange applied) {
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("generation", Long.toString(applied.generation()));
    attributes.put("objects", first(applied.objects(), ", "));
    attributes.put("ports", Integer.toString(applied.portsTouched()));
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
  }

  /** Objects that are not valid: the source has logged them. */
  private void recordManifests(ClusterView newer, long generation) {
    List<ManifestFinding> errors =
        newer.findings().stream().filter(ManifestFinding::isError).toList();
    Set<String> present = new HashSet<>();
    errors.forEach(error -> present.add(error.resource() + error.field() + error.message()));
    if (present.equals(rejected)) {
      return;
    }
    rejected = present;
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("generation", Long.toString(generation));
    if (errors.isEmpty()) {
      audit.record(
          new AdministrativeEvent(
              clock.millis(), "policy-mended", "policy", "manifests", attributes));
      return;
    }
    attributes.put("errors", Integer.toString(errors.size()));
    attributes.put("findings", first(errors, "\n"));
    audit.record(
        new AdministrativeEvent(
            clock.millis(), "policy-rejected", "policy", "manifests", attributes));
  }

  /**
   * What is wrong with policy now, errors first: manifests that are not valid, then the findings of
   * the linter.
   */
  List<ReportedFinding> reported() {
    ClusterView now = view;
    long generation = index.generation();
    Report last = report;
    if (last == null || last.view != now || last.generation != generation) {
      last = new Report(now, generation, report(now));
      report = last;
    }
    return last.findings;
  }

  /** The findings of a state. They are collected once, however often somebody asks. */
  private record Report(ClusterView view, long generation, List<ReportedFinding> findings) {}

  private List<ReportedFinding> report(ClusterView now) {
    List<ReportedFinding> all = new ArrayList<>();
    List<LintFinding> together = findings();
    for (ManifestFinding finding : now.findings()) {
      if (together.stream().anyMatch(other -> other.repeats(finding))) {
        continue;
      }
      ResourceKey key = finding.resource();
      all.add(
          new ReportedFinding(
              finding.isError(),
              finding.isError() ? ReportedFinding.INVALID_MANIFEST : DOUBTFUL_MANIFEST,
              key == null ? "" : namespaceOf(key),
              finding.toString()));
    }
    for (LintFinding finding : together) {
      all.add(
          new ReportedFinding(
              finding.severity() == Severity.ERROR,
              finding.rule().text(),
              finding.object().kind() == ObjectRef.Kind.NAMESPACE
                  ? finding.object().name()
                  : finding.object().namespace(),
              finding.toString()));
    }
    all.sort(Comparator.comparing(finding -> !finding.isError()));
    return List.copyOf(all);
  }

  private static String namespaceOf(ResourceKey key) {
    return key.kind().equals("Namespace") && key.group().isEmpty() ? key.name() : key.namespace();
  }

  /** The objects now. */
  ClusterView view() {
    return view;
  }

  /** The findings of the linter now, with the places where the objects are written now. */
  List<LintFinding> findings() {
    List<LintFinding> all = new ArrayList<>(NotInForce.of(view));
    linter.findings().forEach(finding -> all.add(located(finding)));
    all.sort(null);
    return List.copyOf(all);
  }

  /** The finding with the place where its object is written now. */
  LintFinding located(LintFinding finding) {
    return finding.at(PolicyModel.originOf(view, finding.object(), finding.field()));
  }

  private void lookLater() {
    if (lookDue.compareAndSet(false, true)) {
      try {
        background.execute(this::look);
      } catch (RejectedExecutionException e) {
        LOG.debug("closed: findings are not looked for");
      }
    }
  }

  /** Logs and records what is wrong now and was not before. */
  private void look() {
    lookDue.set(false);
    long generation = index.generation();
    List<LintFinding> findings = findings();
    Set<String> present = new HashSet<>();
    List<LintFinding> fresh = new ArrayList<>();
    for (LintFinding finding : findings) {
      // Without its place, which moves with every edit above it.
      String text = finding.object() + ": " + finding.message();
      if (present.add(text) && !known.contains(text)) {
        fresh.add(finding);
      }
    }
    if (present.equals(known)) {
      return;
    }
    known = present;
    for (LintFinding finding : fresh.subList(0, Math.min(fresh.size(), LOGGED))) {
      if (finding.severity() == Severity.ERROR) {
        LOG.error("{}", finding);
      } else {
        LOG.warn("{}", finding);
      }
    }
    if (fresh.size() > LOGGED) {
      LOG.warn("and {} more, see 'signet policy status'", fresh.size() - LOGGED);
    }
    long errors = findings.stream().filter(f -> f.severity() == Severity.ERROR).count();
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("generation", Long.toString(generation));
    attributes.put("errors", Long.toString(errors));
    attributes.put("warnings", Long.toString(findings.size() - errors));
    if (!findings.isEmpty()) {
      attributes.put("findings", first(findings, "\n"));
    }
    audit.record(
        new AdministrativeEvent(
            clock.millis(), "policy-findings", "policy", "generation " + generation, attributes));
  }

  private static String first(List<?> all, String separator) {
    String named =
        all.stream().limit(NAMED).map(Object::toString).collect(Collectors.joining(separator));
    return all.size() <= NAMED
        ? named
        : named + separator + "and " + (all.size() - NAMED) + " more";
  }
}
