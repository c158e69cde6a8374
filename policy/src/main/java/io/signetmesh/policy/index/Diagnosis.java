package io.signetmesh.policy.index;

import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.WorkloadFact;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What is wrong with the objects of one generation, and what it bears on. */
final class Diagnosis {
  private final Map<Finding, Set<ObjectRef>> findings;
  private final List<Finding> all;
  private final Map<ObjectRef, Fact> facts;
  private final Map<String, NamespaceContents> namespaces;

  /**
   * @param facts the objects, sorted
   * @param findings each with the Servers, workloads and namespaces that it bears on, or would if
   *     it were mended; sorted
   */
  Diagnosis(
      Map<ObjectRef, Fact> facts,
      Map<Finding, Set<ObjectRef>> findings,
      Map<String, NamespaceContents> namespaces) {
    this.facts = facts;
    this.findings = findings;
    this.all = List.copyOf(findings.keySet());
    this.namespaces = namespaces;
  }

  /** All of them, sorted. */
  List<Finding> all() {
    return all;
  }

  /**
   * The policy objects, sorted, each with whether it bears on a port.
   *
   * @param bearing the objects that bear on one
   */
  List<ObjectReach> reaches(Set<ObjectRef> bearing) {
    return new Reaches(facts, namespaces, all, bearing).collect();
  }

  /** Mends what findings are about. */
  Mending mending(PolicyConfig config) {
    return new Mending(facts, namespaces, config);
  }

  /** Those that bear on a port, most telling first. */
  List<Finding> of(WorkloadFact workload, int port) {
    NamespaceContents namespace = namespaces.get(workload.ref().namespace());
    Set<ObjectRef> near = new HashSet<>();
    near.add(workload.ref());
    if (namespace != null) {
      for (ServerFact server : namespace.servers.values()) {
        boolean selects =
            server.selects(workload) && NamespaceContents.ports(server, workload).contains(port);
        // One that selects nothing, but would have this port if it selected the workload.
        boolean would =
            server.workloads() == workload.ref().kind()
                && !namespace.serves(server)
                && (server.port() instanceof ServerFact.Port.ByNumber(int number)
                    ? number == port
                    : server.selects(workload)
                        || NamespaceContents.ports(server, workload).contains(port));
        if (selects || would) {
          near.add(server.ref());
        }
      }
    }
    ObjectRef around = ObjectRef.namespace(workload.ref().namespace());
    record Ranked(Finding finding, boolean direct) {}
    List<Ranked> ranked = new ArrayList<>();
    findings.forEach(
        (finding, bearing) -> {
          boolean direct = near.contains(finding.object());
          for (ObjectRef ref : bearing) {
            direct |= near.contains(ref);
          }
          if (direct || bearing.contains(around)) {
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

  /** How likely it is why someone is refused. */
  static int rank(Finding.Rule rule) {
    return switch (rule) {
      case DANGLING_REFERENCE -> 0;
      case BAD_TARGET -> 1;
      case NOT_UNDERSTOOD -> 2;
      case NOT_ENFORCED -> 3;
      case BAD_AUTHENTICATIONS -> 4;
      case NEVER_MATCHES -> 5;
      case BAD_ANNOTATION -> 6;
      case SELECTS_NOTHING -> 7;
      case PORT_CONFLICT -> 8;
      case TARGET_UNUSED -> 9;
      case ROUTE_UNUSED -> 10;
      case JWT_ON_OPAQUE_PORT -> 11;
      case SHADOWED -> 12;
      case LIMIT_UNUSED -> 13;
      case ONLY_TRIED -> 14;
      case EVADABLE -> 15;
      case NO_IDENTITY -> 16;
      case OPAQUE_PORT -> 17;
      case NOT_IN_FORCE -> 18;
    };
  }
}
