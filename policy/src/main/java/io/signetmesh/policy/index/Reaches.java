package io.signetmesh.policy.index;

import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.facts.ClientPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.MeshTlsFact;
import io.signetmesh.policy.facts.NamespaceFact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.RateLimitFact;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.ServiceAccountFact;
import io.signetmesh.policy.facts.UnusableFact;
import io.signetmesh.policy.facts.WorkloadFact;
import io.signetmesh.policy.index.Finding.Rule;
import io.signetmesh.policy.index.Finding.Severity;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Tells which policy objects bear on no port, and why. */
final class Reaches {
  /** Errors that leave an authorization without effect. */
  private static final Set<Rule> GRANTS_NOTHING =
      Set.of(
          Rule.NOT_UNDERSTOOD,
          Rule.DANGLING_REFERENCE,
          Rule.BAD_TARGET,
          Rule.BAD_AUTHENTICATIONS,
          Rule.NEVER_MATCHES,
          Rule.NOT_ENFORCED);

  private static final Set<Rule> UNUSED =
      Set.of(Rule.ROUTE_UNUSED, Rule.LIMIT_UNUSED, Rule.TARGET_UNUSED);

  private static final Set<Rule> UNUSED_TARGET = Set.of(Rule.NOT_UNDERSTOOD, Rule.ROUTE_UNUSED);

  private final Map<ObjectRef, Fact> facts;
  private final Map<String, NamespaceContents> namespaces;
  private final Map<ObjectRef, List<Finding>> findings = new HashMap<>();
  private final Set<ObjectRef> bearing;

  /**
   * @param facts sorted
   * @param bearing the objects that bear on a port
   */
  Reaches(
      Map<ObjectRef, Fact> facts,
      Map<String, NamespaceContents> namespaces,
      List<Finding> findings,
      Set<ObjectRef> bearing) {
    this.facts = facts;
    this.namespaces = namespaces;
    this.bearing = bearing;
    for (Finding finding : findings) {
      this.findings.computeIfAbsent(finding.object(), key -> new ArrayList<>()).add(finding);
    }
    Comparator<Finding> mostTelling =
        Comparator.comparing(Finding::severity)
            .thenComparingInt(finding -> Diagnosis.rank(finding.rule()));
    this.findings.values().forEach(list -> list.sort(mostTelling));
  }

  private record Why(@Nullable Rule rule, String text) {}

  /** All policy objects, in the order of the facts. */
  List<ObjectReach> collect() {
    List<ObjectReach> reaches = new ArrayList<>();
    for (Fact fact : facts.values()) {
      EnforcementMode mode = mode(fact);
      if (mode == null) {
        continue;
      }
      PolicySource source = new PolicySource(fact.ref(), mode);
      if (bearing.contains(fact.ref())) {
        reaches.add(new ObjectReach(source, true, null, ""));
      } else {
        Why why = why(fact);
        reaches.add(new ObjectReach(source, false, why.rule(), why.text()));
      }
    }
    return List.copyOf(reaches);
  }

  /** Null for what is no policy object of its own. */
  private static @Nullable EnforcementMode mode(Fact fact) {
    return switch (fact) {
      case ServerFact server -> server.mode();
      case ClientPolicyFact policy -> policy.mode();
      case ServerAuthorizationFact authorization -> authorization.mode();
      case RouteFact route -> route.isInbound() ? EnforcementMode.ENFORCE : null;
      case RateLimitFact limits -> EnforcementMode.ENFORCE;
      case UnusableFact unusable ->
          switch (unusable.ref().kind()) {
            case SERVER,
                AUTHORIZATION_POLICY,
                SERVER_AUTHORIZATION,
                DENY_POLICY,
                HTTP_ROUTE,
                GATEWAY_HTTP_ROUTE,
                GRPC_ROUTE,
                RATE_LIMIT_POLICY ->
                EnforcementMode.ENFORCE;
            case POD,
                EXTERNAL_WORKLOAD,
                NAMESPACE,
                SERVICE_ACCOUNT,
                MESH_TLS_AUTHENTICATION,
                NETWORK_AUTHENTICATION,
                SERVICE,
                EGRESS_NETWORK,
                SERVICE_PROFILE,
                TLS_ROUTE,
                TCP_ROUTE,
                LINK ->
                null;
          };
      case MeshTlsFact authentication -> null;
      case NetworkFact authentication -> null;
      case NamespaceFact namespace -> null;
      case ServiceAccountFact account -> null;
      case WorkloadFact workload -> null;
    };
  }

