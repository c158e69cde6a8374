package io.signetmesh.policy.index;

import io.signetmesh.crds.manifest.NearestName;
import io.signetmesh.policy.facts.ClientPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.LabelSelection;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.Reference;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.index.Finding.Rule;
import io.signetmesh.policy.index.Finding.Severity;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * All objects as one look over them sees them: by namespace, who depends on whom, which name was
 * probably meant; and what that look finds.
 */
final class Examination {
  /** Names compared with misspelt ones in one look; then hints are left out. */
  private static final long MAX_COMPARISONS = 1_000_000;

  final Map<ObjectRef, Fact> facts;
  final PolicyConfig config;
  final Grants grants;
  final Map<String, NamespaceContents> namespaces = new TreeMap<>();
  private final Map<ObjectRef, Set<ObjectRef>> dependants = new HashMap<>();
  private final Map<Finding, Set<ObjectRef>> findings = new TreeMap<>();
  private long comparisons = MAX_COMPARISONS;

  /**
   * @param facts sorted, and not changed any more
   */
  Examination(Map<ObjectRef, Fact> facts, PolicyConfig config) {
    this.facts = facts;
    this.config = config;
    this.grants = new Grants(config);
    for (Fact fact : facts.values()) {
      contents(fact).add(fact);
      if (fact instanceof ClientPolicyFact policy) {
        for (Reference reference : policy.authentications()) {
          reference
              .resolve(policy.ref().namespace())
              .ifPresent(
                  ref -> dependants.computeIfAbsent(ref, key -> new HashSet<>()).add(policy.ref()));
        }
      }
    }
  }

  /** What was found so far. */
  Diagnosis diagnosis() {
    return new Diagnosis(facts, findings, namespaces);
  }

  /** What there is in the namespace of an object; of a namespace, in it. */
  NamespaceContents contents(Fact fact) {
    String name =
        fact.ref().kind() == ObjectRef.Kind.NAMESPACE ? fact.ref().name() : fact.ref().namespace();
    return namespaces.computeIfAbsent(name, key -> new NamespaceContents());
  }

  /** Servers that a route is attached to, or would be. */
  Set<ObjectRef> serversOf(ObjectRef route) {
    Set<ObjectRef> servers = new HashSet<>();
    if (facts.get(route) instanceof RouteFact fact) {
      fact.servers().forEach(name -> servers.add(server(route.namespace(), name)));
    }
    return servers;
  }

  static ObjectRef server(String namespace, String name) {
    return new ObjectRef(ObjectRef.Kind.SERVER, namespace, name);
  }

  /** What a policy, or a policy that requires this authentication, bears on. */
  Set<ObjectRef> bearing(ObjectRef authentication) {
    Set<ObjectRef> bearing = new HashSet<>();
    for (ObjectRef policy : dependants.getOrDefault(authentication, Set.of())) {
      if (facts.get(policy) instanceof ClientPolicyFact fact) {
        switch (Target.of(fact).orElse(null)) {
          case null -> {}
          case Target.OneServer(String name) -> bearing.add(server(policy.namespace(), name));
          case Target.WholeNamespace whole -> bearing.add(ObjectRef.namespace(policy.namespace()));
          case Target.OneRoute(ObjectRef.Kind kind, String lower) -> {
            ObjectRef route = contents(fact).routes(kind).get(lower);
            if (route != null) {
              bearing.addAll(serversOf(route));
            }
          }
        }
      }
    }
    return bearing;
  }

  /** A reference to nothing; what it bears on if the nearest name was meant. */
  Set<ObjectRef> dangling(
      Fact holder,
      String field,
      ObjectRef.Kind kind,
      String name,
      Collection<String> known,
      String effect) {
    String namespace = holder.ref().namespace();
    Set<ObjectRef> bearing =
        nearest(name, known)
            .map(near -> Set.of(new ObjectRef(kind, namespace, near)))
            .orElse(Set.of());
    error(
        holder,
        Rule.DANGLING_REFERENCE,
        field,
        field
            + " names the "
            + kind.resourceKind()
            + " \""
            + name
            + "\", but namespace "
            + namespace
            + " has none of that name"
            + didYouMean(name, known)
            + effect,
        bearing);
    return bearing;
  }

  /** What was probably meant by a reference to what is not there; empty when unknown. */
  String suggestion(ObjectRef missing) {
    NamespaceContents namespace = namespaces.get(missing.namespace());
    String near =
        didYouMean(missing.name(), namespace == null ? Set.of() : namespace.names(missing.kind()));
    if (!near.isEmpty()) {
      return near;
    }
    comparisons -= namespaces.size();
    for (Map.Entry<String, NamespaceContents> other : namespaces.entrySet()) {
      if (comparisons >= 0 && other.getValue().names(missing.kind()).contains(missing.name())) {
        return " (there is one in namespace " + other.getKey() + ")";
      }
    }
    return "";
  }

  String didYouMean(String name, Collection<String> known) {
    return nearest(name, known).map(near -> " (did you mean \"" + near + "\"?)").orElse("");
  }

  void selector(Fact holder, String field, LabelSelection selector, Set<ObjectRef> bearing) {
    for (String expression : selector.malformed()) {
      error(
          holder,
          Rule.NOT_UNDERSTOOD,
          field + ".matchExpressions",
          "selector has the expression \""
              + expression
              + "\": expected In or NotIn with values, Exists or DoesNotExist without; it selects"
              + " nothing",
          bearing);
    }
  }

  /** The nearest name, as long as looking for such has not taken too long. */
  Optional<String> nearest(String name, Collection<String> known) {
    comparisons -= (long) known.size() * (1 + name.length() / 16);
    return comparisons < 0 ? Optional.empty() : NearestName.of(name, known);
  }

  void error(Fact fact, Rule rule, String field, String message, Set<ObjectRef> bearing) {
    note(Severity.ERROR, fact, rule, field, message, bearing);
  }

  void warning(Fact fact, Rule rule, String field, String message, Set<ObjectRef> bearing) {
    note(Severity.WARNING, fact, rule, field, message, bearing);
  }

  private void note(
      Severity severity,
      Fact fact,
      Rule rule,
      String field,
      String message,
      Set<ObjectRef> bearing) {
    findings.put(
        new Finding(severity, rule, fact.ref(), fact.origin(), field, message),
        Set.copyOf(bearing));
  }
}
