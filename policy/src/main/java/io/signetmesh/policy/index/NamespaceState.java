package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Authz;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.PolicyAnnotations;
import io.signetmesh.policy.facts.RateLimitFact;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** All that a namespace holds; policy never reaches over its border, authentications apart. */
final class NamespaceState {
  PolicyAnnotations annotations = PolicyAnnotations.NONE;
  final Map<String, ServerState> servers = new HashMap<>();
  final NavigableSet<ServerState> serversByAge =
      new TreeSet<>(Comparator.comparing((ServerState server) -> server.fact));
  final Map<ObjectRef, WorkloadState> workloads = new TreeMap<>();
  final Map<Target, NavigableMap<String, AuthorizationPolicyFact>> policies = new HashMap<>();
  final Map<Target, NavigableMap<String, DenyPolicyFact>> denials = new HashMap<>();
  final Map<String, NavigableSet<RateLimitFact>> rateLimitsByServer = new HashMap<>();
  final NavigableMap<String, ServerAuthorizationFact> serverAuthorizations = new TreeMap<>();
  final Map<String, NavigableSet<RouteFact>> routesByServer = new HashMap<>();

  private final Map<World, Denials> ownDenials = new EnumMap<>(World.class);

  /**
   * The denials of the whole namespace in a world.
   *
   * @param lookup finds an object by reference
   */
  Denials denials(World world, Grants grants, Function<ObjectRef, @Nullable Fact> lookup) {
    Denials known = ownDenials.get(world);
    if (known == null) {
      List<Authz> authz = new ArrayList<>();
      List<ObjectRef> objects = new ArrayList<>();
      boolean leftOut = false;
      for (DenyPolicyFact policy :
          denials.getOrDefault(new Target.WholeNamespace(), new TreeMap<>()).values()) {
        if (!world.has(policy.mode())) {
          leftOut = true;
          continue;
        }
        Authz denied = grants.of(policy, lookup).authz();
        if (denied != null) {
          authz.add(denied);
          objects.add(policy.ref());
        }
      }
      known = new Denials(authz, objects, leftOut);
      ownDenials.put(world, known);
    }
    return known;
  }

  /**
   * Whether a route of another, more specific kind is attached to the Server. Linkerd then takes no
   * notice of the route, so its own authorizations grant nothing.
   */
  boolean isContested(RouteFact route, ServerFact server) {
    return route.ref().kind() != ObjectRef.Kind.GRPC_ROUTE
        && routesByServer.getOrDefault(server.ref().name(), new TreeSet<>()).stream()
            .anyMatch(other -> other.ref().kind() == ObjectRef.Kind.GRPC_ROUTE);
  }

  /** A denial of the whole namespace has changed. */
  void invalidateDenials() {
    ownDenials.clear();
  }

  /**
   * The denials of a whole namespace.
   *
   * @param authz as sent to proxies
   * @param objects where they come from
   * @param leftOut whether there are others, which are not in this world
   */
  record Denials(List<Authz> authz, List<ObjectRef> objects, boolean leftOut) {
    /** Copies its lists. */
    Denials {
      authz = List.copyOf(authz);
      objects = List.copyOf(objects);
    }
  }

  boolean isEmpty() {
    return annotations.equals(PolicyAnnotations.NONE)
        && servers.isEmpty()
        && workloads.isEmpty()
        && policies.isEmpty()
        && denials.isEmpty()
        && rateLimitsByServer.isEmpty()
        && serverAuthorizations.isEmpty()
        && routesByServer.isEmpty();
  }
}
