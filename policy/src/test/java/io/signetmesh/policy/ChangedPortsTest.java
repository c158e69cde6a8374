package io.signetmesh.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.policy.admin.ControllerMetrics;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.index.PortListener;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.model.ObjectRef;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Thousands of ports are watched, and a change is told to those that it touches, once. */
final class ChangedPortsTest {
  private static final int NAMESPACES = 10;
  private static final int APPLICATIONS = 10;
  private static final int PODS = 100;
  private static final int PORTS = 3;
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.parse("2026-11-01T00:00:00Z"));

  private final ManifestReader reader = new ManifestReader(AdmissionRules::check);
  private final PolicyIndex index =
      new PolicyIndex(PolicyConfig.defaults("linkerd", "cluster.local"), CLOCK);
  private final PolicyFeed feed =
      new PolicyFeed(
          new IndexLinter(index),
          TestPolicies.documents(),
          gone -> {},
          event -> {},
          CLOCK,
          new ControllerMetrics(ServerMeters.none()),
          task -> {});
  private final Map<String, HasMetadata> objects = new HashMap<>();
  private final Map<String, Integer> told = new TreeMap<>();
  private ClusterView view = ClusterView.EMPTY;

  @BeforeEach
  void watchAllPorts() {
    StringBuilder text = new StringBuilder(authentication("platform", "operators", "ops"));
    for (int n = 0; n < NAMESPACES; n++) {
      String namespace = "team-" + n;
      text.append(authentication(namespace, "monitoring", "prometheus"));
      text.append(grant(namespace, "monitoring", "Namespace", namespace, "monitoring", namespace));
      text.append(grant(namespace, "operators", "Namespace", namespace, "operators", "platform"));
      for (int a = 0; a < APPLICATIONS; a++) {
        text.append(authentication(namespace, "clients-" + a, "client-" + a));
        for (int p = 0; p < PORTS; p++) {
          String server = "app-" + a + "-" + p;
          text.append(server(namespace, server, "app-" + a, 8080 + p));
          text.append(grant(namespace, server, "Server", server, "clients-" + a, namespace));
        }
      }
      for (int i = 0; i < PODS; i++) {
        text.append(pod(namespace, "pod-" + i, "app-" + i % APPLICATIONS));
      }
    }
    edit(text.toString());
    for (int n = 0; n < NAMESPACES; n++) {
      for (int i = 0; i < PODS; i++) {
        for (int p = 0; p < PORTS; p++) {
          watch("team-" + n, "pod-" + i, 8080 + p);
        }
      }
    }
    assertThat(index.watchedPorts()).isEqualTo(NAMESPACES * PODS * PORTS);
    told.clear();
  }

  private void watch(String namespace, String pod, int port) {
    String name = namespace + "/" + pod + ":" + port;
    assertThat(
            index.watch(
                ObjectRef.pod(namespace, pod),
                port,
                new PortListener() {
                  @Override
                  public void onPolicy(EffectivePolicy policy) {
                    told.merge(name, 1, Integer::sum);
                  }

                  @Override
                  public void onWorkloadGone() {
                    throw new AssertionError(name + " is gone");
                  }
                }))
        .isPresent();
  }

  /** Puts the objects of the manifests in the place of those of the same names. */
  private void edit(String text) {
    reader
        .read("edit.yaml", text)
        .objects()
        .forEach((key, object) -> objects.put(key.toString(), object));
    ClusterView newer =
        ClusterView.of(view.revision() + 1, List.copyOf(objects.values()), Map.of());
    feed.changed(newer, ClusterChange.between(view, newer));
    view = newer;
  }

  @Test
  void aChangeOfOnePodIsToldToItsPorts() {
    edit(pod("team-3", "pod-7", "app-8"));
    assertThat(told)
        .containsExactly(
            Map.entry("team-3/pod-7:8080", 1),
            Map.entry("team-3/pod-7:8081", 1),
            Map.entry("team-3/pod-7:8082", 1));
  }

  @Test
  void aChangeOfOneServersGrantIsToldToThePortsOfThatServer() {
    edit(grant("team-3", "app-4-1", "Server", "app-4-1", "monitoring", "team-3"));
    assertThat(told).hasSize(PODS / APPLICATIONS).values().containsOnly(1);
    assertThat(told.keySet())
        .allMatch(port -> port.startsWith("team-3/pod-") && port.endsWith("4:8081"));
  }

  @Test
  void aChangeOfANamespacesAuthenticationIsToldToThatNamespace() {
    edit(authentication("team-3", "monitoring", "grafana"));
    assertThat(told).hasSize(PODS * PORTS).values().containsOnly(1);
    assertThat(told.keySet()).allMatch(port -> port.startsWith("team-3/"));
  }

  @Test
  void aChangeOfASharedAuthenticationIsToldToEveryPortOnce() {
    edit(authentication("platform", "operators", "sre"));
    assertThat(told).hasSize(NAMESPACES * PODS * PORTS).values().containsOnly(1);
  }

  @Test
  void aChangeThatMakesNoDifferenceIsToldToNobody() {
    long generation = index.generation();
    // Another object, and one that is as it was.
    edit(
        authentication("team-3", "nobody-asks", "x")
            + authentication("team-4", "clients-1", "client-1"));
    assertThat(told).isEmpty();
    assertThat(index.generation()).isEqualTo(generation + 1);
  }

  private static String pod(String namespace, String name, String app) {
    return """
    ---
    apiVersion: v1
    kind: Pod
    metadata:
      name: %s
      namespace: %s
      labels: {app: %s, linkerd.io/control-plane-ns: linkerd}
    spec: {serviceAccountName: apps, containers: [{name: main, image: app}]}
    """
        .formatted(name, namespace, app);
  }

  private static String server(String namespace, String name, String app, int port) {
    return """
    ---
    apiVersion: policy.linkerd.io/v1beta3
    kind: Server
    metadata: {name: %s, namespace: %s}
    spec: {podSelector: {matchLabels: {app: %s}}, port: %d}
    """
        .formatted(name, namespace, app, port);
  }

  private static String authentication(String namespace, String name, String account) {
    return """
    ---
    apiVersion: policy.linkerd.io/v1alpha1
    kind: MeshTLSAuthentication
    metadata: {name: %s, namespace: %s}
    spec: {identities: ["%s.ops.serviceaccount.identity.linkerd.cluster.local"]}
    """
        .formatted(name, namespace, account);
  }

  private static String grant(
      String namespace,
      String name,
      String kind,
      String target,
      String authentication,
      String authenticationNamespace) {
    return """
    ---
    apiVersion: policy.linkerd.io/v1alpha1
    kind: AuthorizationPolicy
    metadata: {name: %s, namespace: %s}
    spec:
      targetRef: {%skind: %s, name: %s}
      requiredAuthenticationRefs:
      - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: %s, namespace: %s}
    """
        .formatted(
            name,
            namespace,
            kind.equals("Server") ? "group: policy.linkerd.io, " : "",
            kind,
            target,
            authentication,
            authenticationNamespace);
  }
}
