package io.signetmesh.bench.controller;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * The manifests of a large mesh, one file for the pods and one for the policies of a namespace, and
 * the edits that are measured.
 *
 * @param manifests the directory that the controller watches
 * @param namespaces number of namespaces
 * @param podsPerNamespace number of pods in each, the same for every application
 */
record ScaleMesh(Path manifests, int namespaces, int podsPerNamespace) {
  /** Applications of a namespace; each has Servers of its own. */
  static final int APPLICATIONS = 10;

  /** Ports of each pod; each has a Server and an authorization of its own. */
  static final int PORTS = 5;

  static final int FIRST_PORT = 8080;
  static final String SERVICE_ACCOUNT = "apps";

  private static final String SHARED = "platform";

  /** A change of one object. */
  enum Edit {
    /** The labels of a pod: it comes under other Servers. */
    ONE_POD("one pod"),
    /** An authentication that every Server of a namespace depends on. */
    ONE_NAMESPACE("one namespace"),
    /** An authentication that every Server depends on. */
    EVERYTHING("everything");

    private final String label;

    Edit(String label) {
      this.label = label;
    }

    String label() {
      return label;
    }
  }

  int pods() {
    return namespaces * podsPerNamespace;
  }

  int ports() {
    return pods() * PORTS;
  }

  int authorizations() {
    return namespaces * (APPLICATIONS * PORTS + 2);
  }

  int servers() {
    return namespaces * APPLICATIONS * PORTS;
  }

  /** Messages that an edit must lead to. */
  int messages(Edit edit) {
    return switch (edit) {
      case ONE_POD -> PORTS;
      case ONE_NAMESPACE -> podsPerNamespace * PORTS;
      case EVERYTHING -> ports();
    };
  }

  static String namespace(int number) {
    return "team-%02d".formatted(number);
  }

  static String pod(int number) {
    return "pod-%03d".formatted(number);
  }

  void write() throws IOException {
    put("platform.yaml", shared(0));
    for (int i = 0; i < namespaces; i++) {
      put(namespace(i) + "-pods.yaml", pods(i, 0));
      put(namespace(i) + "-policies.yaml", policies(i, 0));
    }
  }

  /**
   * Puts an edited file in the place of the one that is there, in one step.
   *
   * @param round differs from edit to edit
   * @return namespace that the edit is about; empty for all
   */
  String apply(Edit edit, int round) throws IOException {
    int number = round % namespaces;
    switch (edit) {
      case ONE_POD -> put(namespace(number) + "-pods.yaml", pods(number, round));
      case ONE_NAMESPACE -> put(namespace(number) + "-policies.yaml", policies(number, round));
      case EVERYTHING -> put("platform.yaml", shared(round));
    }
    return edit == Edit.EVERYTHING ? "" : namespace(number);
  }

  private void put(String name, String text) throws IOException {
    Path temporary = manifests.resolve("." + name + ".tmp");
    Files.writeString(temporary, text);
    Files.move(temporary, manifests.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  private static String shared(int round) {
    return """
    apiVersion: policy.linkerd.io/v1alpha1
    kind: MeshTLSAuthentication
    metadata: {name: operators, namespace: %s}
    spec: {identities: ["round-%d.ops.serviceaccount.identity.linkerd.cluster.local"]}
    """
        .formatted(SHARED, round);
  }

  private String pods(int number, int round) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < podsPerNamespace; i++) {
      int application = i % APPLICATIONS;
      // The first pod of the namespace moves from application to application.
      int shown = i == 0 ? (application + round / namespaces + (round > 0 ? 1 : 0)) : application;
      text.append(
          """
          ---
          apiVersion: v1
          kind: Pod
          metadata:
            name: %s
            namespace: %s
            labels: {app: app-%d, tier: backend, linkerd.io/control-plane-ns: linkerd}
          spec:
            serviceAccountName: %s
            containers:
            - name: main
              image: app
              ports: [{containerPort: 8080}, {containerPort: 8081}, {containerPort: 8082}, {containerPort: 8083}, {containerPort: 8084}]
          status:
            phase: Running
            podIP: 10.%d.%d.%d
          """
              .formatted(
                  pod(i),
                  namespace(number),
                  shown % APPLICATIONS,
                  SERVICE_ACCOUNT,
                  number,
                  i / 250,
                  i % 250 + 1));
    }
    return text.toString();
  }

  private String policies(int number, int round) {
    String namespace = namespace(number);
    StringBuilder text = new StringBuilder();
    text.append(
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: monitoring, namespace: %1$s}
        spec: {identities: ["round-%2$d.monitoring.serviceaccount.identity.linkerd.cluster.local"]}
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: monitoring, namespace: %1$s}
        spec:
          targetRef: {kind: Namespace, name: %1$s}
          requiredAuthenticationRefs:
          - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: monitoring}
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: operators, namespace: %1$s}
        spec:
          targetRef: {kind: Namespace, name: %1$s}
          requiredAuthenticationRefs:
          - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: operators, namespace: %3$s}
        """
            .formatted(namespace, round, SHARED));
    for (int application = 0; application < APPLICATIONS; application++) {
      text.append(
          """
          ---
          apiVersion: policy.linkerd.io/v1alpha1
          kind: MeshTLSAuthentication
          metadata: {name: clients-%1$d, namespace: %2$s}
          spec:
            identities: ["client-%1$d.%2$s.serviceaccount.identity.linkerd.cluster.local", "*.trusted-%1$d.serviceaccount.identity.linkerd.cluster.local"]
          """
              .formatted(application, namespace));
      for (int port = 0; port < PORTS; port++) {
        text.append(
            """
            ---
            apiVersion: policy.linkerd.io/v1beta3
            kind: Server
            metadata: {name: app-%1$d-%2$d, namespace: %3$s}
            spec:
              podSelector: {matchLabels: {app: app-%1$d}}
              port: %2$d
              proxyProtocol: %4$s
            ---
            apiVersion: policy.linkerd.io/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: app-%1$d-%2$d, namespace: %3$s}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: app-%1$d-%2$d}
              requiredAuthenticationRefs:
              - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: clients-%1$d}
            """
                .formatted(
                    application,
                    FIRST_PORT + port,
                    namespace,
                    port == 0 ? "HTTP/1" : port == 1 ? "gRPC" : port == 2 ? "opaque" : "unknown"));
      }
    }
    return text.toString();
  }
}
