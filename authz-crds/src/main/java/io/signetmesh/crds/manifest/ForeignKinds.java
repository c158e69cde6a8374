package io.signetmesh.crds.manifest;

import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.text.NearestName;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Tells an object that has nothing to do with the mesh, which stands in the same directory and may
 * be passed over, from one that may be a policy with a misspelt kind or group, which may not.
 *
 * <p>Foreign is a kind that Kubernetes or the Gateway API have beside those that are read, and any
 * kind of a group that is not near a known one. Not foreign is a kind that is, or nearly is, one of
 * the mesh, whatever its group; a kind that is, or nearly is, one of Kubernetes in a group that may
 * be Kubernetes' own; any other kind of a known group; and a {@code List}, whatever its group.
 */
final class ForeignKinds {
  /** Kinds of the known groups that are not read. */
  private static final Map<String, Set<String>> UNREAD =
      Map.of(
          "",
          Set.of(
              "Binding",
              "ComponentStatus",
              "ConfigMap",
              "Endpoints",
              "Event",
              "LimitRange",
              "PersistentVolume",
              "PersistentVolumeClaim",
              "PodTemplate",
              "ReplicationController",
              "ResourceQuota",
              "Secret"),
          "apps",
          Set.of("ControllerRevision"),
          "gateway.networking.k8s.io",
          Set.of(
              "BackendLBPolicy",
              "BackendTLSPolicy",
              "Gateway",
              "GatewayClass",
              "ListenerSet",
              "ReferenceGrant",
              "UDPRoute"),
          "gateway.networking.x-k8s.io",
          Set.of("XBackendTrafficPolicy", "XListenerSet", "XMesh"));

  /** Domains under which every group is the mesh's. */
  private static final List<String> DOMAINS = List.of("linkerd.io", "signetmesh.io");

  private static final String LIST = "List";
  private static final Set<String> GROUPS =
      ResourceKind.all().stream().map(ResourceKind::group).collect(Collectors.toUnmodifiableSet());
  private static final Set<String> MESH_KINDS = kinds(true);
  private static final Set<String> KUBERNETES_KINDS = kinds(false);

  private ForeignKinds() {}

  /** Whether objects of this kind, which is not read, may be passed over. */
  static boolean isForeign(String group, String kind) {
    if (!TextFormat.GROUP.matches(group) || !TextFormat.KIND.matches(kind)) {
      return false;
    }
    if (kind.equals(LIST)) {
      return false;
    }
    String single = single(kind);
    if (UNREAD.getOrDefault(group, Set.of()).contains(single)) {
      return true;
    }
    if (GROUPS.contains(group) || nearestGroup(group).isPresent() || isOfMesh(group)) {
      return false;
    }
    return !isLike(single, MESH_KINDS)
        && !(mayBeOfKubernetes(group) && isLike(single, KUBERNETES_KINDS));
  }

  /** Whether the group or the kind is, or nearly is, one of the mesh, whatever the other is. */
  static boolean mayBeOfMesh(String group, String kind) {
    return isOfMesh(group)
        || nearestGroup(group).filter(ForeignKinds::isOfMesh).isPresent()
        || isLike(single(kind), MESH_KINDS);
  }

  private static String single(String kind) {
    return kind.endsWith(LIST) ? kind.substring(0, kind.length() - LIST.length()) : kind;
  }

  private static Set<String> kinds(boolean ofMesh) {
    return ResourceKind.all().stream()
        .filter(kind -> kind.isMeshResource() == ofMesh)
        .map(ResourceKind::kind)
        .collect(Collectors.toUnmodifiableSet());
  }

  /** The group that was probably meant. */
  static Optional<String> nearestGroup(String group) {
    return NearestName.of(group, GROUPS);
  }

  /** The kind of the mesh that was probably meant. */
  static Optional<String> nearestKind(String kind) {
    return NearestName.of(kind, MESH_KINDS);
  }

  private static boolean isLike(String kind, Collection<String> known) {
    return known.contains(kind) || NearestName.of(kind, known).isPresent();
  }

  private static boolean isOfMesh(String group) {
    return DOMAINS.stream()
        .anyMatch(domain -> group.equals(domain) || group.endsWith("." + domain));
  }

  /** Groups of Kubernetes have one label or end like this; those of others may have a Service. */
  private static boolean mayBeOfKubernetes(String group) {
    return !group.contains(".") || group.endsWith(".k8s.io");
  }
}
