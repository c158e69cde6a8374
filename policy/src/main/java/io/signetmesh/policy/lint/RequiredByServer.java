package io.signetmesh.policy.lint;

import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.model.ClientPolicyModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The authentications that the policies of the Servers of a namespace require. */
final class RequiredByServer {
  private final LintContext seen;
  private final NamespaceContents namespace;

  RequiredByServer(LintContext seen, NamespaceContents namespace) {
    this.seen = seen;
    this.namespace = namespace;
  }

  /** Those of a kind, by Server; Servers without any are left out. */
  Map<ObjectRef, Set<ObjectRef>> of(ObjectRef.Kind kind) {
    Map<ObjectRef, Set<ObjectRef>> byServer = new TreeMap<>();
    namespace.policies.forEach(policy -> note(policy, kind, byServer));
    namespace.denials.forEach(policy -> note(policy, kind, byServer));
    return byServer;
  }

  private void note(
      ClientPolicyModel policy, ObjectRef.Kind kind, Map<ObjectRef, Set<ObjectRef>> byServer) {
    Set<ObjectRef> required = new TreeSet<>();
    for (Reference reference : policy.authentications()) {
      if (reference.isA(kind)) {
        reference.resolve(policy.ref().namespace()).ifPresent(required::add);
      }
    }
    if (required.isEmpty()) {
      return;
    }
    for (ObjectRef server : servers(policy)) {
      byServer.computeIfAbsent(server, key -> new TreeSet<>()).addAll(required);
    }
  }

  private List<ObjectRef> servers(ClientPolicyModel policy) {
    return switch (Target.of(policy).orElse(null)) {
      case null -> List.of();
      case Target.OneServer(String name) -> named(List.of(name));
      case Target.WholeNamespace whole ->
          namespace.servers.values().stream().map(ServerModel::ref).toList();
      case Target.OneRoute(ObjectRef.Kind kind, String lower) -> {
        ObjectRef route = namespace.routes(kind).get(lower);
        yield route != null && seen.objects.get(route) instanceof RouteModel found
            ? named(found.servers())
            : List.of();
      }
    };
  }

  private List<ObjectRef> named(List<String> names) {
    List<ObjectRef> servers = new ArrayList<>();
    for (String name : names) {
      ServerModel server = namespace.servers.get(name);
      if (server != null) {
        servers.add(server.ref());
      }
    }
    return servers;
  }
}
