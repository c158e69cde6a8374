package io.signetmesh.policy.lint;

import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.lint.LintFinding.Severity;
import io.signetmesh.policy.model.ClientPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NamespaceModel;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.ServiceAccountModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
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

/** Finds which policy objects affect no port, and why. */
final class ObjectScopes {
  /** Errors that leave an authorization without effect. */
  private static final Set<Rule> GRANTS_NOTHING =
      Set.of(
          Rule.NOT_UNDERSTOOD,
          Rule.DANGLING_REFERENCE,
          Rule.BAD_TARGET,
          Rule.BAD_AUTHENTICATIONS,
          Rule.NEVER_MATCHES);

  private static final Set<Rule> UNUSED =
      Set.of(Rule.ROUTE_UNUSED, Rule.LIMIT_UNUSED, Rule.TARGET_UNUSED);

  private static final Set<Rule> UNUSED_TARGET = Set.of(Rule.NOT_UNDERSTOOD, Rule.ROUTE_UNUSED);

  private final Map<ObjectRef, PolicyObject> objects;
  private final Map<String, NamespaceContents> namespaces;
  private final Map<ObjectRef, List<LintFinding>> findings = new HashMap<>();
  private final Set<ObjectRef> inUse;

  /**
   * @param objects sorted
   * @param inUse the objects that affect a port
   */
  ObjectScopes(
      Map<ObjectRef, PolicyObject> objects,
      Map<String, NamespaceContents> namespaces,
      List<LintFinding> findings,
      Set<ObjectRef> inUse) {
    this.objects = objects;
    this.namespaces = namespaces;
    this.inUse = inUse;
    for (LintFinding finding : findings) {
      this.findings.computeIfAbsent(finding.object(), key -> new ArrayList<>()).add(finding);
    }
    Comparator<LintFinding> mostTelling =
        Comparator.comparing(LintFinding::severity)
            .thenComparingInt(finding -> LintReport.rank(finding.rule()));
    this.findings.values().forEach(list -> list.sort(mostTelling));
  }

  private record Why(@Nullable Rule rule, String text) {}

  /** All policy objects, sorted. */
  List<ObjectScope> collect() {
    List<ObjectScope> scopes = new ArrayList<>();
    for (PolicyObject object : objects.values()) {
      EnforcementMode mode = mode(object);
      if (mode == null) {
        continue;
      }
      PolicySource source = new PolicySource(object.ref(), mode);
      if (inUse.contains(object.ref())) {
        scopes.add(new ObjectScope(source, true, null, ""));
      } else {
        Why why = why(object);
        scopes.add(new ObjectScope(source, false, why.rule(), why.text()));
      }
    }
    return List.copyOf(scopes);
  }

