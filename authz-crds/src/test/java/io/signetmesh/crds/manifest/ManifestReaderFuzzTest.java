package io.signetmesh.crds.manifest;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.crds.admission.AdmissionRules;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ManifestReaderFuzzTest {
  private static final ManifestReader READER = new ManifestReader(AdmissionRules::check);

  static Stream<Arguments> files() {
    return Stream.of(
            """
            apiVersion: policy.linkerd.io/v1beta3
            kind: Server
            metadata: {name: web, namespace: shop}
            spec: {port: 80, podSelector: {matchLabels: {app: web}}}
            ---
            {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod"}]}
            """,
            "a: &a [*a]\n--- !!set {a, b}\n--- |\n  text\n...\n%YAML 1.2\n--- *x\n",
            "? {a: b}\n: c\n",
            "a: b\n---\nc: \"\\u",
            "\uFEFFapiVersion: v1\nkind: Node\nmetadata: {name: \"\\u0000\"}\n",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\nspec: {priority: 0x7fffffffffffffffff}",
            "--- >\n \u2028\u0085\n- -\t- [\n---\n'")
        .map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Whatever a file holds, it is read or its findings say why not, and never both. */
  @MethodSource("files")
  @FuzzTest(maxDuration = "10m")
  void bytesOfAFile(byte[] bytes) {
    Manifests manifests = READER.read("m.yaml", bytes);
    if (manifests.isValid() != manifests.errors().isEmpty()) {
      throw new AssertionError("valid with errors, or invalid without: " + manifests.findings());
    }
  }
}
