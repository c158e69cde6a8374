package io.signetmesh.policy;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.signetmesh.cluster.Workload;
import io.signetmesh.crds.MeshResource;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.AuthorizationPolicySpec;
import io.signetmesh.crds.policy.LocalTargetRef;
import io.signetmesh.crds.policy.MeshTLSAuthentication;
import io.signetmesh.crds.policy.MeshTLSAuthenticationSpec;
import io.signetmesh.crds.policy.NamespacedTargetRef;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerSpec;
import java.util.List;
import java.util.Map;

/** Objects of a small cluster, all in namespace {@code shop}. */
public final class ClusterObjects {
  public static final String NS = "shop";

  private ClusterObjects() {}

  /** A meshed pod whose label {@code app} and service account are its name. */
  public static Pod pod(String name) {
    return new PodBuilder()
        .withNewMetadata()
        .withNamespace(NS)
        .withName(name)
        .withLabels(Map.of("app", name, Workload.CONTROL_PLANE_NAMESPACE_LABEL, "signet"))
        .endMetadata()
        .withNewSpec()
        .withServiceAccountName(name)
        .addNewContainer()
        .withName(name)
        .addNewPort()
        .withName("http")
        .withContainerPort(8080)
        .endPort()
        .endContainer()
        .endSpec()
        .build();
  }

  public static Server server(String name, String app, int port) {
    return server(name, app, new IntOrString(port), AccessPolicy.DENY);
  }

  public static Server server(String name, String app, IntOrString port, AccessPolicy access) {
    LabelSelector selector = new LabelSelector();
    selector.setMatchLabels(Map.of("app", app));
    return new Server(
        meta(name), new ServerSpec(port, selector, null, ProxyProtocol.UNKNOWN, access));
  }

  public static AuthorizationPolicy allow(
      String name, String server, NamespacedTargetRef... authentications) {
    return new AuthorizationPolicy(
        meta(name),
        new AuthorizationPolicySpec(
            new LocalTargetRef("policy.linkerd.io", "Server", server), List.of(authentications)));
  }

  public static MeshTLSAuthentication identities(String name, String... identities) {
    return new MeshTLSAuthentication(
        meta(name), new MeshTLSAuthenticationSpec(List.of(identities), List.of()));
  }

  public static NamespacedTargetRef meshTls(String name) {
    return new NamespacedTargetRef("policy.linkerd.io", "MeshTLSAuthentication", name, null);
  }

  public static NamespacedTargetRef network(String name) {
    return new NamespacedTargetRef("policy.linkerd.io", "NetworkAuthentication", name, null);
  }

  public static NamespacedTargetRef serviceAccount(String name) {
    return new NamespacedTargetRef(null, "ServiceAccount", name, null);
  }

  public static ObjectMeta meta(String name) {
    return MeshResource.named(NS, name);
  }

  /** The objects and more of them. */
  public static List<HasMetadata> with(List<? extends HasMetadata> objects, HasMetadata... more) {
    return java.util.stream.Stream.concat(objects.stream(), List.of(more).stream())
        .map(HasMetadata.class::cast)
        .toList();
  }
}
