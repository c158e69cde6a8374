package io.signetmesh.policy.index;

import io.signetmesh.crds.manifest.NearestName;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.ClientPolicyFact;
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
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Looks over all objects for what is wrong or hardly meant. Works on a copy of the facts and by
 * namespace, so the time it takes grows with the number of objects and not with its square.
 */
final class Findings {
  /** Names compared with misspelt ones in one look; then hints are left out. */
  private static final long MAX_COMPARISONS = 1_000_000;

  private long comparisons = MAX_COMPARISONS;
  private final Map<ObjectRef, Fact> facts;
  private final PolicyConfig config;
  private final Grants grants;
  private final Map<String, NamespaceContents> namespaces = new TreeMap<>();
  private final Map<ObjectRef, Set<ObjectRef>> dependants = new HashMap<>();
  private final Map<Finding, Set<ObjectRef>> findings = new TreeMap<>();

  /**
   * @param facts sorted, and not changed any more
   */
  Findings(Map<ObjectRef, Fact> facts, PolicyConfig config) {
    this.facts = facts;
    this.config = config;
    this.grants = new Grants(config);
  }

  Diagnosis collect() {
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
    for (Fact fact : facts.values()) {
      switch (fact) {
        case UnusableFact unusable -> unusable(unusable);
        case ServerFact server -> server(server);
        case AuthorizationPolicyFact policy -> policy(policy);
        case DenyPolicyFact policy -> policy(policy);
        case ServerAuthorizationFact authorization -> serverAuthorization(authorization);
        case MeshTlsFact authentication -> meshTls(authentication);
        case NetworkFact authentication ->
            networks(
                authentication,
                "spec.networks",
                authentication.networks(),
                bearing(authentication.ref()));
        case RouteFact route -> route(route);
        case RateLimitFact limits -> rateLimit(limits);
        case WorkloadFact workload -> annotations(workload);
        case NamespaceFact namespace -> {}
        case ServiceAccountFact account -> {}
      }
    }
    for (NamespaceContents namespace : namespaces.values()) {
      conflicts(namespace);
      tried(namespace);
      new Shadows(namespace, facts, grants, this::warning).look();
    }
    return new Diagnosis(facts, findings, namespaces);
  }

  private void unusable(UnusableFact unusable) {
    error(
        unusable,
        Rule.NOT_UNDERSTOOD,
        "",
        unusable.reason()
            + (unusable.ref().kind() == ObjectRef.Kind.RATE_LIMIT_POLICY
                ? "; it limits nothing"
                : "; it grants nothing"),
        unusable.ref().kind() == ObjectRef.Kind.MESH_TLS_AUTHENTICATION
                || unusable.ref().kind() == ObjectRef.Kind.NETWORK_AUTHENTICATION
            ? bearing(unusable.ref())
            // What it would be about is not known.
            : Set.of(ObjectRef.namespace(unusable.ref().namespace())));
  }

  private void server(ServerFact server) {
    Set<ObjectRef> itself = Set.of(server.ref());
    if (server.flaw() != null) {
      error(
          server,
          Rule.NOT_UNDERSTOOD,
          "spec",
          server.flaw() + "; no one is allowed on the ports that it selects",
          itself);
    }
    boolean pods = server.workloads() == ObjectRef.Kind.POD;
    String selector = pods ? "podSelector" : "externalWorkloadSelector";
    selector(server, "spec." + selector, server.selector(), itself);
    NamespaceContents namespace = contents(server);
    if (namespace.serves(server)) {
      return;
    }
    if (namespace.selects(server) && server.port() instanceof ServerFact.Port.ByName(String name)) {
      Set<String> declared = namespace.portNames(server);
      warning(
          server,
          Rule.SELECTS_NOTHING,
          "spec.port",
          "spec.port names \""
              + name
              + "\", which no selected workload declares"
              + didYouMean(name, declared),
          itself);
    } else {
      warning(
          server,
          Rule.SELECTS_NOTHING,
          "spec." + selector,
          "spec."
              + selector
              + " selects no "
              + (pods ? "workload" : "ExternalWorkload")
              + " of namespace "
              + server.ref().namespace(),
          itself);
    }
  }

  // --- AuthorizationPolicies and DenyPolicies ---

