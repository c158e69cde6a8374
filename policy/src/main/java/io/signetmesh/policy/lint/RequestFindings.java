package io.signetmesh.policy.lint;

import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.effective.ServerMessages;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerModel;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** Rules for routes and rate limits. */
final class RequestFindings {
  private final LintContext seen;
  private final ClientFindings clients;

  RequestFindings(LintContext seen, ClientFindings clients) {
    this.seen = seen;
    this.clients = clients;
  }

  void route(RouteModel route) {
    NamespaceContents namespace = seen.contents(route);
    Set<ObjectRef> affected = seen.serversOf(route.ref());
    for (RouteModel.Flaw flaw : route.flaws()) {
      if (flaw.part() == RouteModel.Part.ADMITTED_FILTER) {
        seen.warning(route, Rule.NOT_UNDERSTOOD, flaw.field(), flaw.message(), affected);
      } else {
        seen.error(route, Rule.NOT_UNDERSTOOD, flaw.field(), flaw.message(), affected);
      }
    }
    for (Reference parent : route.elsewhere()) {
      // References are compared without case, parents are not.
      if (parent.isA(ObjectRef.Kind.SERVER)) {
        seen.error(
            route,
            Rule.ROUTE_UNUSED,
            "spec.parentRefs",
            "its parent "
                + parent.name()
                + " is a "
                + parent.kind()
                + " of group "
                + parent.group()
                + ", which has to be written Server of group policy.linkerd.io, with that case; the"
                + " route is not attached to that Server",
            Set.of(LintContext.server(route.ref().namespace(), parent.name())));
      }
    }
    for (String name : route.servers()) {
      ServerModel server = namespace.servers.get(name);
      if (server == null) {
        seen.dangling(
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
        seen.warning(
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
        seen.warning(
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

  void rateLimit(RateLimitModel limits) {
    NamespaceContents namespace = seen.contents(limits);
    Reference target = limits.target();
    Set<ObjectRef> affected = Set.of();
    if (!target.isA(ObjectRef.Kind.SERVER)) {
      seen.error(
          limits,
          Rule.BAD_TARGET,
          "spec.targetRef",
          "spec.targetRef is " + target + ": expected a Server; it limits nothing",
          affected);
    } else {
      ServerModel server = namespace.servers.get(target.name());
      if (server == null) {
        affected =
            seen.dangling(
                limits,
                "spec.targetRef.name",
                ObjectRef.Kind.SERVER,
                target.name(),
                namespace.servers.keySet(),
                "; it limits nothing");
      } else {
        affected = Set.of(server.ref());
        RateLimitModel first = namespace.limits.get(target.name());
        if (!ServerMessages.hasRateLimits(server.protocol())) {
          seen.warning(
              limits,
              Rule.LIMIT_UNUSED,
              "spec.targetRef",
              "limits requests of "
                  + server.ref()
                  + ", whose protocol "
                  + server.protocol().wireName()
                  + " has none",
              affected);
        } else if (first != null && !first.ref().equals(limits.ref())) {
          seen.error(
              limits,
              Rule.LIMIT_UNUSED,
              "spec.targetRef",
              server.ref()
                  + " is limited by "
                  + preceding(first, limits)
                  + "; this one is not used",
              affected);
        }
      }
    }
    for (int i = 0; i < limits.overrides().size(); i++) {
      List<Reference> named = limits.overrides().get(i).clients();
      for (int j = 0; j < named.size(); j++) {
        String field = "spec.overrides[" + i + "].clientRefs[" + j + "]";
        if (named.get(j).isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
          clients.serviceAccount(limits, field, named.get(j), affected);
        } else {
          seen.error(
              limits,
              Rule.NOT_UNDERSTOOD,
              field,
              field
                  + " is "
                  + named.get(j)
                  + ": expected a ServiceAccount; this client is limited as everyone",
              affected);
        }
      }
    }
  }

  /** The limit that holds, and why it comes before another. */
  private static String preceding(RateLimitModel first, RateLimitModel other) {
    if (Objects.equals(first.created(), other.created())) {
      return first.ref() + ", which is the first by name";
    }
    return first.created() == null
        ? first.ref() + ", which has no creation time"
        : "the older " + first.ref();
  }
}
