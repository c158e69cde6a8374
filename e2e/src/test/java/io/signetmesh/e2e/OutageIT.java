package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The control plane dies and comes back; the data plane goes on with what it knows. */
class OutageIT {
  @Test
  @Timeout(240)
  void controlPlaneKilledAndRestartedUnderLoadFailsNoRequest(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web =
          mesh.workload("web")
              .port("http", 8080)
              .port("ledger", 7070)
              .redirect(18_080, 8080)
              .redirect(17_070, 7070)
              .environment("LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT", "5s");
      MeshWorkload frontend =
          mesh.workload("frontend")
              .upstream(15_001, "web.shop.svc.cluster.local:80")
              .upstream(15_002, "ledger.shop.svc.cluster.local:70")
              // A busy host is not what this is about.
              .environment("LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT", "8s");
      MeshWorkload visitor =
          mesh.workload("visitor").upstream(15_001, "web.shop.svc.cluster.local:80");
      mesh.service("web", web, 80, "http");
      mesh.service("ledger", web, 70, "ledger");
      mesh.server("web", web, "http", "HTTP/1");
      mesh.allowIdentities("web", "web", "frontend");
      mesh.server("ledger", web, "ledger", "opaque");
      mesh.allowIdentities("ledger", "ledger", "frontend");
      mesh.start();
      mesh.application(web, DemoServices.Kind.HTTP, 8080);
      mesh.application(web, DemoServices.Kind.TCP, 7070);
      awaitStatus(visitor, 403);

      try (HttpConnection kept = HttpConnection.open(frontend.at(15_001));
          LedgerConnection ledger = LedgerConnection.open(frontend.at(15_002));
          Load load = new Load()) {
        load.flow("kept HTTP connection", Duration.ofMillis(4), () -> expectOk(kept.get("/kept")))
            .flow(
                "HTTP connection for each request",
                Duration.ofMillis(10),
                () -> expectOk(HttpConnection.getOnce(frontend.at(15_001), "/new")))
            .flow("kept TCP connection", Duration.ofMillis(10), ledger::ask)
            .flow(
                "TCP connection for each question",
                Duration.ofMillis(20),
                () -> LedgerConnection.askOnce(frontend.at(15_002)));
        load.awaitMore(20);

        mesh.controlPlane().kill();
        // Longer than a proxy keeps destinations that nobody uses, as the visitor does just now.
        Duration silence = load.elapsed().plusSeconds(6);
        Await.until("the visitor has been silent", () -> load.elapsed().compareTo(silence) > 0);
        load.awaitMore(50);
        assertThat(HttpConnection.getOnce(visitor.at(15_001), "/").status()).isEqualTo(403);
        // Nobody can tell the proxies; when the control plane is back, it does.
        mesh.allowIdentities("web", "web", "frontend", "visitor");
        load.awaitMore(20);
        assertThat(HttpConnection.getOnce(visitor.at(15_001), "/").status()).isEqualTo(403);

        mesh.startControlPlane();
        awaitStatus(visitor, 200);
        load.awaitMore(20);
        mesh.allowIdentities("web", "web", "frontend");
        awaitStatus(visitor, 403);
        load.awaitMore(20);

        load.stop();
        assertThat(load.failures()).isEmpty();
      }
      assertThat(mesh.admin(web, "/ready").status()).isEqualTo(200);
      assertThat(mesh.admin(frontend, "/ready").status()).isEqualTo(200);
    }
  }

  @Test
  @Timeout(240)
  void policyIsInForceByTheStatusSoonAfterTheControllerWasKilledAndCameBack(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      for (String name : List.of("web", "api", "cart")) {
        MeshWorkload workload = mesh.workload(name).port("http", 8080).redirect(18_080, 8080);
        mesh.server(name, workload, "http", "HTTP/1");
        mesh.allowIdentities(name, name, "web");
      }
      mesh.start();
      awaitInForce(mesh);
      // Short, and long enough for attempts to connect to fail while it is away.
      for (Duration away : List.of(Duration.ofMillis(100), Duration.ofSeconds(8))) {
        mesh.controlPlane().kill();
        long until = System.nanoTime() + away.toNanos();
        Await.until("the controller was away", () -> System.nanoTime() - until > 0);
        mesh.startControlPlane();
        awaitInForce(mesh);
      }
    }
  }

  /** Waits until an operator sees all three proxies enforce what is newest; 5 s for each look. */
  private static void awaitInForce(Mesh mesh) throws Exception {
    Await.until(
        "policy is in force",
        () -> {
          SignetProcess status =
              mesh.run(
                  "status",
                  Map.of(),
                  "policy",
                  "status",
                  "--state",
                  mesh.processes().state().toString(),
                  "--namespace",
                  Mesh.NAMESPACE,
                  "--wait",
                  "5s");
          assertThat(status.awaitExit(Duration.ofSeconds(30))).isTrue();
          // The log holds what earlier looks said as well; the exit code is of this one.
          assertThat(status.lastLines(50))
              .filteredOn(line -> line.startsWith("Server ") && line.contains(" 1 of 1 "))
              .hasSizeGreaterThanOrEqualTo(3);
          return status.exitCode() == 0;
        });
  }

  private static void awaitStatus(MeshWorkload client, int status) {
    Await.until(
        client.name() + " is answered with " + status,
        () -> HttpConnection.getOnce(client.at(15_001), "/").status() == status);
  }

  private static void expectOk(Mesh.Answer answer) {
    if (answer.status() != 200 || !answer.body().startsWith("web: GET /")) {
      throw new AssertionError(answer.status() + " " + answer.body());
    }
  }
}
