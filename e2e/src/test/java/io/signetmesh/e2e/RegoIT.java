package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.RegoBundles;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Policy bundles that loop, want 1 GiB or fail, on one port, while another port of the same proxy
 * asks a bundle, too, and a third one asks none. And a bundle that is replaced.
 */
@Tag("alone")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(180)
class RegoIT {
  private static final int HOSTILE = 9080;
  private static final int NEIGHBOUR = 9081;
  private static final int PLAIN = 9082;
  private static final int SERVED = 200;

  private Mesh mesh;
  private MeshWorkload client;
  private MeshWorkload server;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory.resolve("mesh"));
    client =
        mesh.workload("client")
            .upstream(HOSTILE, "hostile.shop.svc.cluster.local:80")
            .upstream(NEIGHBOUR, "neighbour.shop.svc.cluster.local:80")
            .upstream(PLAIN, "plain.shop.svc.cluster.local:80");
    server =
        mesh.workload("server").port("hostile", 8080).port("neighbour", 8081).port("plain", 8082);
    for (String name : new String[] {"hostile", "neighbour", "plain"}) {
      mesh.service(name, server, 80, name);
      mesh.server(name, server, name, "HTTP/1");
    }
    mesh.allowIdentities("plain", "plain", "client");
    bundle("attack", "cases", "cases/attack", "300ms");
    bundle("rules", "first", "mesh/answer", "100ms");
    allow("hostile", "attack");
    allow("neighbour", "rules");
    mesh.start();
    for (int port : new int[] {8080, 8081, 8082}) {
      mesh.closeWithMesh(TcpServer.start(server.at(port), Applications::targets));
    }
    Await.until("bundles answer", () -> status(HOSTILE, "/") == 200);
    Await.until("bundles answer", () -> status(NEIGHBOUR, "/a") == 200);
    Await.until("the plain port answers", () -> status(PLAIN, "/") == 200);
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  /** States, or replaces, a RegoAuthentication with the bundle of a folder of src/test/rego. */
  private void bundle(String name, String folder, String entrypoint, String cpuTime)
      throws Exception {
    mesh.manifest(
        "bundle-" + name,
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: %1$s, namespace: shop}
        binaryData: {bundle.tar.gz: %2$s}
        ---
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: RegoAuthentication
        metadata: {name: %1$s, namespace: shop}
        spec:
          entrypoint: %3$s
          bundle: {configMapRef: {name: %1$s, key: bundle.tar.gz}}
          cpuTime: %4$s
          memory: 64Mi
        """
            .formatted(
                name,
                Base64.getEncoder().encodeToString(RegoBundles.bundle(folder)),
                entrypoint,
                cpuTime));
  }

  private void allow(String server, String rego) throws IOException {
    mesh.manifest(
        "allow-" + server,
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: %1$s, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: %1$s}
          requiredAuthenticationRefs:
            - {kind: ServiceAccount, name: client}
            - {group: policy.signetmesh.io, kind: RegoAuthentication, name: %2$s}
        """
            .formatted(server, rego));
  }

  private int status(int port, String path) throws IOException {
    try (HttpConnection connection = HttpConnection.open(client.at(port))) {
      return connection.get(path).status();
    }
  }

  private void expect(int port, String path, int status) throws IOException {
    assertThat(status(port, path)).as("%d %s", port, path).isEqualTo(status);
  }

  @Test
  void hostileBundlesAreBoundedAndOnRecordAndNobodyElseIsHarmed() throws Exception {
    JournalTail journal = mesh.journal(server);
    journal.skip();
    Map<Integer, Integer> hostile = new ConcurrentHashMap<>();
    AtomicInteger attack = new AtomicInteger();
    String[] attacks = {"loops", "grows", "throws"};
    try (Load neighbours = new Load();
        Load attackers = new Load()) {
      for (int i = 0; i < 8; i++) {
        attackers.flow(
            "attacker-" + i,
            Duration.ZERO,
            () ->
                hostile.merge(
                    status(HOSTILE, "/attack/" + attacks[attack.getAndIncrement() % 3]),
                    1,
                    Integer::sum));
      }
      Await.until("attacks are answered", () -> hostile.getOrDefault(403, 0) >= 3);
      neighbours.flow("neighbour", Duration.ofMillis(10), () -> expect(NEIGHBOUR, "/a", SERVED));
      neighbours.flow("plain", Duration.ofMillis(10), () -> expect(PLAIN, "/", SERVED));
      Await.until(
          "neighbours are served meanwhile",
          Duration.ofSeconds(90),
          () -> neighbours.servedByEach() >= 20 || !neighbours.failures().isEmpty());
      assertThat(neighbours.failures()).isEmpty();
      assertThat(attackers.failures()).isEmpty();
    }
    // Without an answer in time a request may have been refused for the moment, but none got in.
    assertThat(hostile.keySet()).isSubsetOf(403, 503).contains(403);
    Map<String, String> reasons = new HashMap<>();
    for (JsonNode line : journal.lines()) {
      JsonNode decision = line.path("decision");
      if (decision.path("path").asText().startsWith("/attack/")
          && decision.path("reason").asText().equals("rego-failed")) {
        JsonNode asked = decision.path("rego").path(0);
        assertThat(asked.path("authentication").asText()).isEqualTo("shop/attack");
        reasons.put(decision.path("path").asText(), asked.path("outcome").asText());
      }
    }
    assertThat(reasons)
        .containsEntry("/attack/grows", "out_of_memory")
        .containsEntry("/attack/throws", "failed");
    // What loops in Rego also makes values, so either bound may come first.
    assertThat(reasons.get("/attack/loops")).isIn("out_of_time", "out_of_memory");
    // The port itself is as it was.
    expect(HOSTILE, "/", SERVED);
    assertThat(mesh.admin(server, "/metrics").body())
        .contains(
            "signet_inbound_rego_answers_total"
                + "{authentication=\"shop/attack\",outcome=\"out_of_memory\"}");
  }

  @Test
  void aBundleIsReplacedWithoutAFailedRequest() throws Exception {
    expect(NEIGHBOUR, "/first", 200);
    expect(NEIGHBOUR, "/second", 403);
    try (Load load = new Load()) {
      for (int i = 0; i < 3; i++) {
        load.flow("flow-" + i, Duration.ofMillis(5), () -> expect(NEIGHBOUR, "/a", SERVED));
      }
      JournalTail journal = mesh.journal(server);
      journal.skip();
      bundle("rules", "second", "mesh/answer", "100ms");
      Await.until("the new bundle answers", () -> status(NEIGHBOUR, "/second") == 200);
      long before = load.servedByEach();
      Await.until(
          "requests go on", () -> load.servedByEach() > before + 20 || !load.failures().isEmpty());
      assertThat(load.failures()).isEmpty();
      Set<String> reasons = ConcurrentHashMap.newKeySet();
      for (JsonNode line : journal.lines()) {
        JsonNode decision = line.path("decision");
        if (decision.path("path").asText().equals("/a")) {
          reasons.add(decision.path("rego").path(0).path("reason").asText());
        }
      }
      assertThat(reasons).contains("second version");
      expect(NEIGHBOUR, "/first", 403);
    } finally {
      bundle("rules", "first", "mesh/answer", "100ms");
      Await.until("the old bundle is back", () -> status(NEIGHBOUR, "/first") == 200);
    }
  }
}
