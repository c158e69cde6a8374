package io.signetmesh.policy.index;

import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.effective.WorkloadSettings;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.ClientPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NamespaceModel;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyAnnotations;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.ServiceAccountModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The objects of an index, by namespace, and the references between them. Follows each change of an
 * object to the Servers and workloads whose policy depends on it.
 */
final class ObjectGraph {
  private final PolicyConfig config;
  private final Map<ObjectRef, PolicyObject> objects = new HashMap<>();
  private final Map<String, NamespaceState> namespaces = new HashMap<>();

  /** Policies by the authentication that they require. */
  private final Map<ObjectRef, Set<ObjectRef>> dependants = new HashMap<>();

  /** Authentications by the ConfigMap or Secret that has their keys or bundle. */
  private final Map<ObjectRef, Set<ObjectRef>> contentUsers = new HashMap<>();

  ObjectGraph(PolicyConfig config) {
    this.config = config;
  }

  /** An object; null when it is not known. */
  @Nullable PolicyObject find(ObjectRef ref) {
    return objects.get(ref);
  }

  /** All objects; changes with the graph. */
  Map<ObjectRef, PolicyObject> objects() {
    return objects;
  }

  /** All namespaces that hold something, by name; changes with the graph. */
  Map<String, NamespaceState> namespaces() {
    return namespaces;
  }

  /** A workload; null when it is not known. */
  @Nullable WorkloadState workload(ObjectRef ref) {
    NamespaceState namespace = namespaces.get(ref.namespace());
    return namespace == null ? null : namespace.workloads.get(ref);
  }

  /**
   * Replaces the object of a name, or removes it.
   *
   * @param after null when the object is gone
   * @param affected takes what has to be worked out again
   */
  void replace(ObjectRef ref, @Nullable PolicyObject after, Affected affected) {
    PolicyObject before = after == null ? objects.remove(ref) : objects.put(ref, after);
    String name = ref.kind() == ObjectRef.Kind.NAMESPACE ? ref.name() : ref.namespace();
    NamespaceState namespace = namespaces.computeIfAbsent(name, key -> new NamespaceState());
    if (before != null) {
      removeObject(namespace, before, after, affected);
    }
    if (after != null) {
      addObject(namespace, after, affected);
    }
    for (ObjectRef authentication : authenticationsWith(ref)) {
      for (ObjectRef policy : dependants.getOrDefault(authentication, Set.of())) {
        if (objects.get(policy) instanceof ClientPolicyModel object) {
          markTarget(namespaces.get(policy.namespace()), object, affected);
        }
      }
    }
    if (namespace.isEmpty()) {
      namespaces.remove(name);
    }
  }

  /**
   * Whether a policy requires this authentication, so that its keys or bundle are of use. A
   * RegoAuthentication counts for policies of its own namespace alone.
   */
  boolean isRequired(ObjectRef authentication) {
    Set<ObjectRef> policies = dependants.getOrDefault(authentication, Set.of());
    return authentication.kind() == ObjectRef.Kind.REGO_AUTHENTICATION
        ? policies.stream()
            .anyMatch(policy -> policy.namespace().equals(authentication.namespace()))
        : !policies.isEmpty();
  }