  /** The mode of a policy object; null for objects of other kinds. */
  private static @Nullable EnforcementMode mode(PolicyObject object) {
    return switch (object) {
      case ServerModel server -> server.mode();
      case ClientPolicyModel policy -> policy.mode();
      case ServerAuthorizationModel authorization -> authorization.mode();
      case RouteModel route -> route.isInbound() ? EnforcementMode.ENFORCE : null;
      case RateLimitModel limits -> EnforcementMode.ENFORCE;
      case UnusableModel unusable ->
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
                JWT_AUTHENTICATION,
                REGO_AUTHENTICATION,
                KEY_SET,
                POLICY_BUNDLE,
                CONFIG_MAP,
                SECRET,
                SERVICE,
                EGRESS_NETWORK,
                SERVICE_PROFILE,
                TLS_ROUTE,
                TCP_ROUTE,
                LINK ->
                null;
          };
      case JwtModel token -> null;
      case RegoModel bundle -> null;
      case MeshTlsModel authentication -> null;
      case NetworkModel authentication -> null;
      case NamespaceModel namespace -> null;
      case ServiceAccountModel account -> null;
      case WorkloadModel workload -> null;
    };
  }

  private Why why(PolicyObject object) {
    LintFinding own = first(object, finding -> isCause(object, finding)).orElse(null);
    if (own != null) {
      return new Why(own.rule(), own.message());
    }
    List<PolicyObject> targets = targets(object);
    for (PolicyObject target : targets) {
      if (!inUse.contains(target.ref())) {
        Why deeper = why(target);
        return new Why(
            deeper.rule(),
            "it is about " + target.ref() + ", which affects no port: " + deeper.text());
      }
    }
    for (PolicyObject target : targets) {
      LintFinding unused =
          first(target, finding -> UNUSED_TARGET.contains(finding.rule())).orElse(null);
      if (unused != null) {
        return new Why(unused.rule(), "it is about " + target.ref() + ": " + unused.message());
      }
    }
    return first(object, finding -> UNUSED.contains(finding.rule()))
        .map(unused -> new Why(unused.rule(), unused.message()))
        .orElseGet(() -> new Why(null, withoutFinding(object)));
  }

  private Optional<LintFinding> first(PolicyObject object, Predicate<LintFinding> which) {
    return findings.getOrDefault(object.ref(), List.of()).stream().filter(which).findFirst();
  }

  /** Whether the finding alone keeps the object from all ports. */
  private static boolean isCause(PolicyObject object, LintFinding finding) {
    Rule rule = finding.rule();
    boolean error = finding.severity() == Severity.ERROR;
    return switch (object) {
      case ServerModel server -> rule == Rule.SELECTS_NOTHING || rule == Rule.PORT_CONFLICT;
      case RouteModel route ->
          rule == Rule.DANGLING_REFERENCE
              || (rule == Rule.NOT_UNDERSTOOD && route.servers().isEmpty());
      case RateLimitModel limits ->
          error && (rule == Rule.BAD_TARGET || rule == Rule.DANGLING_REFERENCE);
      // An authentication that is not there does not keep a denial from its target.
      case DenyPolicyModel denial ->
          error
              && (rule == Rule.BAD_TARGET
                  || rule == Rule.NEVER_MATCHES
                  || (rule == Rule.DANGLING_REFERENCE
                      && finding.field().startsWith("spec.targetRef")));
      default -> rule == Rule.SELECTS_NOTHING || (error && GRANTS_NOTHING.contains(rule));
    };
  }

  /** The targets of the object that exist. */
  private List<PolicyObject> targets(PolicyObject object) {
    String namespace = object.ref().namespace();
    NamespaceContents contents = Objects.requireNonNull(namespaces.get(namespace));
    Stream<@Nullable PolicyObject> targets =
        switch (object) {
          case ClientPolicyModel policy ->
              switch (Target.of(policy).orElse(null)) {
                case null -> Stream.of();
                case Target.WholeNamespace whole -> Stream.of();
                case Target.OneServer(String name) -> Stream.of(server(namespace, name));
                case Target.OneRoute(ObjectRef.Kind kind, String lower) -> {
                  ObjectRef route = contents.routes(kind).get(lower);
                  yield route == null ? Stream.of() : Stream.of(objects.get(route));
                }
              };
          case ServerAuthorizationModel authorization ->
              contents.servers.values().stream()
                  .filter(authorization::selects)
                  .map(PolicyObject.class::cast);
          case RouteModel route -> route.servers().stream().map(name -> server(namespace, name));
          case RateLimitModel limits ->
              limits.target().isA(ObjectRef.Kind.SERVER)
                  ? Stream.of(server(namespace, limits.target().name()))
                  : Stream.of();
          default -> Stream.of();
        };
    List<PolicyObject> found = new ArrayList<>();
    targets.forEach(
        target -> {
          if (target != null) {
            found.add(target);
          }
        });
    return found;
  }

  private @Nullable PolicyObject server(String namespace, String name) {
    return objects.get(new ObjectRef(ObjectRef.Kind.SERVER, namespace, name));
  }

  private static String withoutFinding(PolicyObject object) {
    String namespace = object.ref().namespace();
    if (object instanceof ClientPolicyModel policy
        && Target.of(policy).orElse(null) instanceof Target.WholeNamespace) {
      return policy instanceof DenyPolicyModel
          ? "namespace " + namespace + " has no workload with a proxy"
          : "no Server of namespace " + namespace + " that is understood has a port";
    }
    return "nothing that it is about has a port";
  }
}
