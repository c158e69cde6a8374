package io.signetmesh.policy.index;

import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.IdentityMatch;
import io.signetmesh.policy.facts.LabelSelection;
import io.signetmesh.policy.facts.MeshTlsFact;
import io.signetmesh.policy.facts.NamespaceFact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.NetworkMatch;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.RateLimitFact;
import io.signetmesh.policy.facts.Reference;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.ServiceAccountFact;
import io.signetmesh.policy.facts.UnusableFact;
import io.signetmesh.policy.facts.WorkloadFact;
import io.signetmesh.policy.index.Finding.Rule;
import io.signetmesh.policy.index.Finding.Severity;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;

/** Looks over all objects for what is wrong or hardly meant. */
final class Findings {
  private final Map<ObjectRef, Fact> facts;
  private final Map<String, NamespaceState> namespaces;
  private final Grants grants;
  private final SortedSet<Finding> findings = new TreeSet<>();

  Findings(Map<ObjectRef, Fact> facts, Map<String, NamespaceState> namespaces, Grants grants) {
    this.facts = facts;
    this.namespaces = namespaces;
    this.grants = grants;
  }

  List<Finding> collect() {
    for (Fact fact : facts.values()) {
      switch (fact) {
        case UnusableFact unusable ->
            error(unusable, Rule.NOT_UNDERSTOOD, unusable.reason() + "; it grants nothing");
        case ServerFact server -> server(server);
        case AuthorizationPolicyFact policy -> policy(policy);
        case ServerAuthorizationFact authorization -> serverAuthorization(authorization);
        case MeshTlsFact authentication -> meshTls(authentication);
        case NetworkFact authentication ->
            networks(authentication, "spec.networks", authentication.networks());
        case RouteFact route -> route(route);
        case DenyPolicyFact policy -> {}
        case RateLimitFact limits -> {}
        case WorkloadFact workload -> {}
        case NamespaceFact namespace -> {}
        case ServiceAccountFact account -> {}
      }
    }
    for (NamespaceState namespace : namespaces.values()) {
      for (WorkloadState workload : namespace.workloads.values()) {
        workload(workload);
      }
    }
    return List.copyOf(findings);
  }

  private void server(ServerFact server) {
    if (server.flaw() != null) {
      error(
          server,
          Rule.NOT_UNDERSTOOD,
          server.flaw() + "; no one is allowed on the ports that it selects");
    }
    selector(server, server.selector());
    NamespaceState namespace = namespace(server);
    boolean selects = false;
    for (WorkloadState workload : namespace.workloads.values()) {
      if (server.selects(workload.fact)) {
        selects = true;
        if (!(server.port() instanceof ServerFact.Port.ByName(String name))
            || !workload.fact.portsNamed(name).isEmpty()) {
          return;
        }
      }
    }
    String what =
        server.workloads() == ObjectRef.Kind.POD ? "podSelector" : "externalWorkloadSelector";
    warning(
        server,
        Rule.SELECTS_NOTHING,
        selects && server.port() instanceof ServerFact.Port.ByName(String name)
            ? "spec.port names \"" + name + "\", which no selected workload declares"
            : "spec." + what + " selects no workload of namespace " + server.ref().namespace());
  }

  private void policy(AuthorizationPolicyFact policy) {
    NamespaceState namespace = namespace(policy);
    Target target = Target.of(policy).orElse(null);
    if (target == null) {
      error(
          policy,
          Rule.BAD_TARGET,
          "spec.targetRef is "
              + policy.target()
              + ": expected a Server, HTTPRoute or GRPCRoute, or the Namespace "
              + policy.ref().namespace()
              + " itself; it grants nothing");
    } else if (!exists(namespace, target)) {
      error(
          policy,
          Rule.DANGLING_REFERENCE,
          "spec.targetRef is "
              + policy.target()
              + ", but namespace "
              + policy.ref().namespace()
              + " has no such object"
              + suggestion(namespace, target)
              + "; it grants nothing");
    }
    grant(policy, grants.of(policy, facts::get));
    for (Reference reference : policy.authentications()) {
      if (reference.isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
        serviceAccount(policy, reference);
      }
    }
  }

