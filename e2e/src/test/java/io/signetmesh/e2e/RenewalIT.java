package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Tool;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Leaves of a few seconds are renewed, with fresh keys, and no request notices. */
@Timeout(150)
class RenewalIT {
  private static final Duration LIFETIME = Duration.ofSeconds(8);
  private static final Duration TRAFFIC = LIFETIME.multipliedBy(3);
  private static final Pattern SERIAL = Pattern.compile("serial=([0-9A-F]+)");

  /** Leaves that each proxy must have had at least: it lives three times as long as one of them. */
  private static final int LEAVES = 4;

  @Test
  @Timeout(150)
  void trafficOverSeveralLivesOfALeafHasNoFailure(@TempDir Path directory) throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web =
          mesh.workload("web")
              .port("http", 8080)
              .port("ledger", 7070)
              .redirect(18_080, 8080)
              .redirect(17_070, 7070)
              .environment("SIGNET_PROXY_EXPIRED_PEER_GRACE", "5m")
              .environment("LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT", "5s");
      MeshWorkload frontend =
          mesh.workload("frontend")
              .upstream(15_001, "web.shop.svc.cluster.local:80")
              .upstream(15_002, "ledger.shop.svc.cluster.local:70")
              .environment("SIGNET_PROXY_EXPIRED_PEER_GRACE", "5m")
              // A busy host is not what this is about.
              .environment("LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT", "8s");
      mesh.service("web", web, 80, "http");
      mesh.service("ledger", web, 70, "ledger");
      mesh.server("web", web, "http", "HTTP/1");
      mesh.allowIdentities("web", "web", "frontend");
      mesh.server("ledger", web, "ledger", "opaque");
      mesh.allowIdentities("ledger", "ledger", "frontend");
      mesh.start("--leaf-lifetime", LIFETIME.toSeconds() + "s", "--clock-skew", "0s");
      mesh.application(web, DemoServices.Kind.HTTP, 8080);
      mesh.application(web, DemoServices.Kind.TCP, 7070);
      String servedFirst = servedSerial(mesh, web);
      Set<String> seen = new LinkedHashSet<>();
      seen.add(servedFirst);

      try (Load load = new Load();
          HttpConnection kept = HttpConnection.open(frontend.at(15_001));
          LedgerConnection ledger = LedgerConnection.open(frontend.at(15_002))) {
        load.flow("kept HTTP connection", Duration.ofMillis(4), () -> expectOk(kept.get("/kept")))
            .flow(
                "HTTP connection for each request",
                Duration.ofMillis(10),
                () -> expectOk(HttpConnection.getOnce(frontend.at(15_001), "/new")))
            .flow("kept TCP connection", Duration.ofMillis(10), ledger::ask)
            // Each of them is a handshake between the proxies.
            .flow(
                "TCP connection for each question",
                Duration.ofMillis(20),
                () -> LedgerConnection.askOnce(frontend.at(15_002)));
        Await.until(
            "traffic over several lives of a leaf, no failure",
            TRAFFIC.plusSeconds(60),
            () -> {
              if (load.elapsed().toSeconds() / 5 >= seen.size()) {
                seen.add(servedSerial(mesh, web));
              }
              return load.failed() > 0 || load.elapsed().compareTo(TRAFFIC) > 0;
            });
        load.stop();

        assertThat(load.failures()).isEmpty();
        assertThat(load.servedByEach()).isGreaterThan(100);
      }

      assertThat(serialsIssued(mesh, web)).hasSizeGreaterThanOrEqualTo(LEAVES);
      assertThat(serialsIssued(mesh, frontend)).hasSizeGreaterThanOrEqualTo(LEAVES);
      assertThat(seen).hasSizeGreaterThanOrEqualTo(LEAVES);
      for (MeshWorkload workload : new MeshWorkload[] {web, frontend}) {
        assertThat(refreshes(mesh, workload)).isGreaterThanOrEqualTo(LEAVES);
      }
    }
  }

  private static void expectOk(Mesh.Answer answer) {
    if (answer.status() != 200 || !answer.body().startsWith("web: GET /")) {
      throw new AssertionError(answer.status() + " " + answer.body());
    }
  }

  /** Serial number of the leaf that new connections to a proxy meet. */
  private static String servedSerial(Mesh mesh, MeshWorkload workload) throws Exception {
    String handshake =
        Tool.run(
                "openssl",
                "s_client",
                "-connect",
                workload.address().getHostAddress() + ":18080",
                "-servername",
                mesh.identity(workload).dnsName())
            .output();
    Tool.Result serial = Tool.run(handshake, List.of("openssl", "x509", "-noout", "-serial"));
    Matcher found = SERIAL.matcher(serial.output());
    assertThat(found.find()).as(handshake).isTrue();
    return found.group(1);
  }

  /** Serial numbers that the CA has on record for a workload. */
  private static Set<String> serialsIssued(Mesh mesh, MeshWorkload workload) throws Exception {
    Set<String> serials = new LinkedHashSet<>();
    String name = mesh.identity(workload).dnsName();
    for (JsonNode line : JournalTail.fromStart(mesh.controlJournal()).lines()) {
      JsonNode act = line.path("administrative");
      if (act.path("act").asText().equals("certificate-issued")
          && act.path("subject").asText().equals(name)) {
        assertThat(serials.add(act.path("attributes").path("serial").asText())).isTrue();
      }
    }
    return serials;
  }

  private static double refreshes(Mesh mesh, MeshWorkload workload) throws Exception {
    return mesh.admin(workload, "/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith("control_identity_cert_refreshes_total{result=\"ok\"}"))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }
}
