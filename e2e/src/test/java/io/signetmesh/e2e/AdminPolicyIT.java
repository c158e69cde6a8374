package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A Server takes the admin port of a proxy. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class AdminPolicyIT {
  private Mesh mesh;
  private MeshWorkload web;
  private MeshWorkload scraper;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    web = mesh.workload("web").port("http", 8080).port("linkerd-admin", 4191);
    scraper = mesh.workload("scraper").upstream(9191, "metrics.shop.svc.cluster.local:4191");
    mesh.service("metrics", web, 4191, "linkerd-admin");
    mesh.start();
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  @Test
  void decidesWhoGetsMetricsAsExplainSays() throws Exception {
    Await.until("metrics for all", () -> mesh.admin(web, "/metrics").status() == 200);

    mesh.manifest(
        "server-admin",
        """
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata: {name: admin, namespace: shop}
        spec:
          podSelector: {matchLabels: {app: web}}
          port: 4191
          proxyProtocol: HTTP/1
          accessPolicy: deny
        """);
    Await.until("no metrics", () -> mesh.admin(web, "/metrics").status() == 403);
    assertThat(mesh.admin(web, "/live").status()).isEqualTo(200);
    assertThat(mesh.admin(web, "/ready").status()).isEqualTo(200);
    assertThat(explain("/metrics")).contains("403");
    assertThat(explain("/ready")).contains("allowed (200)", "probe route");

    JournalTail journal = mesh.journal(web);
    assertThat(mesh.get(scraper.at(9191), "/metrics").status()).isEqualTo(403);
    // Records of the requests above, which come from outside the mesh, may be written later.
    DecisionRecord refused =
        journal.await(r -> r.clientIdentity() != null, Duration.ofSeconds(10)).orElseThrow();
    assertThat(refused.clientIdentity()).isEqualTo(mesh.identity(scraper).dnsName());
    assertThat(refused.server()).contains("admin");

    mesh.allowIdentities("admin", "admin", "scraper");
    Await.until(
        "metrics for the scraper", () -> mesh.get(scraper.at(9191), "/metrics").status() == 200);
    assertThat(mesh.admin(web, "/metrics").status()).isEqualTo(403);
  }

  private String explain(String path) throws Exception {
    SignetProcess explain =
        mesh.run(
            "explain" + path.replace('/', '-'),
            Map.of(),
            "policy",
            "explain",
            "-f",
            mesh.processes().manifests().toString(),
            "--workload",
            "shop/web",
            "--port",
            "4191",
            "--path",
            path,
            "--client-ip",
            "127.0.0.1");
    assertThat(explain.awaitExit(Duration.ofSeconds(30))).isTrue();
    return Mesh.output(explain);
  }
}