  private boolean exists(NamespaceState namespace, Target target) {
    return switch (target) {
      case Target.OneServer(String name) -> namespace.servers.containsKey(name);
      case Target.WholeNamespace whole -> true;
      case Target.OneRoute route ->
          facts.keySet().stream()
              .anyMatch(
                  ref ->
                      ref.kind() == route.kind()
                          && ref.name().toLowerCase(Locale.ROOT).equals(route.name())
                          && namespaces.get(ref.namespace()) == namespace);
    };
  }

  private static String suggestion(NamespaceState namespace, Target target) {
    if (!(target instanceof Target.OneServer(String name))) {
      return "";
    }
    return namespace.servers.keySet().stream()
        .filter(candidate -> oneEditApart(candidate, name))
        .sorted()
        .findFirst()
        .map(candidate -> " (there is a Server " + candidate + ")")
        .orElse("");
  }

  private void serverAuthorization(ServerAuthorizationFact authorization) {
    grant(authorization, grants.of(authorization));
    networks(authorization, "spec.client.networks", authorization.networks());
    LabelSelection selector = authorization.serverSelector();
    if (selector != null) {
      selector(authorization, selector);
    }
    ServerAuthorizationFact.MeshTls tls = authorization.meshTls();
    if (tls != null) {
      tls.identities().forEach(identity -> identity(authorization, identity));
      tls.serviceAccounts().forEach(account -> serviceAccount(authorization, account));
    }
    NamespaceState namespace = namespace(authorization);
    if (namespace.servers.values().stream()
        .noneMatch(server -> authorization.selects(server.fact))) {
      String name = authorization.serverName();
      if (name != null) {
        error(
            authorization,
            Rule.DANGLING_REFERENCE,
            "spec.server.name is \""
                + name
                + "\", but namespace "
                + authorization.ref().namespace()
                + " has no such Server"
                + suggestion(namespace, new Target.OneServer(name))
                + "; it grants nothing");
      } else {
        warning(
            authorization,
            Rule.SELECTS_NOTHING,
            "spec.server.selector selects no Server of namespace "
                + authorization.ref().namespace());
      }
    }
  }

  private void meshTls(MeshTlsFact authentication) {
    authentication.identities().forEach(identity -> identity(authentication, identity));
    for (Reference reference : authentication.references()) {
      if (reference.isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
        serviceAccount(authentication, reference);
      }
    }
  }

  private void identity(Fact holder, IdentityMatch match) {
    if (match instanceof IdentityMatch.Exact(String identity)
        && !identity.startsWith("spiffe://")
        && (identity.indexOf('*') >= 0
            || !identity.equals(identity.toLowerCase(Locale.ROOT))
            || identity.endsWith("."))) {
      warning(
          holder,
          Rule.NEVER_MATCHES,
          "identity \""
              + identity
              + "\" matches no certificate: expected a lower-case DNS name, whose first label may be"
              + " *, or a SPIFFE id");
    }
  }

  private void networks(Fact holder, String field, List<NetworkMatch> networks) {
    for (NetworkMatch match : networks) {
      if (match.isVoid()) {
        warning(
            holder,
            Rule.NEVER_MATCHES,
            field + ": the exceptions of " + match.network() + " leave no address");
        continue;
      }
      match.except().stream()
          .filter(hole -> !match.network().contains(hole))
          .forEach(
              hole ->
                  warning(
                      holder,
                      Rule.NEVER_MATCHES,
                      field + ": exception " + hole + " is not within " + match.network()));
    }
  }

