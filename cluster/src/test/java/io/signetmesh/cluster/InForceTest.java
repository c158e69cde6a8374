package io.signetmesh.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ContentBudget;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.crds.manifest.Position;
import io.signetmesh.crds.policy.Server;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Which objects stay when a directory is read again and not all of it is valid. */
final class InForceTest {
  private static final String BROKEN = "---\nbroken: [\n";

  private final ManifestReader reader = new ManifestReader(AdmissionRules::check);
  private final Map<String, String> files = new LinkedHashMap<>();
  private InForce state = InForce.NOTHING;

  private static String server(String name, int port) {
    return """
    ---
    apiVersion: policy.linkerd.io/v1beta3
    kind: Server
    metadata: {name: %s, namespace: shop}
    spec: {port: %d, podSelector: {}}
    """
        .formatted(name, port);
  }

  private static String invalid(String name) {
    return server(name, 1).replace("port: 1", "port: 99999");
  }

  private static String torn(String name, int port) {
    return server(name, port).replace("{port", "{{port");
  }

  private InForceTest write(String file, String... documents) {
    files.put(file, String.join("", documents));
    return this;
  }

  private InForceTest delete(String file) {
    files.remove(file);
    return this;
  }

  private void read() {
    List<Manifests> parts =
        files.entrySet().stream().map(file -> reader.read(file.getKey(), file.getValue())).toList();
    state = state.after(Manifests.merge(parts), files::get);
  }

  private Map<String, Integer> ports() {
    Map<String, Integer> ports = new LinkedHashMap<>();
    state
        .objects()
        .forEach(
            (key, object) -> ports.put(key.name(), ((Server) object).spec().port().getIntVal()));
    return ports;
  }

  private List<String> findings() {
    return state.findings().stream().map(ManifestFinding::toString).toList();
  }

  @Test
  void anObjectThatNeverWasValidIsLeftOut() {
    write("a.yaml", server("web", 1), invalid("api")).read();
    assertThat(ports()).containsExactly(Map.entry("web", 1));
    write("a.yaml", server("web", 2), invalid("api")).read();
    assertThat(ports()).containsExactly(Map.entry("web", 2));
    assertThat(findings()).singleElement().asString().startsWith("a.yaml:10:14: error: ");
  }

  @Test
  void anInvalidObjectThatMovesToAnotherFileKeepsItsLastGoodForm() {
    write("a.yaml", server("web", 1)).read();
    delete("a.yaml").write("b.yaml", invalid("web")).read();
    assertThat(ports()).containsEntry("web", 1);
    assertThat(state.positions().values()).extracting(Position::source).containsExactly("b.yaml");
    write("b.yaml", server("web", 2)).read();
    assertThat(ports()).containsEntry("web", 2);
    delete("b.yaml").read();
    assertThat(ports()).isEmpty();
  }

  @Test
  void anInvalidObjectThatIsDeletedIsGone() {
    write("a.yaml", server("web", 1), server("api", 1)).read();
    write("a.yaml", server("api", 1), invalid("web")).read();
    write("a.yaml", server("api", 1)).read();
    assertThat(ports()).containsOnlyKeys("api");
    assertThat(findings()).isEmpty();
  }

  @Test
  void anObjectGivenTwiceStaysAsItWas() {
    write("a.yaml", server("web", 1)).read();
    write("b.yaml", server("web", 2)).read();
    assertThat(ports()).containsEntry("web", 1);
    assertThat(findings())
        .containsExactly(
            "b.yaml:2:1: error: Server.policy.linkerd.io shop/web: is given twice, first at"
                + " a.yaml:2:1");
    delete("a.yaml").read();
    assertThat(ports()).containsEntry("web", 2);
  }

