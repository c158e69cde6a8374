package io.signetmesh.e2e.anchor;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.LinkerdProxy;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A workload with Linkerd's own proxy, which never learns of a new anchor. */
@Timeout(300)
class LinkerdProxyIT {
  private static final int LEDGER = 7070;
  private static final int UPSTREAM = 15_001;
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void itIsNamedAndTalksToAllUntilItIsRestartedWithTheNewAnchorAndWaived(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = ledger(mesh, "web", "legacy", "frontend");
      MeshWorkload frontend =
          mesh.workload("frontend").upstream(UPSTREAM, "legacy.shop.svc.cluster.local:70");
      mesh.start("--leaf-lifetime", "8s", "--clock-skew", "0s");
      mesh.closeWithMesh(TcpServer.start(web.at(LEDGER), LinkerdProxyIT::balances));
      MeshWorkload legacy = ledger(mesh, "legacy", "frontend");
      String name = mesh.identity(legacy).dnsName();
      String anchorsAtStart = mesh.processes().trustAnchors();

      try (LinkerdProxy proxy = LinkerdProxy.start(mesh, legacy, anchorsAtStart);
          Load load = load(mesh, web, frontend, proxy)) {
        load.awaitMore(5);

        Mesh.Command plan = trust(mesh, "rotate", "--plan");
        assertThat(plan.exitCode()).as(plan.output()).isZero();
        assertThat(plan.output()).contains("never reported what they trust: 1 (" + name + ")");
        Mesh.Command begun = trust(mesh, "rotate", "--yes", "--renew-window", "0s", "--no-wait");
        assertThat(begun.exitCode()).as(begun.output()).isZero();
        Await.until(
            "only the proxy that reports nothing is waited for",
            Duration.ofSeconds(90),
            () -> {
              JsonNode rotation = rotation(mesh);
              return rotation.path("phase").asText().equalsIgnoreCase("retire")
                  && !rotation.path("obstacles").isEmpty()
                  && all(rotation.path("obstacles"), "silent", name);
            });

        // Over two more of its certificates, which the new issuer has signed.
        int certified = proxy.certified();
        Await.until(
            "it renews under the new issuer",
            Duration.ofSeconds(90),
            () -> proxy.certified() >= certified + 2);
        assertThat(proxy.lastFailure()).isEmpty();
        load.awaitMore(5);
        JsonNode waiting = rotation(mesh);
        assertThat(waiting.path("phase").asText()).isEqualToIgnoringCase("retire");
        assertThat(all(waiting.path("obstacles"), "silent", name)).as("%s", waiting).isTrue();
        assertThat(mesh.processes().trustAnchors()).contains(anchorsAtStart.strip());
        load.stop();
        assertThat(load.failures()).isEmpty();
      }

      // What the operator does: both anchors at the restart, then the word that it has them.
      try (LinkerdProxy proxy = LinkerdProxy.start(mesh, legacy, mesh.processes().trustAnchors());
          Load load = load(mesh, web, frontend, proxy)) {
        load.awaitMore(5);
        Mesh.Command waived =
            trust(mesh, "waive", "shop/legacy", "--yes", "--reason", "restarted with both anchors");
        assertThat(waived.exitCode()).as(waived.output()).isZero();
        Mesh.Command ended = trust(mesh, "resume", "--timeout", "25s");
        assertThat(ended.exitCode()).as(ended.output()).isZero();
        assertThat(mesh.processes().trustAnchors()).doesNotContain(anchorsAtStart.strip());
        int certified = proxy.certified();
        Await.until(
            "it renews when only the new anchor is left",
            Duration.ofSeconds(60),
            () -> proxy.certified() > certified);
        load.awaitMore(5);
        load.stop();
        assertThat(load.failures()).isEmpty();
        assertThat(proxy.lastFailure()).isEmpty();
      }
    }
  }

  private static MeshWorkload ledger(Mesh mesh, String name, String... clients) throws IOException {
    MeshWorkload ledger =
        mesh.workload(name)
            .port("ledger", LEDGER)
            .annotation("config.linkerd.io/opaque-ports", Integer.toString(LEDGER));
    mesh.service(name, ledger, 70, "ledger");
    mesh.server(name, ledger, "ledger", "opaque");
    mesh.allowIdentities(name, name, clients);
    return ledger;
  }

  private static Load load(Mesh mesh, MeshWorkload web, MeshWorkload frontend, LinkerdProxy proxy) {
    Load load = new Load();
    load.flow("from Linkerd's proxy", Duration.ofMillis(100), () -> proxy.ask(mesh, web, LEDGER));
    load.flow(
        "to Linkerd's proxy",
        Duration.ofMillis(100),
        () -> LedgerConnection.askOnce(frontend.at(UPSTREAM)));
    return load;
  }

  private static void balances(InputStream in, OutputStream out) throws IOException {
    for (int b = in.read(); b >= 0; b = in.read()) {
      if (b == '\n') {
        out.write("OK alice 0\n".getBytes(StandardCharsets.US_ASCII));
        out.flush();
      }
    }
  }

  private static boolean all(JsonNode obstacles, String kind, String workload) {
    for (JsonNode obstacle : obstacles) {
      if (!obstacle.path("kind").asText().equals(kind)
          || !obstacle.path("workload").asText().equals(workload)) {
        return false;
      }
    }
    return !obstacles.isEmpty();
  }

  private static JsonNode rotation(Mesh mesh) throws Exception {
    return JSON.readTree(trust(mesh, "status", "-o", "json").output()).path("rotation");
  }

  private static Mesh.Command trust(Mesh mesh, String command, String... options) throws Exception {
    List<String> arguments =
        new ArrayList<>(List.of("trust", command, "--state", mesh.processes().state().toString()));
    arguments.addAll(List.of(options));
    return mesh.command(arguments.toArray(String[]::new));
  }
}
