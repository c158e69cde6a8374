package io.signetmesh.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Pod templates as workloads. */
final class PodTemplatesTest {
  private static final String DEPLOYMENT =
      """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: shop}
      spec:
        selector: {matchLabels: {app: web}}
        template:
          metadata:
            labels: {app: web}
            annotations: {config.linkerd.io/default-inbound-policy: deny}
          spec:
            serviceAccountName: shopkeeper
            containers: [{name: web, image: x, ports: [{name: http, containerPort: 8080}]}]
      ---
      """;

  @Test
  void aTemplateIsAWorkloadNamedLikeItsOwner() {
    Workload web = asPods(DEPLOYMENT).workload(WorkloadRef.pod("shop", "web")).orElseThrow();
    assertThat(web.labels())
        .containsEntry("app", "web")
        .containsEntry("linkerd.io/control-plane-ns", "signet")
        .containsEntry("linkerd.io/proxy-deployment", "web")
        .containsEntry("linkerd.io/workload-ns", "shop");
    assertThat(web.annotations()).containsKey("config.linkerd.io/default-inbound-policy");
    assertThat(web.serviceAccount()).isEqualTo("shopkeeper");
    assertThat(web.ports()).containsExactly(new Workload.Port("http", 8080, "TCP", 0));
    assertThat(web.ips()).isEmpty();
    assertThat(web.owners()).singleElement().matches(owner -> owner.getKind().equals("Deployment"));
  }

  @Test
  void aTemplateStandsWhereItsOwnerIsWritten() {
    ClusterView view = asPods(DEPLOYMENT);
    assertThat(view.positionOf(new ResourceKey("", "Pod", "shop", "web")))
        .hasValueSatisfying(place -> assertThat(place).hasToString("test.yaml:1:1"));
  }

  @Test
  void aTemplateWhosePodsAreThereDoesNotCount() {
    assertThat(
            asPods(
                    DEPLOYMENT
                        + """
                        apiVersion: v1
                        kind: Pod
                        metadata:
                          name: web-5d4f-x
                          namespace: shop
                          ownerReferences:
                            - {apiVersion: apps/v1, kind: ReplicaSet, name: web-5d4f, uid: a}
                        spec: {containers: [{name: web, image: x}]}
                        """)
                .workloads("shop"))
        .extracting(workload -> workload.ref().name())
        .containsExactly("web-5d4f-x");
  }

  @Test
  void aTemplateThatAnotherObjectMadeDoesNotCountBesideIt() {
    assertThat(
            PodTemplates.owners(
                view(
                    DEPLOYMENT
                        + """
                        apiVersion: apps/v1
                        kind: ReplicaSet
                        metadata:
                          name: web-5d4f
                          namespace: shop
                          ownerReferences:
                            - {apiVersion: apps/v1, kind: Deployment, name: web, uid: a}
                        spec:
                          selector: {matchLabels: {app: web}}
                          template:
                            metadata: {labels: {app: web}}
                            spec: {containers: [{name: web, image: x}]}
                        """)))
        .containsExactly("Deployment shop/web");
  }

  @Test
  void ownersOfOneNameAreToldApart() {
    assertThat(
            asPods(DEPLOYMENT + DEPLOYMENT.replace("Deployment", "StatefulSet")).workloads("shop"))
        .extracting(workload -> workload.ref().name())
        .containsExactly("web", "web-statefulset");
  }

  @Test
  void whatIsNotInjectedIsNotInTheMesh() {
    String disabled =
        """
        apiVersion: v1
        kind: Namespace
        metadata: {name: shop, annotations: {linkerd.io/inject: disabled}}
        ---
        """;
    assertThat(inMesh(disabled + DEPLOYMENT)).isFalse();
    String enabled =
        DEPLOYMENT.replace("annotations: {", "annotations: {linkerd.io/inject: enabled, ");
    assertThat(inMesh(disabled + enabled)).isTrue();
    assertThat(inMesh(enabled.replace("inject: enabled", "inject: disabled"))).isFalse();
    assertThat(
            inMesh(
                DEPLOYMENT.replace(
                    "serviceAccountName:", "hostNetwork: true\n      serviceAccountName:")))
        .isFalse();
  }

  @Test
  void aViewWithoutTemplatesIsTheSame() {
    ClusterView view = view("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}");
    assertThat(PodTemplates.asPods(view, "signet")).isSameAs(view);
  }

  private static boolean inMesh(String text) {
    return asPods(text)
        .workload(WorkloadRef.pod("shop", "web"))
        .orElseThrow()
        .controlPlaneNamespace()
        .isPresent();
  }

  private static ClusterView asPods(String text) {
    return PodTemplates.asPods(view(text), "signet");
  }

  private static ClusterView view(String text) {
    Manifests manifests = new ManifestReader((object, unread) -> List.of()).read("test.yaml", text);
    assertThat(manifests.findings()).isEmpty();
    Map<ResourceKey, HasMetadata> objects = manifests.objects();
    return ClusterView.of(1, objects.values(), manifests.positions());
  }
}
