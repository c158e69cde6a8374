package io.signetmesh.crds.manifest;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.ReplicaSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.batch.v1.CronJob;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.MeshResource;
import io.signetmesh.crds.egress.EgressNetwork;
import io.signetmesh.crds.multicluster.Link;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.DenyPolicy;
import io.signetmesh.crds.policy.HTTPLocalRateLimitPolicy;
import io.signetmesh.crds.policy.MeshTLSAuthentication;
import io.signetmesh.crds.policy.NetworkAuthentication;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerAuthorization;
import io.signetmesh.crds.profile.ServiceProfile;
import io.signetmesh.crds.rego.RegoAuthentication;
import io.signetmesh.crds.route.GatewayHttpRoute;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.route.TcpRoute;
import io.signetmesh.crds.route.TlsRoute;
import io.signetmesh.crds.route.grpc.GrpcRoute;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.crds.text.Quoted;
import io.signetmesh.crds.token.JWTAuthentication;
import io.signetmesh.crds.workload.ExternalWorkload;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A kind that manifests may hold.
 *
 * @param group API group; empty for the core group
 * @param kind kind
 * @param versions served versions
 * @param deprecated of those, the ones that are on their way out, with the one to use instead
 * @param type model of its storage version
 * @param namespaced whether objects live in namespaces
 */
