package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Leaf;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.OpensslClient;
import io.signetmesh.e2e.harness.Tool;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An operator replaces the trust anchor of a mesh that carries traffic. */
@Timeout(400)
class TrustRotationIT {
  private static final int HTTP_INBOUND = 18_080;
  private static final int WEB = 15_001;
  private static final int LEDGER = 15_002;
  private static final int GREETER = 15_003;
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void noRequestFailsAndNoConnectionIsDroppedWhileTheAnchorIsReplaced(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = web(mesh);
      MeshWorkload frontend = client(mesh, "frontend");
      MeshWorkload cart = client(mesh, "cart");
      mesh.start();
      startApplications(mesh, web);
      Leaf old = mesh.leaf("frontend");
      List<Long> processes = processes(mesh, web, frontend, cart);

      ManagedChannel channel =
          NettyChannelBuilder.forAddress(frontend.at(GREETER)).usePlaintext().build();
      try (Load load = new Load();
          HttpConnection kept = HttpConnection.open(frontend.at(WEB));
          LedgerConnection relay = LedgerConnection.open(cart.at(LEDGER))) {
        load.flow("kept connection", Duration.ofMillis(5), () -> expectOk(kept.get("/kept")))
            .flow(
                "connection for each request",
                Duration.ofMillis(10),
                () -> expectOk(HttpConnection.getOnce(cart.at(WEB), "/new")))
            .flow("relay that stays", Duration.ofMillis(10), relay::ask)
            .flow(
                "relay for each question",
                Duration.ofMillis(20),
                () -> LedgerConnection.askOnce(frontend.at(LEDGER)))
            .flow("gRPC", Duration.ofMillis(5), () -> chat(channel));
        load.awaitMore(20);
        assertThat(handshake(mesh, web, old)).contains("HTTP/1.1 200 OK");

        Mesh.Command rotated =
            trust(mesh, "rotate", "--yes", "--renew-window", "2s", "--reason", "yearly");

        assertThat(rotated.exitCode()).as(rotated.output()).isZero();
        load.awaitMore(20);
        load.stop();
        assertThat(load.failures()).isEmpty();
        assertThat(load.servedByEach()).isGreaterThan(40);
      } finally {
        channel.shutdownNow();
      }

      assertThat(processes(mesh, web, frontend, cart))
          .as("nothing was restarted")
          .isEqualTo(processes);
      assertThat(handshake(mesh, web, old)).contains("alert unknown ca");
      JsonNode status = status(mesh);
      assertThat(status.path("rotation").path("phase").asText()).isEqualToIgnoringCase("done");
      // Whoever starts now needs nothing of the old anchor.
      frontend.proxy().kill();
      mesh.launchProxy(frontend);
      mesh.awaitReady(frontend);
      assertThat(HttpConnection.getOnce(frontend.at(WEB), "/x").status()).isEqualTo(200);
      assertThat(trust(mesh, "verify").exitCode()).isZero();
    }
  }

  @Test
  void frozenProxyHoldsTheRotationByNameAndItGoesOnOverKillsOfTheControlPlane(
      @TempDir Path directory) throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = web(mesh);
      MeshWorkload frontend = client(mesh, "frontend");
      MeshWorkload cart = client(mesh, "cart");
      mesh.start();
      startApplications(mesh, web);
      Leaf old = mesh.leaf("frontend");

      try (Load load = new Load()) {
        load.flow(
            "HTTP",
            Duration.ofMillis(10),
            () -> expectOk(HttpConnection.getOnce(frontend.at(WEB), "/new")));
        load.awaitMore(10);
        signal("STOP", cart);
        try {
          Mesh.Command begun = trust(mesh, "rotate", "--yes", "--renew-window", "1s", "--no-wait");
          assertThat(begun.exitCode()).as(begun.output()).isZero();
          Await.until(
              "the frozen proxy is named",
              () -> obstacles(mesh).contains(mesh.identity(cart).dnsName()));

          mesh.controlPlane().kill();
          mesh.startControlPlane();
          Await.until(
              "the frozen proxy is named after the restart",
              () -> obstacles(mesh).contains(mesh.identity(cart).dnsName()));
          assertThat(handshake(mesh, web, old)).as("not early").contains("HTTP/1.1 200 OK");
        } finally {
          signal("CONT", cart);
        }
        mesh.controlPlane().kill();
        mesh.startControlPlane();

        // Nobody can say what became of the leaves of the processes that were killed.
        Await.until(
            "the control plane's own earlier leaf is named",
            Duration.ofSeconds(60),
            () -> obstacles(mesh).contains("went away with a certificate"));
        Mesh.Command waived =
            trust(
                mesh,
                "waive",
                "linkerd/linkerd-destination",
                "linkerd/signet-audit",
                "--yes",
                "--reason",
                "killed by the test");
        assertThat(waived.exitCode()).as(waived.output()).isZero();
        Mesh.Command ended = trust(mesh, "resume", "--timeout", "90s");
        assertThat(ended.exitCode()).as(ended.output()).isZero();
        load.awaitMore(10);
        load.stop();
        assertThat(load.failures()).isEmpty();
      }
      assertThat(HttpConnection.getOnce(cart.at(WEB), "/x").status()).isEqualTo(200);
      assertThat(handshake(mesh, web, old)).contains("alert unknown ca");
    }
  }

  @Test
  void compromisedAnchorIsRefusedWithinSecondsAndTrafficRecovers(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = web(mesh);
      MeshWorkload frontend = client(mesh, "frontend");
      mesh.start();
      startApplications(mesh, web);
      Leaf stolen = mesh.leaf("frontend");
      assertThat(handshake(mesh, web, stolen)).contains("HTTP/1.1 200 OK");

      Mesh.Command rotated =
          trust(mesh, "rotate", "--compromised", "--yes", "--reason", "key found in a backup");
      assertThat(rotated.exitCode()).as(rotated.output()).isZero();

      assertThat(handshake(mesh, web, stolen)).contains("alert unknown ca");
      Await.until(
          "traffic recovers", () -> HttpConnection.getOnce(frontend.at(WEB), "/x").status() == 200);
    }
  }

  private static MeshWorkload web(Mesh mesh) throws IOException {
    MeshWorkload web =
        mesh.workload("web")
            .port("http", 8080)
            .port("ledger", 7070)
            .port("grpc", 8083)
            .redirect(HTTP_INBOUND, 8080);
    serve(mesh, "web", web, 80, "http", "HTTP/1");
    serve(mesh, "web-ledger", web, 70, "ledger", "opaque");
    serve(mesh, "web-greeter", web, 80, "grpc", "gRPC");
    return web;
  }

  private static MeshWorkload client(Mesh mesh, String name) {
    return mesh.workload(name)
        .upstream(WEB, "web.shop.svc.cluster.local:80")
        .upstream(LEDGER, "web-ledger.shop.svc.cluster.local:70")
        .upstream(GREETER, "web-greeter.shop.svc.cluster.local:80");
  }

  private static void serve(
      Mesh mesh, String service, MeshWorkload workload, int port, String name, String protocol)
      throws IOException {
    mesh.service(service, workload, port, name);
    mesh.server(service, workload, name, protocol);
    mesh.allowIdentities(service, service, "frontend", "cart");
  }

  private static void startApplications(Mesh mesh, MeshWorkload web) throws Exception {
    mesh.application(web, DemoServices.Kind.TCP, 7070);
    mesh.application(web, DemoServices.Kind.GRPC, 8083);
    mesh.closeWithMesh(TcpServer.start(web.at(8080), Applications::targets));
  }

  private static void expectOk(Mesh.Answer answer) {
    if (answer.status() != 200) {
      throw new AssertionError(answer.status() + " " + answer.body());
    }
  }

  private static void chat(ManagedChannel channel) {
    ClientCalls.blockingUnaryCall(
        channel,
        Applications.GREET,
        CallOptions.DEFAULT.withDeadlineAfter(10, TimeUnit.SECONDS),
        StringValue.of("hello"));
  }

  private static Mesh.Command trust(Mesh mesh, String command, String... options) throws Exception {
    List<String> arguments =
        new ArrayList<>(List.of("trust", command, "--state", mesh.processes().state().toString()));
    arguments.addAll(List.of(options));
    return mesh.command(arguments.toArray(String[]::new));
  }

  private static JsonNode status(Mesh mesh) throws Exception {
    String output = trust(mesh, "status", "-o", "json").output();
    return JSON.readTree(output);
  }

  private static String obstacles(Mesh mesh) throws Exception {
    return trust(mesh, "status", "-o", "json").output();
  }

  private static List<Long> processes(Mesh mesh, MeshWorkload... workloads) {
    List<Long> processes = new ArrayList<>(List.of(mesh.controlPlane().pid()));
    for (MeshWorkload workload : workloads) {
      assertThat(workload.proxy().isAlive()).isTrue();
      processes.add(workload.proxy().pid());
    }
    return processes;
  }

  private static void signal(String name, MeshWorkload workload) throws Exception {
    Tool.run("", List.of("kill", "-" + name, Long.toString(workload.proxy().pid())));
  }

  private static String handshake(Mesh mesh, MeshWorkload server, Leaf leaf) throws Exception {
    return OpensslClient.get(mesh, server, HTTP_INBOUND, leaf);
  }
}
