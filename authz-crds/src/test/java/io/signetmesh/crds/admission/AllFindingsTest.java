package io.signetmesh.crds.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Mistakes that are made together: each is found, at its place, and none of them twice. */
class AllFindingsTest {
  private final ManifestReader reader = new ManifestReader(AdmissionRules::check);

  @Test
  void anObjectWithFiveMistakesHasFiveFindings() {
    Manifests manifests =
        reader.read(
            "m.yaml",
            """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: AuthorizationPolicy
            metadata:
              name: web
              namespace: shop
              labels: {tier: 1}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Servr, name: web}
              requiredAuthenticationRefs:
              - {group: policy.linkerd.io, kind: MeshTLSAuthentication}
              - {group: policy.linkerd.io, kind: NetworkAuthentication, name: [inside]}
              - {group: policy.signetmesh.io, kind: JWTAuthentication, name: key, namespase: x}
            """);
    assertThat(manifests.findings())
        .extracting(ManifestFinding::toString)
        .map(text -> text.replace("AuthorizationPolicy.policy.linkerd.io shop/web: ", ""))
        .map(text -> text.replaceAll(": expected Server .*|: expected MeshTLS.*", ""))
        .containsExactlyInAnyOrder(
            "m.yaml:6:18: error: metadata.labels.tier: expected a string, found a number (put it in"
                + " quotes)",
            "m.yaml:8:3: error: spec.targetRef: Servr of group \"policy.linkerd.io\" cannot be a"
                + " target",
            "m.yaml:10:5: error: spec.requiredAuthenticationRefs[0]: required field \"name\""
                + " missing",
            "m.yaml:11:67: error: spec.requiredAuthenticationRefs[1].name: expected a string, found"
                + " a list",
            "m.yaml:12:71: error: spec.requiredAuthenticationRefs[2]: unknown field \"namespase\""
                + " (did you mean \"namespace\"?)");
    assertThat(manifests.isValid()).isFalse();
    assertThat(manifests.objectsOver(Map.of(), Map.of())).isEmpty();
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        // Of a Server that cannot be read in part the rest is held to the rules.
        mistakes(
            """
            apiVersion: policy.linkerd.io/v1beta3
            kind: Server
            metadata: {name: web, namespace: shop, annotations: {policy.signetmesh.io/mod: audit}}
            spec:
              port: true
              podSelector: {matchExpressions: [{key: app, operator: Is}, {key: 1, operator: In}]}
              accessPolicy: allow
            """,
            "3:80 is no annotation of policy",
            "5:9 expected a number or a string",
            "6:57 is not one of In, NotIn",
            "6:68 expected a string",
            "6:62 In without values",
            "7:17 is not one of all-unauthenticated"),
        // A limit is not compared with a total that is not known.
        mistakes(
            """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: HTTPLocalRateLimitPolicy
            metadata: {name: web, namespace: shop}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: web}
              total: {requestsPerSecond: many}
              identity: {requestsPerSecond: 10}
              overrides: [{requestsPerSecond: 0, clientRefs: [{kind: User, name: a, name: b}]}]
            """,
            "8:73 duplicate key",
            "6:30 expected a whole number",
            "8:35 must be greater than 0",
            "8:51 is no client"),
        // A misspelt field is not missing as well, by schema or by rule.
        mistakes(
            """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: MeshTLSAuthentication
            metadata: {name: web, namespace: shop}
            spec: {identitys: ["*"]}
            """,
            "4:8 did you mean"),
        mistakes(
            """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: NetworkAuthentication
            metadata: {name: Web, namespace: shop}
            spec: {networks: [{cdir: 10.0.0.0/8, except: [10.1.0.0]}, {cidr: 10.0.0.0/99}, 5]}
            """,
            "3:18 is not a lower-case DNS subdomain",
            "4:20 did you mean",
            "4:66 10.0.0.0/99",
            "4:80 expected an object"),
        // What a path is compared by is not known, so its form is not judged.
        mistakes(
            """
            apiVersion: policy.linkerd.io/v1beta3
            kind: HTTPRoute
            metadata: {name: web, namespace: shop}
            spec:
              parentRefs: [{group: policy.linkerd.io, kind: Server, name: web, port: x}, {kind: Server, name: web}]
              rules:
              - matches: [{path: {type: Regex, value: "^/a"}, headers: [{name: "a b", value: x}]}]
                filters: [{type: Redirect}, {type: RequestHeaderModifier, requestHeaderModifier: {remove: [te]}}]
                timeouts: {request: 1s, backendRequest: 2s}
            """,
            "5:74 expected a whole number",
            "7:29 is not one of Exact",
            "7:68 is not",
            "8:22 is not one of RequestHeaderModifier",
            "8:96 cannot be changed by a route",
            "9:45 is longer than the whole request"),
        // Fields of another version, and the name that an older one has for a field.
        mistakes(
            """
            apiVersion: workload.linkerd.io/v1alpha1
            kind: ExternalWorkload
            metadata: {name: vm, namespace: shop}
            spec:
              meshTls: {identity: 5, serverName: vm}
              ports: [{port: 80, name: a}, {port: 0, name: a}]
              workloadIPs: [{ip: here}]
            """,
            "5:23 expected a string",
            "6:39 is not a number from 1",
            "6:48 is there already",
            "7:22 is not an IP address"),
        mistakes(
            """
            apiVersion: workload.linkerd.io/v1alpha1
            kind: ExternalWorkload
            metadata: {name: vm, namespace: shop}
            spec:
              meshTls: {identity: "spiffe://Root/a", serverName: vm}
            """,
            "5:23 is no identity"));
  }

  private static Arguments mistakes(String manifest, String... findings) {
    return Arguments.of(manifest, List.of(findings));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void findsEachMistakeOnceAndNothingThatFollowsFromIt(String manifest, List<String> expected) {
    List<String> found =
        reader.read("m", manifest).findings().stream().map(ManifestFinding::toString).toList();
    assertThat(found).as(manifest).hasSameSizeAs(expected);
    for (String finding : expected) {
      int space = finding.indexOf(' ');
      assertThat(found)
          .as(manifest)
          .anyMatch(
              text ->
                  text.startsWith("m:" + finding.substring(0, space) + ": ")
                      && text.contains(finding.substring(space + 1)));
    }
  }
}
