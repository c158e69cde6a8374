package io.signetmesh.crds.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Schema and rules together say of one mistake one thing. */
final class OneMistakeOneMessageTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          MeshTLSAuthentication|v1alpha1|{identities: ['*'], identityRefs: [{kind: ServiceAccount, name: a}]}|exclude each other
          MeshTLSAuthentication|v1alpha1|{}|is required
          MeshTLSAuthentication|v1alpha1|{identities: []}|at least 1 element, found 0
          MeshTLSAuthentication|v1alpha1|{identityRefs: []}|at least 1 element, found 0
          Server|v1beta3|{port: 80, podSelector: {}, externalWorkloadSelector: {}}|exclude each other
          Server|v1beta3|{port: 80}|is required
          ServerAuthorization|v1beta1|{server: {name: a, selector: {}}, client: {unauthenticated: true}}|exclude each other
          ServerAuthorization|v1beta1|{server: {}, client: {unauthenticated: true}}|is required
          NetworkAuthentication|v1alpha1|{networks: []}|at least one network
          NetworkAuthentication|v1alpha1|{}|missing
          """)
  void ofOneMistakeOneThingIsSaid(String kind, String version, String spec, String message) {
    List<ManifestFinding> findings =
        new ManifestReader(AdmissionRules::check)
            .read(
                "test.yaml",
                """
                apiVersion: policy.linkerd.io/%s
                kind: %s
                metadata: {name: a, namespace: shop}
                spec: %s
                """
                    .formatted(version, kind, spec))
            .findings();
    assertThat(findings).singleElement().asString().contains(message);
  }
}
