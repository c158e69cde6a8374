package io.signetmesh.crds.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.crds.token.ClaimValue;
import io.signetmesh.crds.token.JWTAuthentication;
import io.signetmesh.crds.token.JWTAuthenticationSpec;
import io.signetmesh.crds.token.TokenBinding;
import io.signetmesh.crds.token.TokenForwarding;
import io.signetmesh.crds.token.TokenSource;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** JWTAuthentications as they are read and admitted. */
final class TokenRulesTest {
  private static final String KEYS = "keys: {jwksUri: 'https://id.example/keys'}";
  private static final String BASE = "issuer: https://id.example, audiences: [shop], ";

  private static Manifests read(String spec) {
    return new ManifestReader(AdmissionRules::check)
        .read(
            "test.yaml",
            """
            apiVersion: policy.signetmesh.io/v1alpha1
            kind: JWTAuthentication
            metadata: {name: staff, namespace: shop}
            spec: {%s}
            """
                .formatted(spec));
  }

  private static JWTAuthenticationSpec spec(String spec) {
    Manifests manifests = read(spec);
    assertThat(manifests.findings()).isEmpty();
    HasMetadata object = manifests.objects().values().iterator().next();
    return ((JWTAuthentication) object).spec();
  }

  private static List<String> findings(String spec) {
    return read(spec).findings().stream().map(ManifestFinding::toString).toList();
  }

  @Test
  void whatIsNotWrittenHasTheDocumentedDefaults() {
    JWTAuthenticationSpec spec = spec(BASE + KEYS);
    assertThat(spec.algorithms()).containsExactly("ES256", "ES384", "RS256", "PS256", "EdDSA");
    assertThat(spec.from()).containsExactly(new TokenSource("Authorization", null, null, null));
    assertThat(spec.from().getFirst().prefixOrDefault(TokenBinding.NONE)).isEqualTo("Bearer ");
    assertThat(spec.from().getFirst().prefixOrDefault(TokenBinding.DPOP)).isEqualTo("DPoP ");
    assertThat(spec.clockSkew()).isEqualTo("60s");
    assertThat(spec.expiryOptional()).isFalse();
    assertThat(spec.anyAudience()).isFalse();
    assertThat(spec.maxTokenAge()).isNull();
    assertThat(spec.boundTo()).isEqualTo(TokenBinding.NONE);
    assertThat(spec.forward()).isEqualTo(TokenForwarding.NOTHING);
    assertThat(spec.errorDetail()).isFalse();
    assertThat(spec.keys().refreshInterval()).isNull();
  }

  @Test
  void valuesOfClaimsKeepTheirTypes() {
    JWTAuthenticationSpec spec =
        spec(
            BASE
                + KEYS
                + ", claims: [{path: [a], anyOf: [\"1\", 1, 1.50, 1e3, true, \"true\", 0x10,"
                + " 12345678901234567890.5]}]");
    assertThat(spec.claims().getFirst().anyOf())
        .containsExactly(
            ClaimValue.of("1"),
            ClaimValue.of(BigDecimal.ONE),
            ClaimValue.of(new BigDecimal("1.5")),
            ClaimValue.of(new BigDecimal("1000")),
            ClaimValue.of(true),
            ClaimValue.of("true"),
            ClaimValue.of(new BigDecimal("16")),
            ClaimValue.of(new BigDecimal("12345678901234567890.5")));
    assertThat(ClaimValue.of(new BigDecimal("1.0"))).isEqualTo(ClaimValue.of(BigDecimal.ONE));
    assertThat(ClaimValue.of("1")).isNotEqualTo(ClaimValue.of(BigDecimal.ONE));
  }

