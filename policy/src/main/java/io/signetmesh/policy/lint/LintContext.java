package io.signetmesh.policy.lint;

import io.signetmesh.policy.effective.Grants;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.index.PolicySnapshot;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.lint.LintFinding.Severity;
import io.signetmesh.policy.model.ClientPolicyModel;
import io.signetmesh.policy.model.LabelSelection;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RouteModel;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What the rules of one lint run share: the objects by namespace, and what was found so far. */
final class LintContext {
  /** Names compared with misspelt ones in one run; after that, hints are left out. */
  private static final long MAX_COMPARISONS = 1_000_000;

  final Map<ObjectRef, PolicyObject> objects;
  final PolicyConfig config;
  final Grants grants;
  final Map<String, NamespaceContents> namespaces = new TreeMap<>();
  private final PolicySnapshot snapshot;
  private final Map<ObjectRef, Set<ObjectRef>> dependants = new HashMap<>();
  private final Map<LintFinding, Set<ObjectRef>> findings = new TreeMap<>();
  private final NearestNames nearest = new NearestNames(namespaces, MAX_COMPARISONS);

  LintContext(PolicySnapshot snapshot) {
    this.snapshot = snapshot;
    this.objects = snapshot.objects();
    this.config = snapshot.config();
    this.grants = new Grants(config);
    for (PolicyObject object : objects.values()) {
      contents(object).add(object);
      if (object instanceof ClientPolicyModel policy) {
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
  LintReport report() {
    return new LintReport(snapshot, findings, namespaces);
  }

  /** The objects in the namespace of an object. For a namespace, the objects in it. */
  NamespaceContents contents(PolicyObject object) {
    String name =
        object.ref().kind() == ObjectRef.Kind.NAMESPACE
            ? object.ref().name()
            : object.ref().namespace();
    return namespaces.computeIfAbsent(name, key -> new NamespaceContents());
  }

  /** Servers that a route is attached to, or would be. */
  Set<ObjectRef> serversOf(ObjectRef route) {
    Set<ObjectRef> servers = new HashSet<>();
    if (objects.get(route) instanceof RouteModel object) {
      object.servers().forEach(name -> servers.add(server(route.namespace(), name)));
    }
    return servers;
  }

  static ObjectRef server(String namespace, String name) {
    return new ObjectRef(ObjectRef.Kind.SERVER, namespace, name);
  }

  /** Whether a policy requires this authentication. */
  boolean isRequired(ObjectRef authentication) {
    return dependants.containsKey(authentication);
  }

  /** What the policies that require this authentication affect. */
  Set<ObjectRef> affectedBy(ObjectRef authentication) {
    Set<ObjectRef> affected = new HashSet<>();
    for (ObjectRef policy : dependants.getOrDefault(authentication, Set.of())) {
      if (objects.get(policy) instanceof ClientPolicyModel object) {
        switch (Target.of(object).orElse(null)) {
          case null -> {}
          case Target.OneServer(String name) -> affected.add(server(policy.namespace(), name));
          case Target.WholeNamespace whole -> affected.add(ObjectRef.namespace(policy.namespace()));
          case Target.OneRoute(ObjectRef.Kind kind, String lower) -> {
            ObjectRef route = contents(object).routes(kind).get(lower);
            if (route != null) {
              affected.addAll(serversOf(route));
            }
          }
        }
      }
    }
    return affected;
  }

  /** Reports a reference to nothing. Returns what it affects if the nearest name is meant. */
  Set<ObjectRef> dangling(
      PolicyObject holder,
      String field,
      ObjectRef.Kind kind,
      String name,
      Collection<String> known,
      String effect) {
    String namespace = holder.ref().namespace();
    Set<ObjectRef> affected =
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
        affected);
    return affected;
  }

  /** A hint at what a reference to nothing means; empty when that is not known. */
  String suggestion(ObjectRef missing) {
    return nearest
        .of(missing)
        .map(
            meant ->
                meant.namespace().equals(missing.namespace())
                    ? didYouMean(meant.name())
                    : " (there is one in namespace " + meant.namespace() + ")")
        .orElse("");
  }

  /** A hint at the nearest name; empty when none is near. */
  String didYouMean(String name, Collection<String> known) {
    return nearest(name, known).map(LintContext::didYouMean).orElse("");
  }

  private static String didYouMean(String meant) {
    return " (did you mean \"" + meant + "\"?)";
  }

  void selector(
      PolicyObject holder, String field, LabelSelection selector, Set<ObjectRef> affected) {
    for (String expression : selector.malformed()) {
      error(
          holder,
          Rule.NOT_UNDERSTOOD,
          field + ".matchExpressions",
          "selector has the expression \""
              + expression
              + "\": expected In or NotIn with values, Exists or DoesNotExist without; it selects"
              + " nothing",
          affected);
    }
  }

  /** The nearest name, as long as the comparisons last. */
  Optional<String> nearest(String name, Collection<String> known) {
    return nearest.of(name, known);
  }

  void error(
      PolicyObject object, Rule rule, String field, String message, Set<ObjectRef> affected) {
    note(Severity.ERROR, object, rule, field, message, affected);
  }

  void warning(
      PolicyObject object, Rule rule, String field, String message, Set<ObjectRef> affected) {
    note(Severity.WARNING, object, rule, field, message, affected);
  }

  private void note(
      Severity severity,
      PolicyObject object,
      Rule rule,
      String field,
      String message,
      Set<ObjectRef> affected) {
    findings.put(
        new LintFinding(severity, rule, object.ref(), object.origin(), field, message),
        Set.copyOf(affected));
  }
}