  private void policy(ClientPolicyFact policy) {
    Set<ObjectRef> bearing = target(policy);
    boolean denies = policy instanceof DenyPolicyFact;
    List<Grant.Reason> reasons =
        switch (policy) {
          case DenyPolicyFact denial -> grants.of(denial, facts::get).reasons();
          case AuthorizationPolicyFact grant -> reasons(grants.of(grant, facts::get));
        };
    for (Grant.Reason reason : reasons) {
      String effect =
          !denies
              ? "; it grants nothing"
              : reason.rule() == Rule.NEVER_MATCHES
                  ? "; it refuses no one"
                  : "; that counts as passed, so it refuses more than is written";
      ObjectRef missing = reason.missing();
      error(
          policy,
          reason.rule(),
          reason.field(),
          reason.message() + (missing == null ? "" : suggestion(missing)) + effect,
          bearing);
    }
    for (int i = 0; i < policy.authentications().size(); i++) {
      Reference reference = policy.authentications().get(i);
      String field = "spec.requiredAuthenticationRefs[" + i + "]";
      if (reference.isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
        serviceAccount(policy, field, reference, bearing);
      } else if (Grants.isJwt(reference)
          && policy.target().isA(ObjectRef.Kind.SERVER)
          && contents(policy).isOpaque(policy.target().name())) {
        warning(
            policy,
            Rule.JWT_ON_OPAQUE_PORT,
            field,
            "requires "
                + reference
                + ", but the Server "
                + policy.target().name()
                + " is opaque or TLS, where no request and so no token is seen",
            bearing);
      }
    }
  }

  private static List<Grant.Reason> reasons(Grant grant) {
    return grant instanceof Grant.Nothing(List<Grant.Reason> reasons) ? reasons : List.of();
  }

  /** Looks at the target; what the policy bears on, or would if its target were mended. */
  private Set<ObjectRef> target(ClientPolicyFact policy) {
    String own = policy.ref().namespace();
    String effect =
        policy instanceof DenyPolicyFact ? "; it refuses no one" : "; it grants nothing";
    Target target = Target.of(policy).orElse(null);
    return switch (target) {
      case null -> {
        error(
            policy,
            Rule.BAD_TARGET,
            "spec.targetRef",
            "spec.targetRef is "
                + policy.target()
                + ": expected a Server, HTTPRoute or GRPCRoute, or the Namespace "
                + own
                + " itself"
                + effect,
            Set.of(ObjectRef.namespace(own)));
        yield Set.of(ObjectRef.namespace(own));
      }
      case Target.WholeNamespace whole -> Set.of(ObjectRef.namespace(own));
      case Target.OneServer(String name) -> serverTarget(policy, name, effect);
      case Target.OneRoute(ObjectRef.Kind kind, String lower) ->
          routeTarget(policy, kind, lower, effect);
    };
  }

  private Set<ObjectRef> serverTarget(ClientPolicyFact policy, String name, String effect) {
    NamespaceContents namespace = contents(policy);
    ServerFact server = namespace.servers.get(name);
    if (server == null) {
      return dangling(
          policy,
          "spec.targetRef.name",
          ObjectRef.Kind.SERVER,
          name,
          namespace.servers.keySet(),
          effect);
    }
    if (server.mode() == EnforcementMode.AUDIT && policy.mode() == EnforcementMode.ENFORCE) {
      String message =
          "its target " + server.ref() + " is in mode audit, so this policy is only tried with it";
      if (policy instanceof DenyPolicyFact) {
        error(policy, Rule.TARGET_UNUSED, "spec.targetRef", message + effect, Set.of(server.ref()));
      } else {
        warning(policy, Rule.TARGET_UNUSED, "spec.targetRef", message, Set.of(server.ref()));
      }
    }
    return Set.of(server.ref());
  }

