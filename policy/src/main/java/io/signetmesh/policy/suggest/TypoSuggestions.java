package io.signetmesh.policy.suggest;

import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.index.PolicySnapshot;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.lint.LintReport;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NamespaceModel;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.ServiceAccountModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Suggests what was meant where a finding is about a typo, and says what the policy of a port would
 * be with that one typo corrected and all else as it is.
 */
public final class TypoSuggestions {
  /** Suggestions worked out for one port at a time. */
  private static final int MAX_SUGGESTIONS = 16;

  private TypoSuggestions() {}

  /**
   * Suggestions for the findings that affect a port. Of very many findings the first are looked at,
   * so that a namespace full of typos keeps nobody waiting. The time for each suggestion grows with
   * the number of objects of the namespace.
   *
   * @return by finding; empty when there is no such workload
   */
  public static Map<LintFinding, Suggestion> of(IndexLinter linter, ObjectRef ref, int port) {
    WorkloadModel workload = linter.index().workload(ref).orElse(null);
    if (workload == null) {
      return Map.of();
    }
    LintReport report = linter.report();
    ObjectCorrections corrections = new ObjectCorrections(report);
    Map<LintFinding, Suggestion> suggestions = new HashMap<>();
    for (LintFinding finding : report.findings(workload, port)) {
      if (suggestions.size() == MAX_SUGGESTIONS) {
        break;
      }
      corrections
          .correct(finding)
          .flatMap(
              found ->
                  policy(report.snapshot(), found.object(), workload, port)
                      .map(policy -> new Suggestion(found.meant(), policy)))
          .ifPresent(found -> suggestions.put(finding, found));
    }
    return suggestions;
  }

  /** The policy of the port with one object corrected. */
  private static Optional<EffectivePolicy> policy(
      PolicySnapshot snapshot, PolicyObject corrected, WorkloadModel workload, int port) {
    List<PolicyObject> objects = new ArrayList<>();
    for (PolicyObject object : snapshot.objects().values()) {
      if (affects(object, workload)) {
        objects.add(object.ref().equals(corrected.ref()) ? corrected : object);
      }
    }
    PolicyIndex index = new PolicyIndex(snapshot.config(), InstantSource.fixed(Instant.EPOCH));
    index.apply(objects, List.of());
    return index.policy(workload.ref(), port);
  }

  /** Whether the policy of a port of the workload can depend on an object. */
  private static boolean affects(PolicyObject object, WorkloadModel workload) {
    return switch (object) {
      case WorkloadModel other -> other.ref().equals(workload.ref());
      case NamespaceModel namespace -> namespace.ref().name().equals(workload.ref().namespace());
      case ServiceAccountModel account -> false;
      case JwtModel token -> true;
      case RegoModel bundle -> true;
      case MeshTlsModel authentication -> true;
      case NetworkModel authentication -> true;
      case UnusableModel unusable -> true;
      default -> object.ref().namespace().equals(workload.ref().namespace());
    };
  }
}
