package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.policy.effective.AssembledPolicy;
import io.signetmesh.policy.effective.ConditionMessages;
import io.signetmesh.policy.effective.Grant;
import io.signetmesh.policy.effective.Grants;
import io.signetmesh.policy.effective.PolicyMode;
import io.signetmesh.policy.effective.ServerMessages;
import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Assembles the policy of a Server in one mode. Used once. */
final class ServerAssembly {
  private final PolicyMode mode;
  private final NamespaceState namespace;
  private final Grants grants;
  private final Function<ObjectRef, @Nullable PolicyObject> lookup;
  private final List<ObjectRef> objects = new ArrayList<>();

  /** All authorizations and denials of the policy. */
  private final List<Authz> all = new ArrayList<>();

  private boolean leftOut;

  /**
   * @param namespace that of the Server
   * @param lookup finds an object by reference
   */
  ServerAssembly(
      PolicyMode mode,
      NamespaceState namespace,
      Grants grants,
      Function<ObjectRef, @Nullable PolicyObject> lookup) {
    this.mode = mode;
    this.namespace = namespace;
    this.grants = grants;
    this.lookup = lookup;
  }

  /**
   * The policy.
   *
   * @param probes probe paths on its ports
   */
  AssembledPolicy assemble(ServerModel server, List<String> probes) {
    objects.add(server.ref());
    Target itself = new Target.OneServer(server.ref().name());
    List<Authz> denied = denials(itself);
    NamespaceState.Denials everywhere = namespace.denials(mode, grants, lookup);
    denied.addAll(everywhere.authz());
    all.addAll(everywhere.authz());
    objects.addAll(everywhere.objects());
    leftOut |= everywhere.leftOut();

    List<Authz> allowed = new ArrayList<>();
    List<HttpRoute> httpRoutes = new ArrayList<>();
    List<GrpcRoute> grpcRoutes = new ArrayList<>();
    HttpLocalRateLimit limits = null;
    if (server.flaw() == null) {
      Map<String, AuthorizationPolicyModel> policies = new TreeMap<>();
      policies.putAll(namespace.policies.getOrDefault(itself, new TreeMap<>()));
      policies.putAll(
          namespace.policies.getOrDefault(new Target.WholeNamespace(), new TreeMap<>()));
      policies.values().forEach(policy -> grant(policy, allowed));
      for (ServerAuthorizationModel authorization : namespace.serverAuthorizations.values()) {
        if (authorization.selects(server)) {
          grant(authorization, allowed);
        }
      }
      // Last of all, so that a proxy which stops at the first match audits only what nothing else
      // allows.
      grants.of(server.accessPolicy()).ifPresent(allowed::add);
      for (RouteModel route :
          namespace.routesByServer.getOrDefault(server.ref().name(), new TreeSet<>())) {
        route(server, route, httpRoutes, grpcRoutes);
      }
      if (httpRoutes.isEmpty()) {
        httpRoutes.add(ServerMessages.defaultHttpRoute());
      }
      if (grpcRoutes.isEmpty()) {
        grpcRoutes.add(ServerMessages.defaultGrpcRoute());
      }
      ServerMessages.probeRoute(grants.probe(), probes).ifPresent(httpRoutes::add);
      limits = limits(server);
    } else {
      httpRoutes.add(ServerMessages.defaultHttpRoute());
      grpcRoutes.add(ServerMessages.defaultGrpcRoute());
    }
    return new AssembledPolicy(
        ServerMessages.server(
            ServerMessages.protocol(server.protocol(), httpRoutes, grpcRoutes, limits),
            allowed,
            denied,
            ConditionMessages.of(all, lookup),
            ObjectRef.Kind.SERVER.group(),
            "server",
            server.ref().name()),
        objects,
        leftOut);
  }

  private void route(
      ServerModel server,
      RouteModel route,
      List<HttpRoute> httpRoutes,
      List<GrpcRoute> grpcRoutes) {
    if (!route.isUsedBy(server.protocol())) {
      return;
    }
    objects.add(route.ref());
    Target target = Target.route(route.ref().kind(), route.ref().name());
    List<Authz> own = new ArrayList<>();
    if (route.isGranted() && !namespace.isContested(route, server)) {
      namespace
          .policies
          .getOrDefault(target, new TreeMap<>())
          .values()
          .forEach(policy -> grant(policy, own));
    }
    List<Authz> denied = denials(target);
    switch (route.rules()) {
      case RouteModel.Rules.Http(List<HttpRoute.Rule> rules) ->
          httpRoutes.add(ServerMessages.httpRoute(route, rules, own, denied));
      case RouteModel.Rules.Grpc(List<GrpcRoute.Rule> rules) ->
          grpcRoutes.add(ServerMessages.grpcRoute(route, rules, own, denied));
    }
  }

  private void grant(AuthorizationPolicyModel policy, List<Authz> allowed) {
    if (!mode.includes(policy.mode())) {
      leftOut = true;
    } else if (grants.of(policy, lookup) instanceof Grant.Allows(Authz authz)) {
      allowed.add(authz);
      all.add(authz);
      objects.add(policy.ref());
    }
  }

  private void grant(ServerAuthorizationModel authorization, List<Authz> allowed) {
    if (!mode.includes(authorization.mode())) {
      leftOut = true;
    } else if (grants.of(authorization) instanceof Grant.Allows(Authz authz)) {
      allowed.add(authz);
      objects.add(authorization.ref());
    }
  }

  private List<Authz> denials(Target target) {
    List<Authz> denied = new ArrayList<>();
    for (DenyPolicyModel policy :
        namespace.denials.getOrDefault(target, new TreeMap<>()).values()) {
      if (!mode.includes(policy.mode())) {
        leftOut = true;
        continue;
      }
      Authz authz = grants.of(policy, lookup).authz();
      if (authz != null) {
        denied.add(authz);
        all.add(authz);
        objects.add(policy.ref());
      }
    }
    return denied;
  }

  private @Nullable HttpLocalRateLimit limits(ServerModel server) {
    if (!ServerMessages.hasRateLimits(server.protocol())) {
      return null;
    }
    for (RateLimitModel oldest :
        namespace.rateLimitsByServer.getOrDefault(server.ref().name(), new TreeSet<>())) {
      objects.add(oldest.ref());
      return grants.of(oldest);
    }
    return null;
  }
}
