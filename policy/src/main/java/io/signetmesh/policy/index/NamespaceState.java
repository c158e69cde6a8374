package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Authz;
import io.signetmesh.policy.effective.ConditionMessages;
import io.signetmesh.policy.effective.Grants;
import io.signetmesh.policy.effective.PolicyMode;
import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyAnnotations;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
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

/**
 * The objects of one namespace. Policy stays within its namespace; only references to
 * authentications go beyond it.
 */
final class NamespaceState {
  PolicyAnnotations annotations = PolicyAnnotations.NONE;
  final Map<String, ServerState> servers = new HashMap<>();
  final NavigableSet<ServerState> serversByAge =
      new TreeSet<>(Comparator.comparing((ServerState server) -> server.model));
  final Map<ObjectRef, WorkloadState> workloads = new TreeMap<>();
  final Map<Target, NavigableMap<String, AuthorizationPolicyModel>> policies = new HashMap<>();
  final Map<Target, NavigableMap<String, DenyPolicyModel>> denials = new HashMap<>();
  final Map<String, NavigableSet<RateLimitModel>> rateLimitsByServer = new HashMap<>();
  final NavigableMap<String, ServerAuthorizationModel> serverAuthorizations = new TreeMap<>();
  final Map<String, NavigableSet<RouteModel>> routesByServer = new HashMap<>();

  private final Map<PolicyMode, Denials> ownDenials = new EnumMap<>(PolicyMode.class);

  /**
   * The denials of the whole namespace in a mode.
   *
   * @param lookup finds an object by reference
   */
  Denials denials(
      PolicyMode mode, Grants grants, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    Denials known = ownDenials.get(mode);
    if (known == null) {
      List<Authz> authz = new ArrayList<>();
      List<ObjectRef> objects = new ArrayList<>();
      boolean leftOut = false;
      for (DenyPolicyModel policy :
          denials.getOrDefault(new Target.WholeNamespace(), new TreeMap<>()).values()) {
        if (!mode.includes(policy.mode())) {
          leftOut = true;
          continue;
        }
        Authz denied = grants.of(policy, lookup).authz();
        if (denied != null) {
          authz.add(denied);
          objects.add(policy.ref());
        }
      }
      known = new Denials(authz, ConditionMessages.of(authz, lookup), objects, leftOut);
      ownDenials.put(mode, known);
    }
    return known;
  }

  /**
   * Whether a route of another, more specific kind is attached to the Server. Linkerd then ignores
   * the route, so its own authorizations grant nothing.
   */
  boolean isContested(RouteModel route, ServerModel server) {
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
   * @param conditions the authentications of requests that they refer to
   * @param objects where they come from
   * @param leftOut whether there are others, which are not in this mode
   */
  record Denials(
      List<Authz> authz, ConditionMessages conditions, List<ObjectRef> objects, boolean leftOut) {
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