  private Set<ObjectRef> routeTarget(
      ClientPolicyFact policy, ObjectRef.Kind kind, String lower, String effect) {
    NamespaceContents namespace = contents(policy);
    Map<String, ObjectRef> routes = namespace.routes(kind);
    ObjectRef ref = routes.get(lower);
    if (ref == null) {
      String name = policy.target().name();
      Map<ObjectRef.Kind, ObjectRef> others = namespace.routesNamed(lower);
      String hint;
      if (!others.isEmpty()) {
        ObjectRef other = others.values().iterator().next();
        hint = " (there is one of group " + other.kind().group() + ")";
        if (kind == ObjectRef.Kind.GRPC_ROUTE || other.kind() == ObjectRef.Kind.GRPC_ROUTE) {
          hint = " (there is a " + other.kind().resourceKind() + " of that name)";
        }
        ref = other;
      } else {
        Set<String> names = new HashSet<>();
        routes.values().forEach(route -> names.add(route.name()));
        hint = didYouMean(name, names);
        ref =
            nearest(name, names)
                .map(near -> routes.get(near.toLowerCase(Locale.ROOT)))
                .orElse(null);
      }
      Set<ObjectRef> bearing = ref == null ? Set.of() : serversOf(ref);
      error(
          policy,
          Rule.DANGLING_REFERENCE,
          "spec.targetRef.name",
          "spec.targetRef names the "
              + policy.target().kind()
              + " \""
              + name
              + "\" of group "
              + kind.group()
              + ", but namespace "
              + policy.ref().namespace()
              + " has none of that name"
              + hint
              + effect,
          bearing);
      return bearing;
    }
    Set<ObjectRef> bearing = serversOf(ref);
    if (facts.get(ref) instanceof RouteFact route
        && route.servers().stream()
            .map(namespace.servers::get)
            .noneMatch(server -> server != null && route.isUsedBy(server.protocol()))) {
      warning(
          policy,
          Rule.TARGET_UNUSED,
          "spec.targetRef",
          "its target " + ref + " is used by no Server" + effect,
          bearing);
    } else if (facts.get(ref) == null || facts.get(ref) instanceof UnusableFact) {
      warning(
          policy,
          Rule.TARGET_UNUSED,
          "spec.targetRef",
          "its target " + ref + " is not understood" + effect,
          bearing);
    }
    return bearing;
  }

  private Set<ObjectRef> serversOf(ObjectRef route) {
    Set<ObjectRef> servers = new HashSet<>();
    if (facts.get(route) instanceof RouteFact fact) {
      fact.servers().forEach(name -> servers.add(server(route.namespace(), name)));
    }
    return servers;
  }

  private static ObjectRef server(String namespace, String name) {
    return new ObjectRef(ObjectRef.Kind.SERVER, namespace, name);
  }

