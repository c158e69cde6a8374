package io.signetmesh.crds.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class ManifestReaderProperties {
  private static final String MANIFEST =
      """
      apiVersion: policy.linkerd.io/v1beta3
      kind: HTTPRoute
      metadata:
        name: web
        namespace: shop
      spec:
        parentRefs:
        - {group: policy.linkerd.io, kind: Server, name: web, port: 80}
        hostnames: ["web.shop", "*.example.com"]
        rules:
        - matches:
          - path: {type: Exact, value: /a}
            headers: [{name: x, value: "1"}]
            method: GET
          filters:
          - type: RequestHeaderModifier
            requestHeaderModifier: {set: [{name: a, value: b}]}
          timeouts: {request: 10s}
      ---
      apiVersion: v1
      kind: Service
      metadata: {name: web, namespace: shop}
      spec: {ports: [{port: 80, targetPort: http}], selector: {app: web}}
      """;

  private final ManifestReader reader = new ManifestReader((object, unread) -> List.of());

  @Property(tries = 1000)
  void neverFailsAndNeverGivesObjectsBesideErrors(@ForAll("damaged") String text) {
    Manifests manifests = reader.read("m.yaml", text);
    assertThat(manifests.isValid()).isEqualTo(manifests.errors().isEmpty());
    assertThat(manifests.findings())
        .allSatisfy(
            finding -> {
              assertThat(finding.position()).isNotNull();
              assertThat(finding.message()).isNotEmpty().doesNotContain("\n");
            });
    if (manifests.isValid()) {
      assertThat(manifests.positions().keySet()).isEqualTo(manifests.objects().keySet());
    }
  }

  @Property(tries = 300)
  void anyTextIsReadOrReported(@ForAll String text) {
    Manifests manifests = reader.read("m.yaml", text);
    assertThat(manifests.isValid()).isEqualTo(manifests.errors().isEmpty());
  }

  @Provide
  Arbitrary<String> damaged() {
    return Arbitraries.randoms().map(ManifestReaderProperties::damage);
  }

  private static String damage(Random random) {
    StringBuilder text = new StringBuilder(MANIFEST);
    String junk = "{}[]:,-&*!|>'\"%@`#? \t\n\r\u0000\uFEFF\u2028\ud83d0ax";
    int edits = 1 + random.nextInt(4);
    for (int i = 0; i < edits; i++) {
      int at = random.nextInt(text.length());
      int end = Math.min(text.length(), at + random.nextInt(12));
      switch (random.nextInt(4)) {
        case 0 -> text.delete(at, end);
        case 1 -> text.insert(at, junk.charAt(random.nextInt(junk.length())));
        case 2 -> text.insert(random.nextInt(text.length()), text.substring(at, end));
        default -> text.setCharAt(at, junk.charAt(random.nextInt(junk.length())));
      }
      if (text.isEmpty()) {
        text.append('a');
      }
    }
    return text.toString();
  }
}
