package io.signetmesh.crds.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.token.KeyHolder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** ConfigMaps and Secrets are read where a JWTAuthentication refers to them, and nowhere else. */
final class KeyHoldersTest {
  private static final String SET = "{\"keys\": []}";
  private static final ResourceKey MAP = new ResourceKey("", "ConfigMap", "shop", "keys");
  private static final ResourceKey SECRET = new ResourceKey("", "Secret", "shop", "keys");

  private final ManifestReader reader = new ManifestReader(AdmissionRules::check);

  private static String user(String ref) {
    return """
        ---
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: JWTAuthentication
        metadata: {name: a, namespace: shop}
        spec: {issuer: 'https://id.example', anyAudience: true, keys: {%s: {name: keys}}}
        """
        .formatted(ref);
  }

  private static String holder(String kind, String name, String data) {
    return """
        ---
        apiVersion: v1
        kind: %s
        metadata: {name: %s, namespace: shop}
        %s
        """
        .formatted(kind, name, data);
  }

  @Test
  void exactlyWhatIsReferredToIsRead() {
    Manifests manifests =
        reader.read(
            "test.yaml",
            holder("ConfigMap", "other", "data: {a: b}")
                + holder("ConfigMap", "keys", "data: {jwks.json: '" + SET + "', note: hello}")
                + holder("Secret", "keys", "stringData: {jwks.json: '" + SET + "'}")
                + user("configMapRef"));
    assertThat(manifests.findings()).isEmpty();
    assertThat(manifests.objects())
        .containsOnlyKeys(
            MAP, new ResourceKey("policy.signetmesh.io", "JWTAuthentication", "shop", "a"));
    KeyHolder held = (KeyHolder) Objects.requireNonNull(manifests.objects().get(MAP));
    assertThat(held.spec().byName()).containsEntry("jwks.json", SET).containsEntry("note", "");
    assertThat(held.key()).isEqualTo(MAP);
    assertThat(manifests.passedOver())
        .extracting(PassedOver::toString)
        .containsExactly(
            "test.yaml:2:1: note: ConfigMap: 1 object is passed over: not a kind that the mesh"
                + " reads",
            "test.yaml:12:1: note: Secret: 1 object is passed over: not a kind that the mesh reads");
  }

  @Test
  void aReferenceFromAnotherFileCounts() {
    Manifests keys =
        reader.read("keys.yaml", holder("ConfigMap", "keys", "data: {jwks.json: '" + SET + "'}"));
    Manifests user = reader.read("user.yaml", user("configMapRef"));
    assertThat(keys.objects()).isEmpty();
    Manifests both = Manifests.merge(List.of(keys, user));
    assertThat(both.objects()).containsKey(MAP);
    assertThat(both.positions().get(MAP)).hasToString("keys.yaml:2:1");
    assertThat(both.passedOver()).isEmpty();
    Manifests again = Manifests.merge(List.of(both, reader.read("c.yaml", "---\n")));
    assertThat(again.objects()).isEqualTo(both.objects());
    assertThat(again.passedOver()).isEmpty();
    assertThat(again.findings()).isEmpty();
  }

  @Test
  void whatIsWrongCountsOnlyWhereItIsReferredTo() {
    String broken = holder("ConfigMap", "keys", "data: [a]");
    assertThat(reader.read("test.yaml", broken).findings()).isEmpty();
    Manifests manifests = reader.read("test.yaml", broken + user("configMapRef"));
    assertThat(manifests.errors())
        .singleElement()
        .asString()
        .contains("ConfigMap shop/keys: data: expected an object, found a list");
    assertThat(manifests.invalidKeys()).containsExactly(MAP);
    assertThat(Manifests.merge(List.of(manifests)).errors()).hasSize(1);
  }

  @Test
  void anObjectThatIsGivenTwiceIsAnErrorWhereItIsReferredTo() {
    String one = holder("ConfigMap", "keys", "data: {jwks.json: '" + SET + "'}");
    assertThat(reader.read("test.yaml", one + one).findings()).isEmpty();
    Manifests first = reader.read("a.yaml", one + user("configMapRef"));
    Manifests both = Manifests.merge(List.of(first, reader.read("b.yaml", one)));
    assertThat(both.errors()).singleElement().asString().contains("is given twice");
    assertThat(both.invalidKeys()).containsExactly(MAP);
  }

  @Test
  void aSecretIsDecodedAndItsContentsAreInNoText() {
    String hidden = "{\"keys\": [\"very-secret\"]}";
    String data = Base64.getEncoder().encodeToString(hidden.getBytes(StandardCharsets.UTF_8));
    Manifests manifests =
        reader.read(
            "test.yaml",
            holder(
                    "Secret",
                    "keys",
                    "data: {jwks.json: %s, token: dmVyeS1zZWNyZXQ=}".formatted(data))
                + user("secretRef"));
    KeyHolder held = (KeyHolder) Objects.requireNonNull(manifests.objects().get(SECRET));
    assertThat(held.spec().byName()).containsEntry("jwks.json", hidden).containsEntry("token", "");
    assertThat(held.toString()).doesNotContain("very-secret").contains("jwks.json");
    assertThat(
            reader
                .read(
                    "test.yaml", holder("Secret", "keys", "data: {k: '*very'}") + user("secretRef"))
                .errors())
        .singleElement()
        .asString()
        .contains("expected base64")
        .doesNotContain("very");
  }
}