  @Test
  void oneOfTwoCopiesThatCannotBeReadStillCounts() {
    write("a.yaml", server("web", 1)).read();
    write("b.yaml", server("web", 2)).read();
    write("a.yaml", BROKEN).read();
    assertThat(ports()).containsEntry("web", 1);
    write("a.yaml", server("web", 1)).write("b.yaml", BROKEN).read();
    assertThat(ports()).containsEntry("web", 1);
    delete("b.yaml").write("a.yaml", server("web", 3)).read();
    assertThat(ports()).containsEntry("web", 3);
  }

  @Test
  void anObjectThatAppearsElsewhereWhileItsFileCannotBeReadStaysAsItWas() {
    write("a.yaml", server("web", 1)).read();
    write("a.yaml", BROKEN).write("b.yaml", server("web", 2)).read();
    assertThat(ports()).containsEntry("web", 1);
    assertThat(findings())
        .anySatisfy(
            finding ->
                assertThat(finding)
                    .startsWith("b.yaml:2:1: error: Server.policy.linkerd.io shop/web: stays")
                    .contains("a.yaml"));
    write("a.yaml", server("api", 1)).read();
    assertThat(ports()).containsEntry("web", 2).containsEntry("api", 1);
  }

  @Test
  void anObjectStaysWhileTheFileItCameFromCannotBeRead() {
    write("a.yaml", server("web", 1), server("api", 1)).write("b.yaml", server("other", 1)).read();
    write("a.yaml", server("web", 2), BROKEN).read();
    assertThat(ports()).containsEntry("web", 2).containsEntry("api", 1);
    delete("b.yaml").read();
    assertThat(ports()).containsOnlyKeys("web", "api");
    write("a.yaml", BROKEN).read();
    assertThat(ports()).containsOnlyKeys("web", "api");
    assertThat(findings()).anyMatch(finding -> finding.contains("stay as last read"));
    write("a.yaml", server("web", 3)).read();
    assertThat(ports()).containsExactly(Map.entry("web", 3));
    assertThat(findings()).isEmpty();
  }

  @Test
  void anObjectThatMovesIntoAFileThatCannotBeReadStays() {
    write("a.yaml", server("web", 1), server("api", 1)).read();
    write("a.yaml", server("api", 2)).write("b.yaml", torn("web", 2)).read();
    assertThat(ports()).containsEntry("web", 1).containsEntry("api", 2);
    // Edited again, and still torn.
    write("b.yaml", torn("web", 3)).read();
    assertThat(ports()).containsEntry("web", 1);
    write("b.yaml", server("web", 4)).read();
    assertThat(ports()).containsEntry("web", 4).containsEntry("api", 2);
  }

  @Test
  void anObjectThatMightHaveMovedIsGoneOnceNothingMayHoldIt() {
    write("a.yaml", server("web", 1), server("api", 1)).read();
    write("a.yaml", server("api", 2)).write("b.yaml", torn("web", 2)).read();
    write("b.yaml", server("more", 1)).read();
    assertThat(ports()).containsOnlyKeys("api", "more");
    assertThat(findings()).isEmpty();
  }

  @Test
  void aDeletionAppliesBesideAFileThatHasBeenUnreadableForLong() {
    write("a.yaml", server("web", 1), server("api", 1)).write("b.yaml", server("other", 1)).read();
    write("b.yaml", BROKEN).read();
    assertThat(ports()).containsOnlyKeys("web", "api", "other");
    write("a.yaml", server("web", 1)).read();
    assertThat(ports()).containsOnlyKeys("web", "other");
  }

  @Test
  void aDirectoryThatCannotBeReadHoldsWhatCameFromIt() {
    write("dir/a.yaml", server("web", 1)).write("dirt.yaml", server("api", 1)).read();
    delete("dir/a.yaml").delete("dirt.yaml").write("dir", BROKEN).read();
    // "dir" became unreadable as "api" went away: it may have been moved there.
    assertThat(ports()).containsOnlyKeys("web", "api");
    delete("dir").write("dir/a.yaml", server("web", 2)).read();
    assertThat(ports()).containsExactly(Map.entry("web", 2));
  }

