package io.signetmesh.crds.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.crds.rego.RegoAuthentication;
import io.signetmesh.crds.schema.ByteSize;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RegoAuthentications as they are read and admitted. */
final class RegoRulesTest {
  private static final String URL = "bundle: {url: 'https://bundles.example/mesh'}";

  private static Manifests read(String spec) {
    return new ManifestReader(AdmissionRules::check)
        .read(
            "test.yaml",
            """
            apiVersion: policy.signetmesh.io/v1alpha1
            kind: RegoAuthentication
            metadata: {name: rules, namespace: shop}
            spec: {%s}
            """
                .formatted(spec));
  }

  private static RegoAuthentication object(String spec) {
    Manifests manifests = read(spec);
    assertThat(manifests.findings()).isEmpty();
    HasMetadata object = manifests.objects().values().iterator().next();
    return (RegoAuthentication) object;
  }

  private static List<String> findings(String spec) {
    return read(spec).findings().stream().map(ManifestFinding::toString).toList();
  }

  @Test
  void whatIsNotWrittenHasTheDocumentedDefaults() {
    RegoAuthentication object =
        object("entrypoint: mesh/allow, bundle: {configMapRef: {name: policies}}");
    assertThat(object.spec().cpuTime()).isEqualTo("20ms");
    assertThat(object.spec().memory()).isEqualTo("16Mi");
    assertThat(Objects.requireNonNull(object.spec().bundle().configMapRef()).key())
        .isEqualTo("bundle.tar.gz");
    assertThat(object.holders())
        .containsExactly(new ResourceKey("", "ConfigMap", "shop", "policies"));
    assertThat(object("entrypoint: a, " + URL).holders()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "entrypoint: allow, bundle: {file: bundle.tar.gz}",
        "entrypoint: a-b/c.d/e, bundle: {file: _v1.2-3}",
        "entrypoint: a/b, bundle: {url: 'http://127.0.0.1:8080/b?v=1', maxAge: 10m}",
        "entrypoint: a/b, bundle: {url: 'https://10.0.0.1/b', refreshInterval: 1s, maxAge: 168h}",
        "entrypoint: a/b, bundle: {file: b}, cpuTime: 1ms, memory: 1Mi",
        "entrypoint: a/b, bundle: {file: b}, cpuTime: 1s, memory: 65536Ki",
        "entrypoint: a/b, bundle: {file: b}, memory: '1048576'"
      })
  void whatIsWithinTheBoundsIsTaken(String spec) {
    assertThat(findings(spec)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          bundle: {}|one of the fields "url", "configMapRef", "file" is required
          bundle: {url: 'https://a.b/c', file: b}|exclude each other
          bundle: {url: 'http://bundles.example/b'}|spec.bundle.url: "http://bundles.example/b" is no URL of a policy bundle: expected https://
          bundle: {url: 'https://me@a.b/c'}|user information
          bundle: {url: 'https://a.b/c', caBundle: x}|spec.bundle.caBundle: expected X.509 certificates
          bundle: {url: 'https://a.b/c', refreshInterval: 2h, maxAge: 1h}|spec.bundle.maxAge: is shorter than refreshInterval
          bundle: {url: 'https://a.b/c', refreshInterval: 25h, maxAge: 26h}|"25h" is not from 1 s to 86400 s
          bundle: {url: 'https://a.b/c', maxAge: 200h}|"200h" is not from 60 s to 604800 s
          bundle: {url: 'https://a.b/c', refreshInterval: 1s, maxAge: 59s}|"59s" is not from 60 s to 604800 s
          bundle: {file: b, maxAge: 1h}|spec.bundle.maxAge: is for a bundle that is fetched (url)
          bundle: {configMapRef: {name: a}, caBundle: x}|spec.bundle.caBundle: is for a bundle that is fetched (url)
          bundle: {file: ../b.tar.gz}|spec.bundle.file: "../b.tar.gz" is no file name
          bundle: {file: a/b.tar.gz}|is no file name
          bundle: {file: .hidden}|is no file name
          bundle: {file: '..'}|is no file name
          bundle: {file: 'a b'}|is no file name
          bundle: {configMapRef: {name: Policies}}|is not a lower-case DNS subdomain
          bundle: {uri: 'https://a.b/c'}|did you mean "url"?
          """)
  void bundlesAreHeldToTheirRules(String bundle, String message) {
    assertThat(findings("entrypoint: mesh/allow, " + bundle))
        .singleElement()
        .asString()
        .contains(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          entrypoint: data.mesh.allow|"data.mesh.allow" is no entry point: write "mesh/allow"
          entrypoint: mesh.allow|is no entry point: write "mesh/allow"
          entrypoint: /mesh/allow|one of its parts is empty
          entrypoint: mesh//allow|one of its parts is empty
          entrypoint: mesh/|one of its parts is empty
          entrypoint: 'mesh/ allow'|has blanks
          entrypoint: ''|spec.entrypoint
          entrypoint: a, cpuTime: 2s|spec.cpuTime: "2s" is not from 1 ms to 1 s
          entrypoint: a, cpuTime: 999us|spec.cpuTime: "999us" is not from 1 ms to 1 s
          entrypoint: a, memory: 65Mi|spec.memory: "65Mi" is not from 1Mi to 64Mi
          entrypoint: a, memory: 999999999Gi|spec.memory: "999999999Gi" is not from 1Mi to 64Mi
          entrypoint: a, memory: 1023Ki|spec.memory: "1023Ki" is not from 1Mi to 64Mi
          entrypoint: a, memory: 16M|a size such as 16Mi
          cpuTime: 1ms|entrypoint
          entrypoint: a, cputime: 1ms|did you mean "cpuTime"?
          """)
  void otherFieldsAreHeldToTheirRules(String fields, String message) {
    assertThat(findings(URL + ", " + fields)).singleElement().asString().contains(message);
  }

  @Test
  void sizesAreCountedInPowersOfTwo() {
    assertThat(ByteSize.parse("1Gi")).isEqualTo(1L << 30);
    assertThat(ByteSize.parse("3Ki")).isEqualTo(3_072);
  }

  @Test
  void twoBundlesMayBeRequiredButNoneTwice() {
    assertThat(policy("a", "b")).isEmpty();
    assertThat(policy("a", "a"))
        .singleElement()
        .asString()
        .contains("the RegoAuthentication \"shop/a\" is required twice");
    assertThat(policy("a", "b", "c"))
        .singleElement()
        .asString()
        .contains("at most 2 RegoAuthentications are taken, and this is one more");
  }

  @Test
  void aBundleOfAnotherNamespaceCannotBeRequired() {
    assertThat(policy("a, namespace: shop")).isEmpty();
    assertThat(policy("a, namespace: other"))
        .singleElement()
        .asString()
        .contains(
            "spec.requiredAuthenticationRefs[0].namespace: \"other\" is another namespace: a policy"
                + " can only require a RegoAuthentication of its own, \"shop\"");
  }

  private static List<String> policy(String... names) {
    StringBuilder references = new StringBuilder();
    for (String name : names) {
      references.append(
          "  - {group: policy.signetmesh.io, kind: RegoAuthentication, name: %s}%n"
              .formatted(name));
    }
    return new ManifestReader(AdmissionRules::check)
            .read(
                "test.yaml",
                """
            apiVersion: policy.signetmesh.io/v1alpha1
            kind: DenyPolicy
            metadata: {name: p, namespace: shop}
            spec:
              targetRef: {kind: Namespace, name: shop}
              requiredAuthenticationRefs:
            %s
            """
                    .formatted(references))
            .findings()
            .stream()
            .map(ManifestFinding::toString)
            .toList();
  }
}
