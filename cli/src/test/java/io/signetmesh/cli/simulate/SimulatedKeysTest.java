package io.signetmesh.cli.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.token.KnownKeys;
import io.signetmesh.v1.JwtKeySet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Keys of JWTAuthentications where nothing is fetched. */
final class SimulatedKeysTest {
  private static final PolicyConfig CONFIG = PolicyConfig.defaults("signet", "cluster.local");
  private static final String MESH =
      """
      apiVersion: v1
      kind: Pod
      metadata:
        name: web
        namespace: shop
        labels: {app: web, linkerd.io/control-plane-ns: signet}
      spec: {containers: [{name: web, ports: [{containerPort: 8080}]}]}
      ---
      apiVersion: policy.linkerd.io/v1beta3
      kind: Server
      metadata: {name: web, namespace: shop}
      spec: {port: 8080, podSelector: {}}
      ---
      apiVersion: policy.linkerd.io/v1alpha1
      kind: AuthorizationPolicy
      metadata: {name: p, namespace: shop}
      spec:
        targetRef: {group: policy.linkerd.io, kind: Server, name: web}
        requiredAuthenticationRefs:
        - {group: policy.signetmesh.io, kind: JWTAuthentication, name: staff}
      ---
      apiVersion: policy.signetmesh.io/v1alpha1
      kind: JWTAuthentication
      metadata: {name: staff, namespace: shop}
      spec:
        issuer: https://id.example
        audiences: [shop]
        keys: {jwksUri: 'https://id.example/keys'}
      """;

  private static JwtKeySet keys(Map<String, KnownKeys> given) {
    Manifests manifests = new ManifestReader(AdmissionRules::check).read("m.yaml", MESH);
    ClusterView view = ClusterView.of(1, manifests.objects().values(), manifests.positions());
    Server message =
        new SimulatedMesh(view, CONFIG, given)
            .port(WorkloadRef.pod("shop", "web"), 8080)
            .orElseThrow()
            .message();
    assertThat(message.getAuthorizations(0).getSignetTokensList()).containsExactly("shop/staff");
    return message.getSignetJwtAuthentications(0).getKeySet();
  }

  @Test
  void whatWouldBeFetchedIsNotThereAndNoMistake() {
    assertThat(keys(Map.of()).getUnavailable()).isEqualTo("not fetched offline");
    Manifests manifests = new ManifestReader(AdmissionRules::check).read("m.yaml", MESH);
    assertThat(Validation.of(manifests, CONFIG).findings()).isEmpty();
  }

  @Test
  void keysThatAreGivenStandForThem() {
    KnownKeys given = new KnownKeys("{\"keys\":[1]}", 1, List.of(), "");
    assertThat(keys(Map.of("shop/staff", given)).getJwks()).isEqualTo("{\"keys\":[1]}");
    assertThatThrownBy(() -> keys(Map.of("shop/other", given)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("shop/other");
  }
}