  private void serviceAccount(Fact holder, Reference reference) {
    String own = holder.ref().namespace();
    String namespace = reference.namespace() == null ? own : reference.namespace();
    ObjectRef ref = new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, namespace, reference.name());
    Predicate<ObjectRef> sibling =
        other ->
            other.kind() == ObjectRef.Kind.SERVICE_ACCOUNT && other.namespace().equals(namespace);
    // A view without any service account of the namespace is one that does not list them.
    if (!facts.containsKey(ref) && facts.keySet().stream().anyMatch(sibling)) {
      warning(holder, Rule.DANGLING_REFERENCE, "refers to " + ref + ", which is not there");
    }
  }

  private void route(RouteFact route) {
    NamespaceState namespace = namespace(route);
    for (String name : route.servers()) {
      ServerState server = namespace.servers.get(name);
      if (server == null) {
        error(
            route,
            Rule.DANGLING_REFERENCE,
            "spec.parentRefs name the Server \""
                + name
                + "\", but namespace "
                + route.ref().namespace()
                + " has none of that name"
                + suggestion(namespace, new Target.OneServer(name)));
        continue;
      }
      ProxyProtocol protocol = server.fact.protocol();
      boolean used =
          route.ref().kind() == ObjectRef.Kind.GRPC_ROUTE
              ? protocol == ProxyProtocol.GRPC
              : Messages.hasHttpRoutes(protocol);
      if (!used) {
        warning(
            route,
            Rule.ROUTE_UNUSED,
            "is attached to the Server "
                + name
                + ", whose protocol "
                + protocol.wireName()
                + " has no use for it");
      }
    }
  }

  private void workload(WorkloadState workload) {
    for (String problem : workload.settings.problems()) {
      error(workload.fact, Rule.BAD_ANNOTATION, "annotation " + problem);
    }
    for (WorkloadState.Conflict conflict : workload.conflicts) {
      warning(
          conflict.loser().fact,
          Rule.PORT_CONFLICT,
          "port "
              + conflict.port()
              + " of "
              + workload.fact.ref()
              + " belongs to the older "
              + conflict.winner().fact.ref()
              + "; this Server has no effect there");
    }
  }

  private void selector(Fact holder, LabelSelection selector) {
    for (String expression : selector.malformed()) {
      error(
          holder,
          Rule.NOT_UNDERSTOOD,
          "selector has the expression \""
              + expression
              + "\": expected In or NotIn with values, Exists or DoesNotExist without; it selects"
              + " nothing");
    }
  }

  private void grant(Fact holder, Grant grant) {
    if (grant instanceof Grant.Nothing(List<Grant.Reason> reasons)) {
      reasons.forEach(
          reason -> error(holder, reason.rule(), reason.message() + "; it grants nothing"));
    }
  }

  private NamespaceState namespace(Fact fact) {
    return namespaces.getOrDefault(fact.ref().namespace(), new NamespaceState());
  }

  private void error(Fact fact, Rule rule, String message) {
    findings.add(new Finding(Severity.ERROR, rule, fact.ref(), fact.origin(), message));
  }

  private void warning(Fact fact, Rule rule, String message) {
    findings.add(new Finding(Severity.WARNING, rule, fact.ref(), fact.origin(), message));
  }

  /**
   * Whether one insertion, removal or replacement of a character, or an exchange of two neighbours,
   * leads from one to the other.
   */
  static boolean oneEditApart(String left, String right) {
    if (Math.abs(left.length() - right.length()) > 1 || left.equals(right)) {
      return false;
    }
    int shorter = Math.min(left.length(), right.length());
    int start = 0;
    while (start < shorter && left.charAt(start) == right.charAt(start)) {
      start++;
    }
    int end = 0;
    while (end < shorter - start
        && left.charAt(left.length() - 1 - end) == right.charAt(right.length() - 1 - end)) {
      end++;
    }
    boolean exchanged =
        left.length() == right.length()
            && left.length() - start - end == 2
            && left.charAt(start) == right.charAt(start + 1)
            && left.charAt(start + 1) == right.charAt(start);
    return exchanged || Math.max(left.length(), right.length()) - start - end <= 1;
  }
}