  /** What a policy, or a policy that requires this authentication, bears on. */
  private Set<ObjectRef> bearing(ObjectRef authentication) {
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

  // --- ServerAuthorizations ---

  private void serverAuthorization(ServerAuthorizationFact authorization) {
    NamespaceContents namespace = contents(authorization);
    Set<ObjectRef> bearing = new HashSet<>();
    for (ServerFact server : namespace.servers.values()) {
      if (authorization.selects(server)) {
        bearing.add(server.ref());
      }
    }
    if (bearing.isEmpty()) {
      String name = authorization.serverName();
      if (name != null) {
        bearing.addAll(
            dangling(
                authorization,
                "spec.server.name",
                ObjectRef.Kind.SERVER,
                name,
                namespace.servers.keySet(),
                "; it grants nothing"));
      } else {
        bearing.add(ObjectRef.namespace(authorization.ref().namespace()));
        warning(
            authorization,
            Rule.SELECTS_NOTHING,
            "spec.server.selector",
            "spec.server.selector selects no Server of namespace "
                + authorization.ref().namespace(),
            bearing);
      }
    }
    for (Grant.Reason reason : reasons(grants.of(authorization))) {
      error(
          authorization,
          reason.rule(),
          reason.field(),
          reason.message() + "; it grants nothing",
          bearing);
    }
    networks(authorization, "spec.client.networks", authorization.networks(), bearing);
    LabelSelection selector = authorization.serverSelector();
    if (selector != null) {
      selector(authorization, "spec.server.selector", selector, bearing);
    }
    ServerAuthorizationFact.MeshTls tls = authorization.meshTls();
    if (tls != null) {
      identities(authorization, "spec.client.meshTLS.identities", tls.identities(), bearing);
      for (int i = 0; i < tls.serviceAccounts().size(); i++) {
        serviceAccount(
            authorization,
            "spec.client.meshTLS.serviceAccounts[" + i + "]",
            tls.serviceAccounts().get(i),
            bearing);
      }
    }
  }

  // --- Authentications ---

  private void meshTls(MeshTlsFact authentication) {
    Set<ObjectRef> bearing = bearing(authentication.ref());
    identities(authentication, "spec.identities", authentication.identities(), bearing);
    for (int i = 0; i < authentication.references().size(); i++) {
      Reference reference = authentication.references().get(i);
      String field = "spec.identityRefs[" + i + "]";
      if (reference.isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
        serviceAccount(authentication, field, reference, bearing);
      } else if (reference.isA(ObjectRef.Kind.NAMESPACE)) {
        clientNamespace(authentication, field, reference.name(), bearing);
      }
    }
  }

  private void identities(
      Fact holder, String field, List<IdentityMatch> matches, Set<ObjectRef> bearing) {
    for (int i = 0; i < matches.size(); i++) {
      String place = field + "[" + i + "]";
      switch (matches.get(i)) {
        case IdentityMatch.Exact(String identity) -> identity(holder, place, identity, bearing);
        case IdentityMatch.Suffix(List<String> labels) -> {
          String suffix = String.join(".", labels);
          int dot = suffix.indexOf('.');
          if (dot > 0 && suffix.equals(config.identitySuffix(suffix.substring(0, dot)))) {
            clientNamespace(holder, place, suffix.substring(0, dot), bearing);
          }
        }
      }
    }
  }

  private void identity(Fact holder, String field, String identity, Set<ObjectRef> bearing) {
    if (identity.startsWith("spiffe://")) {
      return;
    }
    if (identity.indexOf('*') >= 0
        || !identity.equals(identity.toLowerCase(Locale.ROOT))
        || identity.endsWith(".")) {
      warning(
          holder,
          Rule.NEVER_MATCHES,
          field,
          "identity \""
              + identity
              + "\" matches no certificate: expected a lower-case DNS name, whose first label may be"
              + " *, or a SPIFFE id",
          bearing);
      return;
    }
    String[] labels = identity.split("\\.", 3);
    if (labels.length == 3 && identity.equals(config.identity(labels[0], labels[1]))) {
      account(
          holder,
          field,
          "identity \"" + identity + "\" is that of ",
          labels[0],
          labels[1],
          bearing);
    }
  }

  private void serviceAccount(
      Fact holder, String field, Reference reference, Set<ObjectRef> bearing) {
    String namespace =
        reference.namespace() == null ? holder.ref().namespace() : reference.namespace();
    account(holder, field, "refers to ", reference.name(), namespace, bearing);
  }

  private void account(
      Fact holder, String field, String what, String name, String ns, Set<ObjectRef> bearing) {
    NamespaceContents namespace = namespaces.get(ns);
    if (namespace == null || name.equals("default")) {
      return;
    }
    Set<String> known = namespace.accounts(config);
    String near = didYouMean(name, known);
    // Where no accounts are listed, those of workloads are known; there may be others.
    boolean listed = !namespace.names(ObjectRef.Kind.SERVICE_ACCOUNT).isEmpty();
    if (known.contains(name) || (!listed && near.isEmpty())) {
      return;
    }
    warning(
        holder,
        Rule.DANGLING_REFERENCE,
        field,
        what
            + new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, ns, name)
            + ", which is not there"
            + near,
        bearing);
  }

  private void clientNamespace(Fact holder, String field, String name, Set<ObjectRef> bearing) {
    if (namespaces.containsKey(name)) {
      return;
    }
    String near = didYouMean(name, namespaces.keySet());
    // Clients may be elsewhere; only what looks like a slip is worth a word.
    if (!near.isEmpty()) {
      warning(
          holder,
          Rule.DANGLING_REFERENCE,
          field,
          "is about clients of namespace " + name + ", which has no objects here" + near,
          bearing);
    }
  }

  private void networks(
      Fact holder, String field, List<NetworkMatch> networks, Set<ObjectRef> bearing) {
    for (int i = 0; i < networks.size(); i++) {
      NetworkMatch match = networks.get(i);
      String place = field + "[" + i + "]";
      if (match.isVoid()) {
        warning(
            holder,
            Rule.NEVER_MATCHES,
            place + ".except",
            field + ": the exceptions of " + match.network() + " leave no address",
            bearing);
        continue;
      }
      match.except().stream()
          .filter(hole -> !match.network().contains(hole))
          .forEach(
              hole ->
                  warning(
                      holder,
                      Rule.NEVER_MATCHES,
                      place + ".except",
                      field + ": exception " + hole + " is not within " + match.network(),
                      bearing));
    }
  }

  // --- Routes and rate limits ---

