package io.signetmesh.policy.lint;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.DenyPolicy;
import io.signetmesh.crds.policy.HTTPLocalRateLimitPolicy;
import io.signetmesh.crds.policy.MeshTLSAuthentication;
import io.signetmesh.crds.policy.NetworkAuthentication;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerAuthorization;
import io.signetmesh.crds.rego.RegoAuthentication;
import io.signetmesh.crds.token.JWTAuthentication;
import io.signetmesh.crds.workload.ExternalWorkload;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read and not enforced is told, and nothing else is. */
final class NotInForceTest {
  /** Kinds of the mesh all of whose fields are enforced. */
  private static final Set<Class<? extends HasMetadata>> ENFORCED =
      Set.of(
          Server.class,
          ServerAuthorization.class,
          AuthorizationPolicy.class,
          DenyPolicy.class,
          JWTAuthentication.class,
          RegoAuthentication.class,
          MeshTLSAuthentication.class,
          NetworkAuthentication.class,
          HTTPLocalRateLimitPolicy.class,
          ExternalWorkload.class);

  @Test
  void everyKindOfTheMeshIsEnforcedOrInTheTable() {
    assertThat(ManifestReader.meshKinds())
        .allSatisfy(
            kind ->
                assertThat(ENFORCED.contains(kind) || NotInForce.kinds().contains(kind))
                    .as(kind.getSimpleName())
                    .isTrue());
  }

  @Test
  void anEgressNetworkThatDeniesIsAnError() {
    assertThat(
            found(
                """
                apiVersion: policy.linkerd.io/v1alpha1
                kind: EgressNetwork
                metadata: {name: all, namespace: shop}
                spec: {trafficPolicy: Deny}
                """))
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.severity()).isEqualTo(LintFinding.Severity.ERROR);
              assertThat(finding.toString())
                  .startsWith("test.yaml:4:23: error: EgressNetwork shop/all: trafficPolicy Deny")
                  .endsWith("(not-in-force)");
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: EgressNetwork
        metadata: {name: one, namespace: shop, annotations: {timeout.linkerd.io/request: 5s}}
        spec: {trafficPolicy: Allow}
        """,
        """
        apiVersion: policy.linkerd.io/v1beta3
        kind: HTTPRoute
        metadata: {name: one, namespace: shop, annotations: {retry.linkerd.io/http: 5xx}}
        spec:
          parentRefs: [{group: "", kind: Service, name: web, port: 80}]
          rules: [{backendRefs: [{name: web-v2, port: 80}]}]
        """,
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: one, namespace: shop}
        spec:
          parentRefs: [{group: core, kind: Service, name: web, port: 80}]
        """,
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: GRPCRoute
        metadata: {name: one, namespace: shop}
        spec:
          parentRefs: [{group: "", kind: Service, name: web, port: 80}]
        """,
        """
        apiVersion: gateway.networking.k8s.io/v1alpha2
        kind: TLSRoute
        metadata: {name: one, namespace: shop}
        spec:
          parentRefs: [{group: policy.linkerd.io, kind: EgressNetwork, name: out, port: 443}]
          rules: [{backendRefs: [{name: web, port: 443}]}]
        """,
        """
        apiVersion: gateway.networking.k8s.io/v1alpha2
        kind: TCPRoute
        metadata: {name: one, namespace: shop}
        spec:
          parentRefs: [{group: "", kind: Service, name: web, port: 443}]
          rules: [{backendRefs: [{name: web, port: 443}]}]
        """,
        """
        apiVersion: v1
        kind: Service
        metadata:
          name: one
          namespace: shop
          annotations:
            balancer.linkerd.io/failure-accrual: consecutive
            balancer.linkerd.io/failure-accrual-consecutive-max-failures: "3"
            retry.linkerd.io/http: 5xx
            timeout.linkerd.io/request: 1s
        spec: {ports: [{port: 80}]}
        """,
        """
        apiVersion: linkerd.io/v1alpha2
        kind: ServiceProfile
        metadata: {name: one.shop.svc.cluster.local, namespace: shop}
        spec:
          routes: [{name: get, condition: {pathRegex: /, method: GET}, isRetryable: true}]
        """,
        """
        apiVersion: multicluster.linkerd.io/v1alpha3
        kind: Link
        metadata: {name: one, namespace: shop}
        spec: {targetClusterName: east}
        """,
        """
        apiVersion: policy.linkerd.io/v1beta3
        kind: HTTPRoute
        metadata: {name: one, namespace: shop}
        spec:
          parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
          rules: [{timeouts: {request: 5s}}, {timeouts: {request: 6s}}]
        """,
        """
        apiVersion: policy.linkerd.io/v1beta3
        kind: HTTPRoute
        metadata: {name: one, namespace: shop}
        spec:
          parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
          rules: [{backendRefs: [{name: other, port: 80}]}]
        """,
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: GRPCRoute
        metadata: {name: one, namespace: shop}
        spec:
          parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
          rules: [{filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [server]}}]}]
        """,
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: one, namespace: shop}
        spec:
          parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
          rules: [{retry: {attempts: 3}}]
        """,
        """
        apiVersion: policy.linkerd.io/v1beta3
        kind: HTTPRoute
        metadata: {name: one, namespace: shop, annotations: {timeout.linkerd.io/request: 5s}}
        spec:
          parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
        """
      })
  void whatShapesTrafficAndIsNotEnforcedIsOneWarning(String manifest) {
    assertThat(found(manifest))
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.severity()).isEqualTo(LintFinding.Severity.WARNING);
              assertThat(finding.rule().text()).isEqualTo("not-in-force");
              assertThat(finding.origin()).startsWith("test.yaml:");
            });
  }

  @Test
  void aRouteOfAServerAndAServiceSaysWhatEachDoesNotDo() {
    assertThat(
            found(
                """
                apiVersion: policy.linkerd.io/v1beta3
                kind: HTTPRoute
                metadata: {name: one, namespace: shop}
                spec:
                  parentRefs:
                    - {group: policy.linkerd.io, kind: Server, name: web}
                    - {group: "", kind: Service, name: web, port: 80}
                  rules:
                    - timeouts: {request: 5s}
                      filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [server]}}]
                """))
        .extracting(LintFinding::field)
        .containsExactlyInAnyOrder("spec.parentRefs[1]", "spec.rules[0].filters[0].type");
  }

  @Test
  void whatIsEnforcedIsNotInTheTable() {
    assertThat(
            found(
                """
                apiVersion: policy.linkerd.io/v1beta3
                kind: HTTPRoute
                metadata: {name: one, namespace: shop}
                spec:
                  parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
                  hostnames: [web.example]
                  rules:
                    - matches: [{path: {value: /a}, method: GET}]
                      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x]}}]
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: one, namespace: shop, annotations: {config.linkerd.io/opaque-ports: "80"}}
                spec: {ports: [{port: 80}]}
                """))
        .isEmpty();
  }

  private static List<LintFinding> found(String text) {
    Manifests manifests = new ManifestReader(AdmissionRules::check).read("test.yaml", text);
    Map<ResourceKey, HasMetadata> objects = manifests.objectsOver(Map.of(), Map.of());
    assertThat(manifests.findings().stream().filter(f -> f.isError())).isEmpty();
    return NotInForce.of(ClusterView.of(1, objects.values(), manifests.positions()));
  }
}