  @Test
  void ofAThousandOneInvalidObjectKeepsItsLastGoodFormAndTheRestApplies() {
    StringBuilder before = new StringBuilder();
    StringBuilder after = new StringBuilder();
    for (int i = 0; i < 1_000; i++) {
      before.append(server("s" + i, 1));
      after.append(i == 500 ? invalid("s" + i) : server("s" + i, 2));
    }
    write("all.yaml", before.toString()).read();
    write("all.yaml", after.toString()).read();
    assertThat(ports()).hasSize(1_000).containsEntry("s500", 1);
    assertThat(ports().values().stream().filter(port -> port == 2)).hasSize(999);
    assertThat(findings())
        .singleElement()
        .asString()
        .startsWith("all.yaml:2505:14: error: Server.policy.linkerd.io shop/s500: spec.port: ");
    assertThat(state.findings().getFirst().resource())
        .isEqualTo(new ResourceKey("policy.linkerd.io", "Server", "shop", "s500"));
  }

  @Test
  void keysStayWithAnAuthenticationThatIsEditedBadly() {
    String keys =
        """
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: keys, namespace: shop}
        data: {jwks.json: '{"keys": [%s]}'}
        """;
    String user =
        """
        ---
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: JWTAuthentication
        metadata: {name: a, namespace: shop}
        spec: {issuer: 'https://id.example', anyAudience: %s, keys: {configMapRef: {name: keys}}}
        """;
    ResourceKey map = new ResourceKey("", "ConfigMap", "shop", "keys");
    write("keys.yaml", keys.formatted("1")).write("user.yaml", user.formatted("true")).read();
    assertThat(state.objects()).containsKey(map);
    write("user.yaml", user.formatted("maybe")).write("keys.yaml", keys.formatted("2")).read();
    assertThat(state.objects()).hasSize(2);
    assertThat(((ContentHolder) Objects.requireNonNull(state.objects().get(map))).spec().byName())
        .containsEntry("jwks.json", "{\"keys\": [2]}");
    delete("user.yaml").read();
    assertThat(state.objects()).isEmpty();
  }

  @Test
  void bundlesThatStayBecauseOfAnUnreadableFileHaveTheBudgetOfTheirNamespace() {
    for (int i = 0; i < 10; i++) {
      byte[] bundle = new byte[ContentBudget.MAX_NAMESPACE / 6];
      Arrays.fill(bundle, (byte) i);
      bundle[0] = 0x1f;
      bundle[1] = (byte) 0x8b;
      String name = "m" + i;
      write(
              "a.yaml",
              """
              ---
              apiVersion: v1
              kind: ConfigMap
              metadata: {name: %s, namespace: shop}
              binaryData: {bundle.tar.gz: %s}
              ---
              apiVersion: policy.signetmesh.io/v1alpha1
              kind: RegoAuthentication
              metadata: {name: %s, namespace: shop}
              spec: {entrypoint: mesh/allow, bundle: {configMapRef: {name: %s}}}
              """
                  .formatted(name, Base64.getEncoder().encodeToString(bundle), name, name),
              BROKEN)
          .read();
      assertThat(bundles().get(i)).as("the newest one").isEqualTo(true);
    }
    assertThat(bundles()).hasSize(10);
    assertThat(bundles().values()).filteredOn(Boolean::booleanValue).hasSize(6);
  }

  /** Whether the bundle of a ConfigMap is kept, by number. */
  private Map<Integer, Boolean> bundles() {
    Map<Integer, Boolean> kept = new LinkedHashMap<>();
    for (HasMetadata object : state.objects().values()) {
      if (object instanceof ContentHolder holder) {
        kept.put(Integer.parseInt(holder.name().substring(1)), !holder.spec().bundles().isEmpty());
      }
    }
    return kept;
  }
}
