package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.RateLimitFact;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Puts the policy of a Server together, in one world. Used once. */
final class ServerAssembly {
  private final World world;
  private final NamespaceState namespace;
  private final Grants grants;
  private final Function<ObjectRef, @Nullable Fact> lookup;
  private final List<ObjectRef> objects = new ArrayList<>();
  private boolean leftOut;

  /**
   * @param namespace that of the Server
   * @param lookup finds an object by reference
   */
  ServerAssembly(
      World world,
      NamespaceState namespace,
      Grants grants,
      Function<ObjectRef, @Nullable Fact> lookup) {
    this.world = world;
    this.namespace = namespace;
    this.grants = grants;
    this.lookup = lookup;
  }

  /**
   * The policy.
   *
   * @param probes probe paths on its ports
   */
  WorldPolicy assemble(ServerFact server, List<String> probes) {
    objects.add(server.ref());
    Target itself = new Target.OneServer(server.ref().name());
    List<Authz> denied = denials(itself);
    NamespaceState.Denials everywhere = namespace.denials(world, grants, lookup);
    denied.addAll(everywhere.authz());
    objects.addAll(everywhere.objects());
    leftOut |= everywhere.leftOut();

    List<Authz> allowed = new ArrayList<>();
    List<HttpRoute> httpRoutes = new ArrayList<>();
    List<GrpcRoute> grpcRoutes = new ArrayList<>();
    HttpLocalRateLimit limits = null;
    if (server.flaw() == null) {
      Map<String, AuthorizationPolicyFact> policies = new TreeMap<>();
      policies.putAll(namespace.policies.getOrDefault(itself, new TreeMap<>()));
      policies.putAll(
          namespace.policies.getOrDefault(new Target.WholeNamespace(), new TreeMap<>()));
      policies.values().forEach(policy -> grant(policy, allowed));
      for (ServerAuthorizationFact authorization : namespace.serverAuthorizations.values()) {
        if (authorization.selects(server)) {
          grant(authorization, allowed);
        }
      }
      // Last of all, so that a proxy which stops at the first match audits only what nothing else
      // allows.
      grants.of(server.accessPolicy()).ifPresent(allowed::add);
      for (RouteFact route :
          namespace.routesByServer.getOrDefault(server.ref().name(), new TreeSet<>())) {
        route(server, route, httpRoutes, grpcRoutes);
      }
      if (httpRoutes.isEmpty()) {
        httpRoutes.add(Messages.defaultHttpRoute());
      }
      if (grpcRoutes.isEmpty()) {
        grpcRoutes.add(Messages.defaultGrpcRoute());
      }
      Messages.probeRoute(grants.probe(), probes).ifPresent(httpRoutes::add);
      limits = limits(server);
    } else {
      httpRoutes.add(Messages.defaultHttpRoute());
      grpcRoutes.add(Messages.defaultGrpcRoute());
    }
    return new WorldPolicy(
        Messages.server(
            Messages.protocol(server.protocol(), httpRoutes, grpcRoutes, limits),
            allowed,
            denied,
            ObjectRef.Kind.SERVER.group(),
            "server",
            server.ref().name()),
        objects,
        leftOut);
  }

  private void route(
      ServerFact server, RouteFact route, List<HttpRoute> httpRoutes, List<GrpcRoute> grpcRoutes) {
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
      case RouteFact.Rules.Http(List<HttpRoute.Rule> rules) ->
          httpRoutes.add(Messages.httpRoute(route, rules, own, denied));
      case RouteFact.Rules.Grpc(List<GrpcRoute.Rule> rules) ->
          grpcRoutes.add(Messages.grpcRoute(route, rules, own, denied));
    }
  }

  private void grant(AuthorizationPolicyFact policy, List<Authz> allowed) {
    if (!world.has(policy.mode())) {
      leftOut = true;
    } else if (grants.of(policy, lookup) instanceof Grant.Allows(Authz authz)) {
      allowed.add(authz);
      objects.add(policy.ref());
    }
  }

  private void grant(ServerAuthorizationFact authorization, List<Authz> allowed) {
    if (!world.has(authorization.mode())) {
      leftOut = true;
    } else if (grants.of(authorization) instanceof Grant.Allows(Authz authz)) {
      allowed.add(authz);
      objects.add(authorization.ref());
    }
  }

  private List<Authz> denials(Target target) {
    List<Authz> denied = new ArrayList<>();
    for (DenyPolicyFact policy : namespace.denials.getOrDefault(target, new TreeMap<>()).values()) {
      if (!world.has(policy.mode())) {
        leftOut = true;
        continue;
      }
      Authz authz = grants.of(policy, lookup).authz();
      if (authz != null) {
        denied.add(authz);
        objects.add(policy.ref());
      }
    }
    return denied;
  }

  private @Nullable HttpLocalRateLimit limits(ServerFact server) {
    if (!Messages.hasRateLimits(server.protocol())) {
      return null;
    }
    for (RateLimitFact oldest :
        namespace.rateLimitsByServer.getOrDefault(server.ref().name(), new TreeSet<>())) {
      objects.add(oldest.ref());
      return grants.of(oldest);
    }
    return null;
  }
}