  private Why why(Fact fact) {
    Finding own = first(fact, finding -> isCause(fact, finding)).orElse(null);
    if (own != null) {
      return new Why(own.rule(), own.message());
    }
    List<Fact> targets = targets(fact);
    for (Fact target : targets) {
      if (!bearing.contains(target.ref())) {
        Why deeper = why(target);
        return new Why(
            deeper.rule(),
            "it is about " + target.ref() + ", which bears on no port: " + deeper.text());
      }
    }
    for (Fact target : targets) {
      Finding unused =
          first(target, finding -> UNUSED_TARGET.contains(finding.rule())).orElse(null);
      if (unused != null) {
        return new Why(unused.rule(), "it is about " + target.ref() + ": " + unused.message());
      }
    }
    return first(fact, finding -> UNUSED.contains(finding.rule()))
        .map(unused -> new Why(unused.rule(), unused.message()))
        .orElseGet(() -> new Why(null, withoutFinding(fact)));
  }

  private Optional<Finding> first(Fact fact, Predicate<Finding> which) {
    return findings.getOrDefault(fact.ref(), List.of()).stream().filter(which).findFirst();
  }

  /** Whether the finding alone keeps the object from all ports. */
  private static boolean isCause(Fact fact, Finding finding) {
    Rule rule = finding.rule();
    boolean error = finding.severity() == Severity.ERROR;
    return switch (fact) {
      case ServerFact server -> rule == Rule.SELECTS_NOTHING || rule == Rule.PORT_CONFLICT;
      case RouteFact route ->
          rule == Rule.DANGLING_REFERENCE
              || (rule == Rule.NOT_UNDERSTOOD && route.servers().isEmpty());
      case RateLimitFact limits ->
          error && (rule == Rule.BAD_TARGET || rule == Rule.DANGLING_REFERENCE);
      // An authentication that is not there does not keep a denial from its target.
      case DenyPolicyFact denial ->
          error
              && (rule == Rule.BAD_TARGET
                  || rule == Rule.NEVER_MATCHES
                  || (rule == Rule.DANGLING_REFERENCE
                      && finding.field().startsWith("spec.targetRef")));
      default -> rule == Rule.SELECTS_NOTHING || (error && GRANTS_NOTHING.contains(rule));
    };
  }

  /** What the object is about, as far as it is there. */
  private List<Fact> targets(Fact fact) {
    String namespace = fact.ref().namespace();
    NamespaceContents contents = Objects.requireNonNull(namespaces.get(namespace));
    Stream<@Nullable Fact> targets =
        switch (fact) {
          case ClientPolicyFact policy ->
              switch (Target.of(policy).orElse(null)) {
                case null -> Stream.of();
                case Target.WholeNamespace whole -> Stream.of();
                case Target.OneServer(String name) -> Stream.of(server(namespace, name));
                case Target.OneRoute(ObjectRef.Kind kind, String lower) -> {
                  ObjectRef route = contents.routes(kind).get(lower);
                  yield route == null ? Stream.of() : Stream.of(facts.get(route));
                }
              };
          case ServerAuthorizationFact authorization ->
              contents.servers.values().stream()
                  .filter(authorization::selects)
                  .map(Fact.class::cast);
          case RouteFact route -> route.servers().stream().map(name -> server(namespace, name));
          case RateLimitFact limits ->
              limits.target().isA(ObjectRef.Kind.SERVER)
                  ? Stream.of(server(namespace, limits.target().name()))
                  : Stream.of();
          default -> Stream.of();
        };
    List<Fact> found = new ArrayList<>();
    targets.forEach(
        target -> {
          if (target != null) {
            found.add(target);
          }
        });
    return found;
  }

  private @Nullable Fact server(String namespace, String name) {
    return facts.get(new ObjectRef(ObjectRef.Kind.SERVER, namespace, name));
  }

  private static String withoutFinding(Fact fact) {
    String namespace = fact.ref().namespace();
    if (fact instanceof ClientPolicyFact policy
        && Target.of(policy).orElse(null) instanceof Target.WholeNamespace) {
      return policy instanceof DenyPolicyFact
          ? "namespace " + namespace + " has no workload with a proxy"
          : "no Server of namespace " + namespace + " that is understood has a port";
    }
    return "nothing that it is about has a port";
  }
}
