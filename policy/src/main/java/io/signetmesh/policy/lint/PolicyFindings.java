package io.signetmesh.policy.lint;

import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.effective.Grant;
import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.ClientPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.LabelSelection;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.UnusableModel;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Rules for AuthorizationPolicies, DenyPolicies and ServerAuthorizations. */
final class PolicyFindings {
  private final LintContext seen;
  private final ClientFindings clients;

  PolicyFindings(LintContext seen, ClientFindings clients) {
    this.seen = seen;
    this.clients = clients;
  }

  void policy(ClientPolicyModel policy) {
    Set<ObjectRef> affected = target(policy);
    boolean denies = policy instanceof DenyPolicyModel;
    List<Grant.Reason> reasons =
        switch (policy) {
          case DenyPolicyModel denial -> seen.grants.of(denial, seen.objects::get).reasons();
          case AuthorizationPolicyModel grant -> reasons(seen.grants.of(grant, seen.objects::get));
        };
    for (Grant.Reason reason : reasons) {
      String effect =
          !denies
              ? "; it grants nothing"
              : reason.problem() == Grant.Problem.NEVER_MATCHES
                  ? "; it refuses no one"
                  : "; that counts as passed, so it refuses more than is written";
      ObjectRef missing = reason.missing();
      seen.error(
          policy,
          rule(reason.problem()),
          reason.field(),
          reason.message() + (missing == null ? "" : seen.suggestion(missing)) + effect,
          affected);
    }
    for (int i = 0; i < policy.authentications().size(); i++) {
      Reference reference = policy.authentications().get(i);
      String field = "spec.requiredAuthenticationRefs[" + i + "]";
      if (reference.isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
        clients.serviceAccount(policy, field, reference, affected);
      } else if (reference.isA(ObjectRef.Kind.JWT_AUTHENTICATION)) {
        opaque(
            policy,
            reference,
            field,
            Rule.JWT_ON_OPAQUE_PORT,
            "no request and so no token is seen");
      } else if (reference.isA(ObjectRef.Kind.REGO_AUTHENTICATION)) {
        opaque(policy, reference, field, Rule.REGO_ON_OPAQUE_PORT, "no request is seen");
      }
    }
  }

  /** A policy that requires something of a request where the proxy sees none. */
  private void opaque(
      ClientPolicyModel policy, Reference reference, String field, Rule rule, String why) {
    if (!policy.target().isA(ObjectRef.Kind.SERVER)
        || !seen.contents(policy).isOpaque(policy.target().name())) {
      return;
    }
    String message =
        "requires "
            + reference
            + ", but the Server "
            + policy.target().name()
            + " is opaque or TLS, where "
            + why
            + "; ";
    Set<ObjectRef> affected =
        Set.of(LintContext.server(policy.ref().namespace(), policy.target().name()));
    switch (policy) {
      case AuthorizationPolicyModel grant ->
          seen.error(grant, rule, field, message + "it grants nothing", affected);
      case DenyPolicyModel denial ->
          seen.warning(
              denial,
              rule,
              field,
              message + "that counts as passed, so it refuses more than is written",
              affected);
    }
  }

  void serverAuthorization(ServerAuthorizationModel authorization) {
    NamespaceContents namespace = seen.contents(authorization);
    Set<ObjectRef> affected = new HashSet<>();
    for (ServerModel server : namespace.servers.values()) {
      if (authorization.selects(server)) {
        affected.add(server.ref());
      }
    }
    if (affected.isEmpty()) {
      String name = authorization.serverName();
      if (name != null) {
        affected.addAll(
            seen.dangling(
                authorization,
                "spec.server.name",
                ObjectRef.Kind.SERVER,
                name,
                namespace.servers.keySet(),
                "; it grants nothing"));
      } else {
        affected.add(ObjectRef.namespace(authorization.ref().namespace()));
        LabelSelection given = authorization.serverSelector();
        if (given == null || given.malformed().isEmpty()) {
          seen.warning(
              authorization,
              Rule.SELECTS_NOTHING,
              "spec.server.selector",
              "spec.server.selector selects no Server of namespace "
                  + authorization.ref().namespace(),
              affected);
        }
      }
    }
    for (Grant.Reason reason : reasons(seen.grants.of(authorization))) {
      seen.error(
          authorization,
          rule(reason.problem()),
          reason.field(),
          reason.message() + "; it grants nothing",
          affected);
    }
    clients.networks(authorization, "spec.client.networks", authorization.networks(), affected);
    LabelSelection selector = authorization.serverSelector();
    if (selector != null) {
      seen.selector(authorization, "spec.server.selector", selector, affected);
    }
    ServerAuthorizationModel.MeshTls tls = authorization.meshTls();
    if (tls != null) {
      clients.identities(
          authorization, "spec.client.meshTLS.identities", tls.identities(), affected);
      for (int i = 0; i < tls.serviceAccounts().size(); i++) {
        clients.serviceAccount(
            authorization,
            "spec.client.meshTLS.serviceAccounts[" + i + "]",
            tls.serviceAccounts().get(i),
            affected);
      }
    }
  }

