package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestReader;
import java.util.List;

/** Objects of tests, written as manifests. */
final class Objects {
  private Objects() {}

  static List<HasMetadata> of(String... documents) {
    return List.copyOf(
        new ManifestReader(AdmissionRules::check)
            .read("test.yaml", String.join("\n---\n", documents))
            .objects()
            .values());
  }

  static String pod(String namespace, String name, String app, String ip) {
    return """
    apiVersion: v1
    kind: Pod
    metadata: {name: %s, namespace: %s, labels: {app: %s}}
    spec:
      nodeName: node-1
      containers:
      - name: main
        image: app
        ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]
    status:
      phase: Running
      podIP: %s
      hostIP: 192.168.0.1
      conditions: [{type: Ready, status: "True"}]
    """
        .formatted(name, namespace, app, ip);
  }

  static String service(String name, String spec) {
    return """
    apiVersion: v1
    kind: Service
    metadata: {name: %s, namespace: shop}
    spec: %s
    """
        .formatted(name, spec);
  }
}