  private void route(RouteFact route) {
    NamespaceContents namespace = contents(route);
    Set<ObjectRef> bearing = serversOf(route.ref());
    for (RouteFact.Flaw flaw : route.flaws()) {
      error(route, Rule.NOT_UNDERSTOOD, flaw.field(), flaw.message(), bearing);
    }
    for (String name : route.servers()) {
      ServerFact server = namespace.servers.get(name);
      if (server == null) {
        dangling(
            route,
            "spec.parentRefs",
            ObjectRef.Kind.SERVER,
            name,
            namespace.servers.keySet(),
            "; the route is not used there");
        continue;
      }
      ProxyProtocol protocol = server.protocol();
      if (!route.isUsedBy(protocol)) {
        warning(
            route,
            Rule.ROUTE_UNUSED,
            "spec.parentRefs",
            "is attached to the Server "
                + name
                + ", whose protocol "
                + protocol.wireName()
                + " has no use for it",
            Set.of(server.ref()));
      } else if (namespace.hasGrpcRoute(name) && route.ref().kind() != ObjectRef.Kind.GRPC_ROUTE) {
        warning(
            route,
            Rule.ROUTE_UNUSED,
            "spec.parentRefs",
            "is attached to the Server "
                + name
                + " beside a GRPCRoute, which Linkerd prefers; authorizations of this route grant"
                + " nothing there",
            Set.of(server.ref()));
      }
    }
  }

  private void rateLimit(RateLimitFact limits) {
    NamespaceContents namespace = contents(limits);
    Reference target = limits.target();
    Set<ObjectRef> bearing = Set.of();
    if (!target.isA(ObjectRef.Kind.SERVER)) {
      error(
          limits,
          Rule.BAD_TARGET,
          "spec.targetRef",
          "spec.targetRef is " + target + ": expected a Server; it limits nothing",
          bearing);
    } else {
      ServerFact server = namespace.servers.get(target.name());
      if (server == null) {
        bearing =
            dangling(
                limits,
                "spec.targetRef.name",
                ObjectRef.Kind.SERVER,
                target.name(),
                namespace.servers.keySet(),
                "; it limits nothing");
      } else {
        bearing = Set.of(server.ref());
        RateLimitFact first = namespace.limits.get(target.name());
        if (!Messages.hasRateLimits(server.protocol())) {
          warning(
              limits,
              Rule.LIMIT_UNUSED,
              "spec.targetRef",
              "limits requests of "
                  + server.ref()
                  + ", whose protocol "
                  + server.protocol().wireName()
                  + " has none",
              bearing);
        } else if (first != null && !first.ref().equals(limits.ref())) {
          error(
              limits,
              Rule.LIMIT_UNUSED,
              "spec.targetRef",
              server.ref() + " is limited by the older " + first.ref() + "; this one is not used",
              bearing);
        }
      }
    }
    for (int i = 0; i < limits.overrides().size(); i++) {
      List<Reference> clients = limits.overrides().get(i).clients();
      for (int j = 0; j < clients.size(); j++) {
        String field = "spec.overrides[" + i + "].clientRefs[" + j + "]";
        if (clients.get(j).isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
          serviceAccount(limits, field, clients.get(j), bearing);
        } else {
          error(
              limits,
              Rule.NOT_UNDERSTOOD,
              field,
              field
                  + " is "
                  + clients.get(j)
                  + ": expected a ServiceAccount; this client is limited as everyone",
              bearing);
        }
      }
    }
  }

  // --- Workloads ---

  private void annotations(WorkloadFact workload) {
    WorkloadSettings settings =
        WorkloadSettings.of(workload, contents(workload).annotations, config);
    for (String problem : settings.problems()) {
      error(
          workload,
          Rule.BAD_ANNOTATION,
          "metadata.annotations",
          "annotation " + problem,
          Set.of(workload.ref()));
    }
  }