  @Test
  void everyFieldOfTheTableIsRead() {
    JWTAuthenticationSpec spec =
        spec(
            "issuer: spiffe://mesh/id, anyAudience: true,"
                + " keys: {secretRef: {name: keys}},"
                + " algorithms: [RS512, EdDSA],"
                + " from: [{header: x-token}, {cookie: session}, {queryParameter: access_token}],"
                + " clockSkew: 5m, expiryOptional: true, maxTokenAge: 1h,"
                + " claims: [{path: [kubernetes.io, namespace], equals: shop},"
                + " {path: [groups], allOf: [a, b]}, {path: [x], noneOf: [1]},"
                + " {path: [w], matches: 'a.*'}, {path: [z], exists: false}],"
                + " boundTo: DPoP,"
                + " forward: {stripToken: true, payloadHeader: X-Claims,"
                + " claims: [{path: [sub], header: X-User}]},"
                + " errorDetail: true");
    assertThat(Objects.requireNonNull(spec.keys().secretRef()).key()).isEqualTo("jwks.json");
    assertThat(spec.from().getFirst().prefixOrDefault(spec.boundTo())).isEmpty();
    assertThat(spec.claims().getFirst().path()).containsExactly("kubernetes.io", "namespace");
    assertThat(spec.claims().getLast().exists()).isFalse();
    assertThat(Objects.requireNonNull(spec.forward()).claims().getFirst().header())
        .isEqualTo("X-User");
    assertThat(spec.boundTo()).isEqualTo(TokenBinding.DPOP);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          keys: {jwksUri: 'https://id.example/keys'}|audiences is required: a token for another
          audiences: [a], anyAudience: true, keys: {jwksUri: 'https://id.example/keys'}|true excludes audiences
          audiences: [a], keys: {}|one of the fields "jwksUri", "discovery", "jwks", "configMapRef", "secretRef" is required
          audiences: [a], keys: {jwksUri: 'https://a.b/c', discovery: 'https://a.b/c'}|exclude each other
          audiences: [a], keys: {jwksUri: 'http://id.example/keys'}|expected https://
          audiences: [a], keys: {jwksUri: 'http://10.0.0.1/keys'}|expected https://
          audiences: [a], keys: {jwksUri: 'ftp://id.example/keys'}|expected https://
          audiences: [a], keys: {jwksUri: 'https://me@id.example/keys'}|user information
          audiences: [a], keys: {jwksUri: 'https://id.example/keys#a'}|fragment
          audiences: [a], keys: {discovery: 'https:///x'}|is no URL of a key set
          audiences: [a], keys: {discovery: 'https://id.example:0/x'}|port is not 1 to 65535
          audiences: [a], keys: {jwks: '{}', maxAge: 1h}|is for keys that are fetched
          audiences: [a], keys: {jwks: '{}', caBundle: x}|is for keys that are fetched
          audiences: [a], keys: {jwksUri: 'https://a.b/c', caBundle: x}|expected X.509 certificates
          audiences: [a], keys: {jwksUri: 'https://a.b/c', refreshInterval: 2h, maxAge: 1h}|shorter than refreshInterval
          audiences: [a], keys: {jwksUri: 'https://a.b/c', refreshInterval: 1ms}|is not from 1 s to 86400 s
          audiences: [a], keys: {jwksUri: 'https://a.b/c', maxAge: 200h}|is not from 1 s to 604800 s
          """)
  void audiencesAndKeysAreHeldToTheirRules(String spec, String message) {
    assertThat(findings("issuer: https://id.example, " + spec))
        .singleElement()
        .asString()
        .contains(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://127.0.0.1:8080/keys",
        "http://[::1]/keys",
        "https://id.example/keys?a=b",
        "https://10.0.0.1/keys"
      })
  void urlsOfTheMeshAndOfLoopbackAddressesAreTaken(String url) {
    assertThat(findings(BASE + "keys: {jwksUri: '" + url + "'}")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          algorithms: [none]|means no signature
          algorithms: [hs256]|takes a shared secret
          algorithms: [ES265]|did you mean "ES256"?
          algorithms: [ES256, ES256]|is given twice
          algorithms: []|expected 1 to 16 elements, found 0
          clockSkew: 301s|is not from 0 s to 300 s
          clockSkew: -1s|is not from 0 s to 300 s
          maxTokenAge: 0s|is not from 1 s
          from: []|expected 1 to 8 elements
          from: [{header: Host}]|belongs to HTTP or to the mesh
          from: [{header: l5d-client-id}]|belongs to HTTP or to the mesh
          from: [{header: transfer-encoding}]|belongs to HTTP or to the mesh
          from: [{header: Cookie}]|write cookie: NAME
          from: [{header: ':path'}]|is not an HTTP token
          from: [{cookie: a, prefix: x}]|is for a header
          from: [{cookie: a, header: x}]|exclude each other
          from: [{header: x-a}, {header: X-A}]|the same place is given twice
          from: [{header: dpop}], boundTo: DPoP|it carries the proof
          boundTo: Cert|is not one of None, Certificate, DPoP
          claims: [{path: [a]}]|one of the fields "equals"
          claims: [{path: [], exists: true}]|expected 1 to 8 elements, found 0
          claims: [{path: [a], equals: [1]}]|expected a string, a number or a boolean, found a list
          claims: [{path: [a], equals: 1e999}]|is not a number that a claim can have
          claims: [{path: [a], equals: 007}]|put it in quotes
          claims: [{path: [a], matches: '(?=a)'}]|is not a regular expression (RE2 syntax)
          claims: [{path: [a], equals: 1, exists: true}]|exclude each other
          forward: {claims: [{path: [sub], header: Authorization}]}|cannot be made of a claim
          forward: {claims: [{path: [sub], header: l5d_client_id}]}|cannot be made of a claim
          forward: {payloadHeader: host}|cannot be made of a claim
          forward: {payloadHeader: content-length}|cannot be made of a claim
          forward: {payloadHeader: grpc-timeout}|cannot be made of a claim
          forward: {payloadHeader: x-u, claims: [{path: [a], header: X-U}]}|is the header of spec.forward.claims[0].header already
          from: [{header: x-t}], forward: {payloadHeader: X-T}|is the header of spec.from already
          clockskew: 1s|did you mean "clockSkew"?
          """)
  void fieldsAreHeldToTheirRules(String field, String message) {
    assertThat(findings(BASE + KEYS + ", " + field)).singleElement().asString().contains(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          'a b'|has spaces
          'http://id.example'|expected https://
          'https://id.example#x'|fragment
          """)
  void anIssuerIsTextOrAUri(String issuer, String message) {
    assertThat(findings("issuer: " + issuer + ", audiences: [a], " + KEYS))
        .singleElement()
        .asString()
        .contains(message);
    assertThat(findings("issuer: kubernetes/serviceaccount, audiences: [a], " + KEYS)).isEmpty();
  }

  @Test
  void severalTokensMayBeRequiredButNoneTwiceAndAtMostFour() {
    assertThat(policy("a", "b", "c", "d")).isEmpty();
    assertThat(policy("a", "b", "a"))
        .singleElement()
        .asString()
        .contains("the JWTAuthentication \"shop/a\" is required twice");
    assertThat(policy("a", "b", "c", "d", "e"))
        .singleElement()
        .asString()
        .contains("at most 4 JWTAuthentications");
  }

  private static List<String> policy(String... tokens) {
    StringBuilder references = new StringBuilder();
    for (String token : tokens) {
      references.append(
          "  - {group: policy.signetmesh.io, kind: JWTAuthentication, name: %s}%n"
              .formatted(token));
    }
    return new ManifestReader(AdmissionRules::check)
            .read(
                "test.yaml",
                """
            apiVersion: policy.linkerd.io/v1alpha1
            kind: AuthorizationPolicy
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
