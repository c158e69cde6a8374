package io.signetmesh.policy.lint;

import io.signetmesh.policy.index.PolicySnapshot;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the linter found in a snapshot, and which ports each finding affects. */
public final class LintReport {
  private final PolicySnapshot snapshot;
  private final Map<LintFinding, Set<ObjectRef>> findings;
  private final List<LintFinding> all;
  private final Map<String, NamespaceContents> namespaces;

  /**
   * @param findings each with the Servers, workloads and namespaces that it affects, or would with
   *     the object corrected; sorted
   */
  LintReport(
      PolicySnapshot snapshot,
      Map<LintFinding, Set<ObjectRef>> findings,
      Map<String, NamespaceContents> namespaces) {
    this.snapshot = snapshot;
    this.findings = findings;
    this.all = List.copyOf(findings.keySet());
    this.namespaces = namespaces;
  }

  /** What was checked. */
  public PolicySnapshot snapshot() {
    return snapshot;
  }

  /** The objects of each namespace, by its name. */
  public Map<String, NamespaceContents> namespaces() {
    return Collections.unmodifiableMap(namespaces);
  }

  /** All findings, sorted. */
  public List<LintFinding> findings() {
    return all;
  }

  /**
   * The Servers, authorizations, denials, routes and rate limits, sorted, each with whether it
   * affects a port, and why not.
   *
   * @param sources the objects that affect one
   */
  public List<ObjectScope> scopes(Set<ObjectRef> sources) {
    return new ObjectScopes(snapshot.objects(), namespaces, all, sources).collect();
  }

  /**
   * Findings about objects that affect a port, or would if they were corrected, most telling first:
   * a policy whose target is misspelt, a policy on its Server that refers to nothing.
   */
  public List<LintFinding> findings(WorkloadModel workload, int port) {
    NamespaceContents namespace = namespaces.get(workload.ref().namespace());
    Set<ObjectRef> near = new HashSet<>();
    near.add(workload.ref());
    if (namespace != null) {
      for (ServerModel server : namespace.servers.values()) {
        boolean selects =
            server.selects(workload) && NamespaceContents.ports(server, workload).contains(port);
        // One that selects nothing, but would have this port if it selected the workload.
        boolean would =
            server.workloads() == workload.ref().kind()
                && !namespace.serves(server)
                && (server.port() instanceof ServerModel.Port.ByNumber(int number)
                    ? number == port
                    : server.selects(workload)
                        || NamespaceContents.ports(server, workload).contains(port));
        if (selects || would) {
          near.add(server.ref());
        }
      }
    }
    ObjectRef around = ObjectRef.namespace(workload.ref().namespace());
    record Ranked(LintFinding finding, boolean direct) {}
    List<Ranked> ranked = new ArrayList<>();
    findings.forEach(
        (finding, affected) -> {
          boolean direct = near.contains(finding.object());
          for (ObjectRef ref : affected) {
            direct |= near.contains(ref);
          }
          if (direct || affected.contains(around)) {
            ranked.add(new Ranked(finding, direct));
          }
        });
    ranked.sort(
        Comparator.comparing((Ranked one) -> one.finding().severity())
            .thenComparing(one -> !one.direct())
            .thenComparingInt(one -> rank(one.finding().rule()))
            .thenComparing(Ranked::finding));
    return ranked.stream().map(Ranked::finding).toList();
  }

  /** How telling a rule is for a denial; lower is more likely its cause. */
  static int rank(LintFinding.Rule rule) {
    return switch (rule) {
      case DANGLING_REFERENCE -> 0;
      case BAD_TARGET -> 1;
      case NOT_UNDERSTOOD -> 2;
      case BAD_AUTHENTICATIONS -> 3;
      case NEVER_MATCHES -> 4;
      case KEY_SET_UNAVAILABLE -> 5;
      case BUNDLE_UNAVAILABLE -> 6;
      case BUNDLES_TOO_LARGE -> 7;
      case BAD_ANNOTATION -> 8;
      case SELECTS_NOTHING -> 9;
      case PORT_CONFLICT -> 10;
      case TARGET_UNUSED -> 11;
      case ROUTE_UNUSED -> 12;
      case JWT_ON_OPAQUE_PORT -> 13;
      case REGO_ON_OPAQUE_PORT -> 14;
      case KEY_SET_STALE -> 15;
      case BUNDLE_STALE -> 16;
      case BAD_KEY -> 17;
      case SHADOWED -> 18;
      case LIMIT_UNUSED -> 19;
      case ONLY_TRIED -> 20;
      case EVADABLE -> 21;
      case FORWARD_CONFLICT -> 22;
      case NO_IDENTITY -> 23;
      case OPAQUE_PORT -> 24;
      case AUTHENTICATION_UNUSED -> 25;
      case NOT_IN_FORCE -> 26;
    };
  }
}