  private void conflicts(NamespaceContents namespace) {
    record Conflict(int port, ServerFact winner, ServerFact loser) {}
    Map<Conflict, List<ObjectRef>> conflicts = new HashMap<>();
    for (WorkloadFact workload : namespace.workloads) {
      Map<Integer, ServerFact> taken = new HashMap<>();
      for (ServerFact server : namespace.selecting(workload)) {
        for (int port : NamespaceContents.ports(server, workload)) {
          ServerFact winner = taken.putIfAbsent(port, server);
          if (winner != null) {
            conflicts
                .computeIfAbsent(new Conflict(port, winner, server), key -> new ArrayList<>())
                .add(workload.ref());
          }
        }
      }
    }
    conflicts.forEach(
        (conflict, workloads) -> {
          boolean tried = conflict.winner().mode() == EnforcementMode.AUDIT;
          ObjectRef first = workloads.stream().min(ObjectRef::compareTo).orElseThrow();
          warning(
              conflict.loser(),
              Rule.PORT_CONFLICT,
              "spec.port",
              "port "
                  + conflict.port()
                  + " of "
                  + first
                  + (workloads.size() == 1 ? "" : " (and " + (workloads.size() - 1) + " more)")
                  + (tried ? " would belong to " : " belongs to ")
                  + conflict.winner().ref()
                  + ", which is older or first by name"
                  + (tried ? ", were that not in mode audit" : "; this Server has no effect there"),
              Set.of(conflict.loser().ref(), conflict.winner().ref()));
        });
  }

  /** Ports that a Server in audit mode would have, and what they are under meanwhile. */
  private void tried(NamespaceContents namespace) {
    record Meanwhile(ServerFact tried, int port, String policy) {}
    Map<Meanwhile, List<ObjectRef>> found = new HashMap<>();
    for (WorkloadFact workload : namespace.workloads) {
      List<ServerFact> selecting = namespace.selecting(workload);
      if (selecting.stream().allMatch(server -> server.mode() == EnforcementMode.ENFORCE)) {
        continue;
      }
      Map<Integer, ServerFact> inTrial = new HashMap<>();
      Map<Integer, ServerFact> inForce = new HashMap<>();
      for (ServerFact server : selecting) {
        for (int port : NamespaceContents.ports(server, workload)) {
          inTrial.putIfAbsent(port, server);
          if (server.mode() == EnforcementMode.ENFORCE) {
            inForce.putIfAbsent(port, server);
          }
        }
      }
      WorkloadSettings settings = WorkloadSettings.of(workload, namespace.annotations, config);
      inTrial.forEach(
          (port, server) -> {
            if (server.mode() == EnforcementMode.AUDIT) {
              ServerFact other = inForce.get(port);
              String policy =
                  other == null
                      ? "the default policy " + settings.policyOf(port).wireName()
                      : other.ref().toString();
              found
                  .computeIfAbsent(new Meanwhile(server, port, policy), key -> new ArrayList<>())
                  .add(workload.ref());
            }
          });
    }
    found.forEach(
        (meanwhile, workloads) -> {
          ObjectRef first = workloads.stream().min(ObjectRef::compareTo).orElseThrow();
          warning(
              meanwhile.tried(),
              Rule.ONLY_TRIED,
              "metadata.annotations[\"" + EnforcementMode.ANNOTATION + "\"]",
              "is in mode audit: meanwhile port "
                  + meanwhile.port()
                  + " of "
                  + first
                  + (workloads.size() == 1 ? "" : " (and " + (workloads.size() - 1) + " more)")
                  + " is under "
                  + meanwhile.policy(),
              Set.of(meanwhile.tried().ref()));
        });
  }

  // --- Words ---

  /** A reference to nothing; what it bears on if the nearest name was meant. */
  private Set<ObjectRef> dangling(
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

  private String suggestion(ObjectRef missing) {
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

  private String didYouMean(String name, Collection<String> known) {
    return nearest(name, known).map(near -> " (did you mean \"" + near + "\"?)").orElse("");
  }

  /** The nearest name, as long as looking for such has not taken too long. */
  private Optional<String> nearest(String name, Collection<String> known) {
    comparisons -= (long) known.size() * (1 + name.length() / 16);
    return comparisons < 0 ? Optional.empty() : NearestName.of(name, known);
  }

  private void selector(
      Fact holder, String field, LabelSelection selector, Set<ObjectRef> bearing) {
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

  private NamespaceContents contents(Fact fact) {
    String name =
        fact.ref().kind() == ObjectRef.Kind.NAMESPACE ? fact.ref().name() : fact.ref().namespace();
    return namespaces.computeIfAbsent(name, key -> new NamespaceContents());
  }

  private void error(Fact fact, Rule rule, String field, String message, Set<ObjectRef> bearing) {
    note(Severity.ERROR, fact, rule, field, message, bearing);
  }

  private void warning(Fact fact, Rule rule, String field, String message, Set<ObjectRef> bearing) {
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
