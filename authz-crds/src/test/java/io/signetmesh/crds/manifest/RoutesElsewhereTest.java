package io.signetmesh.crds.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.route.GatewayHttpRoute;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Routes of the Gateway API that are another controller's stand beside those of the mesh. */
final class RoutesElsewhereTest {
  private static final String NEWER =
      """
      apiVersion: gateway.networking.k8s.io/v1
      kind: %s
      metadata: {name: web, namespace: shop}
      spec:
        parentRefs: [%s]
        rules:
          - filters: [{type: CORS, cors: {allowOrigins: ["https://a.example"]}}, {type: Newest, newest: {}}]
            retry: {codes: [503], attempts: 3}
            newest: {a: [1, 2]}
        newest: true
      """;

  private final ManifestReader reader = new ManifestReader(AdmissionRules::check);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{name: public}",
        "{name: public, sectionName: https, namespace: edge, port: 443}",
        "{group: gateway.networking.k8s.io, kind: Gateway, name: public}",
        "{kind: ListenerSet, name: public}",
        "{group: networking.istio.io, kind: ServiceEntry, name: out}",
        "{group: multicluster.x-k8s.io, kind: ServiceImport, name: web}",
        "{name: public}, {name: private}"
      })
  void aRouteWithoutAParentOfTheMeshIsPassedOverWithANote(String parents) {
    for (String kind : new String[] {"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"}) {
      Manifests read = reader.read("routes.yaml", NEWER.formatted(kind, parents));
      assertThat(read.findings()).as(kind).isEmpty();
      assertThat(read.isValid()).isTrue();
      assertThat(read.passedOver())
          .singleElement()
          .asString()
          .isEqualTo(
              "routes.yaml:1:1: note: "
                  + kind
                  + ".gateway.networking.k8s.io: 1 object is passed over: no parent is of the mesh"
                  + " (a Server, Service or EgressNetwork)");
    }
  }

  @Test
  void aPolicyThatNamesSuchARouteFindsItsParents() {
    Manifests read = reader.read("routes.yaml", NEWER.formatted("HTTPRoute", "{name: public}"));
    assertThat(read.objects().values())
        .singleElement()
        .isInstanceOfSatisfying(
            GatewayHttpRoute.class,
            route ->
                assertThat(route.spec().parentRefs())
                    .singleElement()
                    .matches(parent -> parent.name().equals("public")));
  }

  @Test
  void aRouteOfAVersionThatIsNotServedIsPassedOverToo() {
    Manifests read =
        reader.read(
            "routes.yaml",
            """
            apiVersion: gateway.networking.k8s.io/v2
            kind: HTTPRoute
            metadata: {name: web}
            spec: {parentRefs: [{name: public}], rules: 5}
            """);
    assertThat(read.findings()).isEmpty();
    assertThat(read.passedOver()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{group: policy.linkerd.io, kind: Server, name: web}",
        "{group: policy.linkerd.io, kind: Srever, name: web}",
        "{group: policy.linkerd.io, name: web}",
        "{group: policy.linkrd.io, kind: Thing, name: web}",
        "{group: policy.signetmesh.io, kind: Thing, name: web}",
        "{kind: Server, name: web}",
        "{kind: server, name: web}",
        "{kind: Sever, name: web}",
        "{kind: EgressNetworks, name: web}",
        "{group: '', kind: Service, name: web, port: 80}",
        "{group: '', name: web}",
        "{group: core, name: web}",
        "{group: gateway.networking.k8s.io, kind: Service, name: web}",
        "{kid: Server, name: web}",
        "{type: Server, name: web}",
        "{kind: [Server], name: web}",
        "{kind: 5, name: web}",
        "web",
        "{name: public}, {group: policy.linkerd.io, kind: Server, name: web}",
        ""
      })
  void aParentThatMayBeOfTheMeshIsHeldToTheSchema(String parents) {
    Manifests read = reader.read("routes.yaml", NEWER.formatted("HTTPRoute", parents));
    assertThat(read.isValid()).isFalse();
    assertThat(read.passedOver()).isEmpty();
    assertThat(read.errors()).anyMatch(error -> error.message().contains("\"newest\""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "spec: {parentRef: [{name: public}]}",
        "spec: {parentRefs: {name: public}}",
        "specs: {parentRefs: [{name: public}]}",
        "spec: {parentRefs: [{name: public}], parentRefs: [{name: private}]}"
      })
  void parentsThatCannotBeReadAreErrors(String spec) {
    Manifests read =
        reader.read(
            "routes.yaml",
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: web, namespace: shop}
            """
                + spec);
    assertThat(read.isValid()).isFalse();
  }

  @Test
  void anAnnotationOfPolicyMakesItARouteOfTheMesh() {
    Manifests read =
        reader.read(
            "routes.yaml",
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: web, namespace: shop, annotations: {policy.signetmesh.io/mode: audit}}
            spec: {parentRefs: [{name: public}]}
            """);
    assertThat(read.isValid()).isFalse();
    assertThat(read.passedOver()).isEmpty();
  }

  @Test
  void filtersOfNewerVersionsOnARouteOfAServerAreWarnings() {
    Manifests read =
        reader.read(
            "routes.yaml",
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: web, namespace: shop}
            spec:
              parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
              rules:
                - filters:
                    - {type: CORS, cors: {allowOrigins: ["https://a.example"], maxAge: 5}}
                    - {type: ExternalAuth, externalAuth: {protocol: HTTP}}
                    - type: RequestMirror
                      requestMirror: {backendRef: {name: copy, port: 80}, percent: 10}
                  retry: {codes: [503], attempts: 3}
            """);
    assertThat(read.isValid()).isTrue();
    assertThat(read.warnings())
        .extracting(ManifestFinding::field)
        .containsExactly(
            "spec.rules[0].filters[0].type",
            "spec.rules[0].filters[1].type",
            "spec.rules[0].filters[2].type");
    assertThat(read.passedOver()).isEmpty();
  }
}