  /** The authentications that are the object, or have their keys or bundle from it. */
  private Set<ObjectRef> authenticationsWith(ObjectRef ref) {
    return switch (ref.kind()) {
      case MESH_TLS_AUTHENTICATION,
          NETWORK_AUTHENTICATION,
          JWT_AUTHENTICATION,
          REGO_AUTHENTICATION ->
          Set.of(ref);
      case CONFIG_MAP, SECRET -> contentUsers.getOrDefault(ref, Set.of());
      case KEY_SET ->
          Set.of(new ObjectRef(ObjectRef.Kind.JWT_AUTHENTICATION, ref.namespace(), ref.name()));
      case POLICY_BUNDLE ->
          Set.of(new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, ref.namespace(), ref.name()));
      default -> Set.of();
    };
  }

  private void removeObject(
      NamespaceState namespace,
      PolicyObject before,
      @Nullable PolicyObject after,
      Affected affected) {
    switch (before) {
      case WorkloadModel workload -> {
        if (!(after instanceof WorkloadModel successor)
            || !Objects.equals(workload.identity(), successor.identity())) {
          removeWorkload(namespace, workload.ref());
        }
      }
      case NamespaceModel object -> {
        namespace.annotations = PolicyAnnotations.NONE;
        affected.workloads.addAll(namespace.workloads.values());
      }
      case ServerModel server -> removeServer(namespace, server, affected);
      case AuthorizationPolicyModel policy ->
          removePolicy(namespace, namespace.policies, policy, affected);
      case DenyPolicyModel policy -> removePolicy(namespace, namespace.denials, policy, affected);
      case RateLimitModel limits -> {
        String server = limitedServer(limits);
        markServer(namespace, server, affected);
        namespace.rateLimitsByServer.computeIfPresent(
            server,
            (key, others) -> {
              others.remove(limits);
              return others.isEmpty() ? null : others;
            });
      }
      case ServerAuthorizationModel authorization -> {
        markServers(namespace, authorization, affected);
        namespace.serverAuthorizations.remove(authorization.ref().name());
      }
      case RouteModel route -> {
        for (String server : route.servers()) {
          markServer(namespace, server, affected);
          namespace.routesByServer.computeIfPresent(
              server,
              (key, routes) -> {
                routes.remove(route);
                return routes.isEmpty() ? null : routes;
              });
        }
      }
      case JwtModel.Authentication object -> removeUser(object.holder(), object.ref());
      case RegoModel.Authentication object -> removeUser(object.holder(), object.ref());
      case RegoModel.FetchedBundle object -> {}
      case JwtModel.Holder object -> {}
      case JwtModel.FetchedKeys object -> {}
      case MeshTlsModel object -> {}
      case NetworkModel object -> {}
      case ServiceAccountModel object -> {}
      case UnusableModel object -> {}
    }
  }

  private void addObject(NamespaceState namespace, PolicyObject after, Affected affected) {
    switch (after) {
      case WorkloadModel workload -> {
        WorkloadState state =
            namespace.workloads.computeIfAbsent(
                workload.ref(),
                ref ->
                    new WorkloadState(
                        workload, WorkloadSettings.of(workload, namespace.annotations, config)));
        boolean moved = !state.model.node().equals(workload.node());
        state.model = workload;
        affected.workloads.add(state);
        if (moved) {
          state.tell(listener -> listener.onWorkloadMoved(workload));
        }
      }
      case NamespaceModel object -> {
        namespace.annotations = object.annotations();
        affected.workloads.addAll(namespace.workloads.values());
      }
      case ServerModel server -> addServer(namespace, server, affected);
      case AuthorizationPolicyModel policy ->
          addPolicy(namespace, namespace.policies, policy, affected);
      case DenyPolicyModel policy -> addPolicy(namespace, namespace.denials, policy, affected);
      case RateLimitModel limits -> {
        String server = limitedServer(limits);
        namespace.rateLimitsByServer.computeIfAbsent(server, key -> new TreeSet<>()).add(limits);
        markServer(namespace, server, affected);
      }
      case ServerAuthorizationModel authorization -> {
        namespace.serverAuthorizations.put(authorization.ref().name(), authorization);
        markServers(namespace, authorization, affected);
      }
      case RouteModel route -> {
        for (String server : route.servers()) {
          namespace.routesByServer.computeIfAbsent(server, key -> new TreeSet<>()).add(route);
          markServer(namespace, server, affected);
        }
      }
      case JwtModel.Authentication object -> addUser(object.holder(), object.ref());
      case RegoModel.Authentication object -> addUser(object.holder(), object.ref());
      case RegoModel.FetchedBundle object -> {}
      case JwtModel.Holder object -> {}
      case JwtModel.FetchedKeys object -> {}
      case MeshTlsModel object -> {}
      case NetworkModel object -> {}
      case ServiceAccountModel object -> {}
      case UnusableModel object -> {}
    }
  }

  private void addUser(@Nullable ObjectRef holder, ObjectRef authentication) {
    if (holder != null) {
      contentUsers.computeIfAbsent(holder, key -> new HashSet<>()).add(authentication);
    }
  }

  private void removeUser(@Nullable ObjectRef holder, ObjectRef authentication) {
    if (holder != null) {
      contentUsers.computeIfPresent(
          holder,
          (key, others) -> {
            others.remove(authentication);
            return others.isEmpty() ? null : others;
          });
    }
  }

  private <P extends ClientPolicyModel> void addPolicy(
      NamespaceState namespace,
      Map<Target, NavigableMap<String, P>> policies,
      P policy,
      Affected affected) {
    Target.of(policy)
        .ifPresent(
            target ->
                policies
                    .computeIfAbsent(target, key -> new TreeMap<>())
                    .put(policy.ref().name(), policy));
    for (ObjectRef authentication : authentications(policy)) {
      dependants.computeIfAbsent(authentication, key -> new HashSet<>()).add(policy.ref());
    }
    markTarget(namespace, policy, affected);
  }

  private <P extends ClientPolicyModel> void removePolicy(
      NamespaceState namespace,
      Map<Target, NavigableMap<String, P>> policies,
      P policy,
      Affected affected) {
    markTarget(namespace, policy, affected);
    Target.of(policy)
        .ifPresent(
            target ->
                policies.computeIfPresent(
                    target,
                    (key, others) -> {
                      others.remove(policy.ref().name());
                      return others.isEmpty() ? null : others;
                    }));
    for (ObjectRef authentication : authentications(policy)) {
      dependants.computeIfPresent(
          authentication,
          (key, others) -> {
            others.remove(policy.ref());
            return others.isEmpty() ? null : others;
          });
    }
  }

  /** Name of the Server that is limited; no Server's name when the target is none. */
  private static String limitedServer(RateLimitModel limits) {
    return limits.target().isA(ObjectRef.Kind.SERVER) ? limits.target().name() : "";
  }

  private void removeWorkload(NamespaceState namespace, ObjectRef ref) {
    WorkloadState state = namespace.workloads.remove(ref);
    if (state == null) {
      return;
    }
    state.servers.values().forEach(server -> server.workloads.remove(state));
    state.dryRun.values().forEach(server -> server.workloads.remove(state));
    state.tell(PortListener::onWorkloadGone);
    state.watched.clear();
    state.followers.clear();
  }

  private void addServer(NamespaceState namespace, ServerModel object, Affected affected) {
    ServerState server = new ServerState(object);
    namespace.servers.put(object.ref().name(), server);
    namespace.serversByAge.add(server);
    markSelected(namespace, object, affected);
  }

  private void removeServer(NamespaceState namespace, ServerModel object, Affected affected) {
    ServerState server = namespace.servers.remove(object.ref().name());
    if (server != null) {
      namespace.serversByAge.remove(server);
      markSelected(namespace, object, affected);
    }
  }

  private static void markSelected(
      NamespaceState namespace, ServerModel server, Affected affected) {
    for (WorkloadState workload : namespace.workloads.values()) {
      if (server.selects(workload.model)) {
        affected.workloads.add(workload);
      }
    }
  }

  private static void markTarget(
      @Nullable NamespaceState namespace, ClientPolicyModel policy, Affected affected) {
    Target target = Target.of(policy).orElse(null);
    if (namespace == null || target == null) {
      return;
    }
    switch (target) {
      case Target.OneServer(String name) -> markServer(namespace, name, affected);
      case Target.WholeNamespace whole -> {
        affected.servers.addAll(namespace.servers.values());
        if (policy instanceof DenyPolicyModel) {
          namespace.invalidateDenials();
          affected.unserved.addAll(namespace.workloads.values());
        }
      }
      case Target.OneRoute route ->
          namespace.routesByServer.forEach(
              (server, routes) -> {
                if (routes.stream()
                    .anyMatch(
                        candidate ->
                            Target.route(candidate.ref().kind(), candidate.ref().name())
                                .equals(route))) {
                  markServer(namespace, server, affected);
                }
              });
    }
  }

  private static void markServers(
      NamespaceState namespace, ServerAuthorizationModel authorization, Affected affected) {
    for (ServerState server : namespace.servers.values()) {
      if (authorization.selects(server.model)) {
        affected.servers.add(server);
      }
    }
  }

  private static void markServer(NamespaceState namespace, String name, Affected affected) {
    ServerState server = namespace.servers.get(name);
    if (server != null) {
      affected.servers.add(server);
    }
  }

  private static Set<ObjectRef> authentications(ClientPolicyModel policy) {
    Set<ObjectRef> refs = new LinkedHashSet<>();
    for (Reference reference : policy.authentications()) {
      reference.resolve(policy.ref().namespace()).ifPresent(refs::add);
    }
    return refs;
  }
}
