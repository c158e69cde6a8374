package io.signetmesh.crds.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.ContentBudget;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.admission.AdmissionRules;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ConfigMaps and Secrets are read where an authentication refers to them, and nowhere else. */
final class ContentHoldersTest {
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
    ContentHolder held = (ContentHolder) Objects.requireNonNull(manifests.objects().get(MAP));
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
    ContentHolder held = (ContentHolder) Objects.requireNonNull(manifests.objects().get(SECRET));
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

  @Test
  void binaryDataThatMayBeABundleIsKept() {
    byte[] zipped = {0x1f, (byte) 0x8b, 8, 0, 1};
    String base64 = Base64.getEncoder().encodeToString(zipped);
    String bundles =
        """
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: policies, namespace: shop}
        binaryData: {bundle.tar.gz: %s, other: AAAA, large: %s}
        """;
    String user =
        """
        ---
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: RegoAuthentication
        metadata: {name: a, namespace: shop}
        spec: {entrypoint: mesh/allow, bundle: {configMapRef: {name: policies}}}
        """;
    ResourceKey key = new ResourceKey("", "ConfigMap", "shop", "policies");
    byte[] large = new byte[ContentHolder.MAX_BUNDLE - 300_000];
    large[0] = 0x1f;
    large[1] = (byte) 0x8b;
    Manifests manifests =
        reader.read(
            "test.yaml",
            bundles.formatted(base64, Base64.getEncoder().encodeToString(large)) + user);
    assertThat(manifests.findings()).isEmpty();
    ContentHolder held = (ContentHolder) Objects.requireNonNull(manifests.objects().get(key));
    assertThat(held.spec().byName()).containsOnlyKeys("bundle.tar.gz", "other", "large");
    assertThat(held.spec().bundles()).containsOnlyKeys("bundle.tar.gz", "large");
    assertThat(
            Objects.requireNonNull(held.spec().bundles().get("bundle.tar.gz")).asReadOnlyBuffer())
        .isEqualTo(ByteBuffer.wrap(zipped));
    assertThat(new ContentHolder(key, Map.of(), Map.of("b", zipped)))
        .isEqualTo(new ContentHolder(key, Map.of(), Map.of("b", zipped.clone())))
        .isNotEqualTo(new ContentHolder(key, Map.of(), Map.of("b", new byte[] {0x1f, -117, 8})));
    byte[] tooLarge = new byte[ContentHolder.MAX_BUNDLE + 1];
    System.arraycopy(large, 0, tooLarge, 0, 2);
    assertThat(new ContentHolder(key, Map.of(), Map.of("b", tooLarge)).spec().bundles()).isEmpty();
    assertThat(reader.read("test.yaml", bundles.formatted("'*'", "AAAA") + user).errors())
        .singleElement()
        .asString()
        .contains("ConfigMap shop/policies: binaryData.bundle.tar.gz: expected base64");
  }

  private static byte[] zipped(int number, int size) {
    byte[] bytes = new byte[size];
    new Random(number).nextBytes(bytes);
    bytes[0] = 0x1f;
    bytes[1] = (byte) 0x8b;
    return bytes;
  }

  private static String configMap(String namespace, String name, byte[] bundle) {
    return """
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: %s, namespace: %s}
        binaryData: {bundle.tar.gz: %s}
        ---
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: RegoAuthentication
        metadata: {name: %s, namespace: %s}
        spec: {entrypoint: mesh/allow, bundle: {configMapRef: {name: %s}}}
        """
        .formatted(
            name, namespace, Base64.getEncoder().encodeToString(bundle), name, namespace, name);
  }

  private static ContentHolder.Entries entries(Manifests manifests, String namespace, String name) {
    ResourceKey key = new ResourceKey("", "ConfigMap", namespace, name);
    return ((ContentHolder) Objects.requireNonNull(manifests.objects().get(key))).spec();
  }

  @Test
  void theBundlesOfANamespaceHaveFourMebibytesAndThoseOfOthersTheirs(@TempDir Path directory)
      throws Exception {
    ManifestDirectory manifests = new ManifestDirectory(directory, reader);
    int size = ContentBudget.MAX_NAMESPACE / 6;
    for (int i = 0; i < 7; i++) {
      Files.writeString(
          directory.resolve("greedy" + i + ".yaml"), configMap("greedy", "m" + i, zipped(i, size)));
    }
    Files.writeString(directory.resolve("modest.yaml"), configMap("modest", "m", zipped(9, size)));
    Manifests read = manifests.read();
    assertThat(read.findings()).isEmpty();
    for (int i = 0; i < 6; i++) {
      assertThat(entries(read, "greedy", "m" + i).bundles()).hasSize(1);
    }
    assertThat(entries(read, "greedy", "m6").bundles()).isEmpty();
    assertThat(entries(read, "greedy", "m6").refused())
        .containsEntry(
            "bundle.tar.gz",
            "entry bundle.tar.gz has 699050 bytes and is not kept: the bundles in ConfigMaps of"
                + " namespace greedy before it have 4194300, expected at most 4194304 together");
    assertThat(entries(read, "modest", "m").bundles()).hasSize(1);
    assertThat(read.passedOver()).isEmpty();

    Files.delete(directory.resolve("greedy1.yaml"));
    assertThat(entries(manifests.read(), "greedy", "m6").bundles()).as("there is room").hasSize(1);
  }

  @Test
  void theBundlesOfAllNamespacesHaveSixtyFourMebibytesAndLittleAlwaysHasRoom() {
    ContentBudget budget = new ContentBudget();
    for (int i = 0; i < 60; i++) {
      ContentHolder holder = holder("n" + i / 4, i);
      assertThat(holder.bounded(budget)).isSameAs(holder);
    }
    // 4 MiB are left: others get half of what is left to them, and so on.
    for (int i = 60; i < 62; i++) {
      ContentHolder holder = holder("greedy", i);
      assertThat(holder.bounded(budget)).isSameAs(holder);
    }
    assertThat(holder("greedy", 62).bounded(budget).spec().refused().values())
        .singleElement()
        .asString()
        .contains(
            "of all namespaces before it have 65011712 of 67108864, and a namespace may have as"
                + " much as it leaves free: namespace greedy has 2097152");
    for (int i = 0; i < 10; i++) {
      ContentHolder small =
          new ContentHolder(
              new ResourceKey("", "ConfigMap", "small" + i, "m"),
              Map.of(),
              Map.of("b", zipped(100 + i, 20_000)));
      assertThat(small.bounded(budget)).isSameAs(small);
    }
  }

  private static ContentHolder holder(String namespace, int number) {
    return new ContentHolder(
        new ResourceKey("", "ConfigMap", namespace, "m" + number),
        Map.of(),
        Map.of("b", zipped(number, ContentHolder.MAX_BUNDLE)));
  }

  @Test
  void equalBundlesAreKeptOnceAndCountOnce() {
    ContentBudget budget = new ContentBudget();
    ContentHolder first = holder("shop", 1);
    for (int i = 0; i < 100; i++) {
      ContentHolder again = holder("shop", 1);
      assertThat(again.bounded(budget)).isSameAs(again);
      assertThat(again.spec().bundles().get("b")).isSameAs(first.spec().bundles().get("b"));
    }
    assertThat(first.spec().bundles().get("b"))
        .isNotEqualTo(holder("a", 2).spec().bundles().get("b"));
  }
}