  private static List<Grant.Reason> reasons(Grant grant) {
    return grant instanceof Grant.Nothing(List<Grant.Reason> reasons) ? reasons : List.of();
  }

  private static Rule rule(Grant.Problem problem) {
    return switch (problem) {
      case NOT_UNDERSTOOD -> Rule.NOT_UNDERSTOOD;
      case DANGLING_REFERENCE -> Rule.DANGLING_REFERENCE;
      case BAD_AUTHENTICATIONS -> Rule.BAD_AUTHENTICATIONS;
      case NEVER_MATCHES -> Rule.NEVER_MATCHES;
    };
  }

  /** Checks the target. Returns what the policy affects, or would with a correct target. */
  private Set<ObjectRef> target(ClientPolicyModel policy) {
    String own = policy.ref().namespace();
    String effect =
        policy instanceof DenyPolicyModel ? "; it refuses no one" : "; it grants nothing";
    Target target = Target.of(policy).orElse(null);
    return switch (target) {
      case null -> {
        seen.error(
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

  private Set<ObjectRef> serverTarget(ClientPolicyModel policy, String name, String effect) {
    NamespaceContents namespace = seen.contents(policy);
    ServerModel server = namespace.servers.get(name);
    if (server == null) {
      return seen.dangling(
          policy,
          "spec.targetRef.name",
          ObjectRef.Kind.SERVER,
          name,
          namespace.servers.keySet(),
          effect);
    }
    if (server.mode() == EnforcementMode.AUDIT && policy.mode() == EnforcementMode.ENFORCE) {
      String message =
          "its target "
              + server.ref()
              + " is in mode audit, so this policy is only a dry run there";
      if (policy instanceof DenyPolicyModel) {
        seen.error(
            policy, Rule.TARGET_UNUSED, "spec.targetRef", message + effect, Set.of(server.ref()));
      } else {
        seen.warning(policy, Rule.TARGET_UNUSED, "spec.targetRef", message, Set.of(server.ref()));
      }
    }
    return Set.of(server.ref());
  }

  private Set<ObjectRef> routeTarget(
      ClientPolicyModel policy, ObjectRef.Kind kind, String lower, String effect) {
    NamespaceContents namespace = seen.contents(policy);
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
        hint = seen.didYouMean(name, names);
        ref =
            seen.nearest(name, names)
                .map(near -> routes.get(near.toLowerCase(Locale.ROOT)))
                .orElse(null);
      }
      Set<ObjectRef> affected = ref == null ? Set.of() : seen.serversOf(ref);
      seen.error(
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
          affected);
      return affected;
    }
    if (seen.objects.get(ref) instanceof RouteModel route && !route.isInbound()) {
      Set<ObjectRef> meant = new HashSet<>();
      for (Reference parent : route.elsewhere()) {
        meant.add(LintContext.server(policy.ref().namespace(), parent.name()));
      }
      seen.error(
          policy,
          Rule.BAD_TARGET,
          "spec.targetRef",
          "its target " + ref + " is attached to no Server" + parents(route) + effect,
          meant);
      return meant;
    }
    Set<ObjectRef> affected = seen.serversOf(ref);
    if (seen.objects.get(ref) instanceof RouteModel route
        && route.servers().stream()
            .map(namespace.servers::get)
            .noneMatch(server -> server != null && route.isUsedBy(server.protocol()))) {
      seen.warning(
          policy,
          Rule.TARGET_UNUSED,
          "spec.targetRef",
          "its target " + ref + " is used by no Server" + effect,
          affected);
    } else if (seen.objects.get(ref) == null || seen.objects.get(ref) instanceof UnusableModel) {
      seen.warning(
          policy,
          Rule.TARGET_UNUSED,
          "spec.targetRef",
          "its target " + ref + " is not understood" + effect,
          affected);
    }
    return affected;
  }

  /** What the parents of a route are that is attached to no Server, and what they might be. */
  private String parents(RouteModel route) {
    if (route.elsewhere().isEmpty()) {
      return ": it has no parent";
    }
    Map<String, ServerModel> servers = seen.contents(route).servers;
    Reference parent =
        route.elsewhere().stream()
            .filter(other -> servers.containsKey(other.name()))
            .findFirst()
            .orElse(route.elsewhere().getFirst());
    String kind = parent.kind() + (parent.kind().equals("Gateway") ? ", the default kind" : "");
    String hint =
        servers.containsKey(parent.name())
            ? "; for the Server " + parent.name() + " write group: policy.linkerd.io, kind: Server"
            : "; a Server is a parent with group: policy.linkerd.io, kind: Server";
    return ": its parent " + parent.name() + " is a " + kind + hint;
  }
}