record ResourceKind(
    String group,
    String kind,
    List<String> versions,
    Map<String, String> deprecated,
    Class<? extends HasMetadata> type,
    boolean namespaced) {
  private static final String POLICY = "policy.linkerd.io";
  private static final String SIGNET = "policy.signetmesh.io";
  private static final String GATEWAY = "gateway.networking.k8s.io";

  private static final List<ResourceKind> ALL =
      List.of(
          mesh(POLICY, Server.class, "v1alpha1", "v1beta1", "v1beta2", "v1beta3")
              .deprecating(Map.of("v1alpha1", "v1beta1", "v1beta1", "v1beta3")),
          mesh(POLICY, ServerAuthorization.class, "v1alpha1", "v1beta1")
              .deprecating(Map.of("v1alpha1", "v1beta1")),
          mesh(POLICY, AuthorizationPolicy.class, "v1alpha1"),
          mesh(POLICY, MeshTLSAuthentication.class, "v1alpha1"),
          mesh(POLICY, NetworkAuthentication.class, "v1alpha1"),
          mesh(POLICY, "HTTPRoute", PolicyHttpRoute.class)
              .serving("v1alpha1", "v1beta1", "v1beta2", "v1beta3"),
          mesh(POLICY, HTTPLocalRateLimitPolicy.class, "v1alpha1"),
          mesh(POLICY, EgressNetwork.class, "v1alpha1"),
          mesh(SIGNET, DenyPolicy.class, "v1alpha1"),
          mesh(SIGNET, JWTAuthentication.class, "v1alpha1"),
          mesh(SIGNET, RegoAuthentication.class, "v1alpha1"),
          mesh("linkerd.io", ServiceProfile.class, "v1alpha1", "v1alpha2"),
          mesh("workload.linkerd.io", ExternalWorkload.class, "v1alpha1", "v1beta1"),
          mesh("multicluster.linkerd.io", Link.class, "v1alpha1", "v1alpha2", "v1alpha3"),
          mesh(GATEWAY, "HTTPRoute", GatewayHttpRoute.class).serving("v1beta1", "v1"),
          mesh(GATEWAY, "GRPCRoute", GrpcRoute.class)
              .serving("v1alpha2", "v1")
              .deprecating(Map.of("v1alpha2", "v1")),
          mesh(GATEWAY, "TLSRoute", TlsRoute.class).serving("v1alpha2"),
          mesh(GATEWAY, "TCPRoute", TcpRoute.class).serving("v1alpha2"),
          kubernetes("", Namespace.class, false),
          kubernetes("", Node.class, false),
          kubernetes("", Pod.class, true),
          kubernetes("", Service.class, true),
          kubernetes("", ServiceAccount.class, true),
          kubernetes("discovery.k8s.io", EndpointSlice.class, true),
          kubernetes("apps", Deployment.class, true),
          kubernetes("apps", ReplicaSet.class, true),
          kubernetes("apps", StatefulSet.class, true),
          kubernetes("apps", DaemonSet.class, true),
          kubernetes("batch", Job.class, true),
          kubernetes("batch", CronJob.class, true));

  private static final Map<String, Map<String, ResourceKind>> BY_GROUP = byGroup();

  /** Kinds that are read where an authentication refers to the object, and else passed over. */
  private static final Map<String, ResourceKind> HOLDERS =
      Map.of(
          ContentHolder.CONFIG_MAP, holder(ContentHolder.CONFIG_MAP),
          ContentHolder.SECRET, holder(ContentHolder.SECRET));

  /** The kind, when its objects may have keys or bundles; null for others. */
  static @Nullable ResourceKind findHolder(String apiVersion, String kind) {
    return apiVersion.equals("v1") ? HOLDERS.get(kind) : null;
  }

  private static ResourceKind holder(String kind) {
    return new ResourceKind("", kind, List.of("v1"), Map.of(), ContentHolder.class, true);
  }

  /** The kind of that exact group and name. */
  static Optional<ResourceKind> find(String group, String kind) {
    return Optional.ofNullable(BY_GROUP.getOrDefault(group, Map.of()).get(kind));
  }

  /** Says why a group and kind are not known, with the nearest that are. */
  static String explainUnknown(String group, String kind) {
    String shown = Quoted.text(kind) + (group.isEmpty() ? "" : " of group " + Quoted.text(group));
    Map<String, ResourceKind> kinds = BY_GROUP.get(group);
    if (kind.equals("List")) {
      return "unknown kind " + shown + ": List is known in apiVersion v1";
    }
    if (kinds == null) {
      for (Map<String, ResourceKind> candidate : BY_GROUP.values()) {
        ResourceKind same = candidate.get(kind);
        if (same != null) {
          return "unknown kind "
              + shown
              + ": "
              + kind
              + " is known in apiVersion "
              + same.apiVersion(same.versions().getLast());
        }
      }
      String mistaken =
          ForeignKinds.nearestGroup(group)
              .or(() -> ForeignKinds.nearestKind(kind))
              .map(nearest -> " (did you mean " + Quoted.text(nearest) + "?)")
              .orElse("");
      return "unknown kind "
          + shown
          + mistaken
          + ": known groups are "
          + String.join(
              ", ",
              BY_GROUP.keySet().stream().map(name -> name.isEmpty() ? "core" : name).toList());
    }
    return "unknown kind "
        + shown
        + NearestName.hint(kind, kinds.keySet())
        + ": known kinds of this group are "
        + String.join(", ", new TreeSet<>(kinds.keySet()));
  }

  /** apiVersion of one of its versions. */
  String apiVersion(String version) {
    return group.isEmpty() ? version : group + "/" + version;
  }

  /** Whether this is one of the mesh's own kinds and not one of Kubernetes. */
  boolean isMeshResource() {
    return MeshResource.class.isAssignableFrom(type);
  }

  /** Form of the names of its objects. */
  TextFormat nameFormat() {
    return type == Namespace.class || type == Service.class
        ? TextFormat.LABEL
        : TextFormat.SUBDOMAIN;
  }

  private static ResourceKind mesh(
      String group, Class<? extends HasMetadata> type, String... versions) {
    return mesh(group, type.getSimpleName(), type).serving(versions);
  }

  private static ResourceKind mesh(String group, String kind, Class<? extends HasMetadata> type) {
    return new ResourceKind(group, kind, List.of(), Map.of(), type, true);
  }

  private static ResourceKind kubernetes(
      String group, Class<? extends HasMetadata> type, boolean namespaced) {
    return new ResourceKind(group, type.getSimpleName(), List.of("v1"), Map.of(), type, namespaced);
  }

  private ResourceKind serving(String... served) {
    return new ResourceKind(group, kind, List.of(served), deprecated, type, namespaced);
  }

  private ResourceKind deprecating(Map<String, String> replacements) {
    return new ResourceKind(group, kind, versions, replacements, type, namespaced);
  }

  private static Map<String, Map<String, ResourceKind>> byGroup() {
    Map<String, Map<String, ResourceKind>> groups = new LinkedHashMap<>();
    for (ResourceKind kind : ALL) {
      groups.computeIfAbsent(kind.group, _ -> new LinkedHashMap<>()).put(kind.kind, kind);
    }
    return groups;
  }

  /** All kinds. */
  static Collection<ResourceKind> all() {
    return ALL;
  }
}
