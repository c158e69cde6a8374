package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Leaf;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.OpensslClient;
import io.signetmesh.e2e.harness.TlsConnection;
import io.signetmesh.e2e.harness.Tool;
import io.signetmesh.e2e.harness.TrustMember;
import io.signetmesh.testkit.NetworkCut;
import io.signetmesh.testkit.RestartLoop;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Trust anchors are replaced while everything else goes wrong: no request between healthy proxies
 * fails, the cause is named, and nothing is retired early.
 */
@Timeout(600)
class TrustRotationTroubleIT {
  private static final int HTTP_INBOUND = 18_080;
  private static final int IDENTITY = 18_443;
  private static final int WEB = 15_001;
  private static final int LEDGER = 15_002;
  private static final int GREETER = 15_003;
  private static final int ISLAND = 15_004;

  @Test
  void aRotationSurvivesKillsInEachPhaseAndAStragglerTalksToAllUntilRetire(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = web(mesh);
      MeshWorkload frontend = client(mesh, "frontend");
      MeshWorkload cart = client(mesh, "cart");
      MeshWorkload frozen = client(mesh, "frozen");
      MeshWorkload looping = client(mesh, "looping");
      // All that it does not get is the trust bundle and certificates.
      MeshWorkload island = client(mesh, "island").port("http", 8080);
      island.environment(
          "LINKERD2_PROXY_IDENTITY_SVC_ADDR", island.address().getHostAddress() + ":" + IDENTITY);
      serve(mesh, "island", island, 80, "http", "HTTP/1");
      NetworkCut network =
          mesh.closeWithMesh(NetworkCut.relay(island.at(IDENTITY), mesh.addresses().identity()));
      mesh.start();
      startApplications(mesh, web);
      mesh.closeWithMesh(TcpServer.start(island.at(8080), Applications::targets));
      Rotations rotations = new Rotations(mesh);
      Leaf old = mesh.leaf("legacy");

      try (Load load = new Load();
          Load straggling = new Load();
          Traffic traffic = Traffic.start(load, frontend, cart);
          HttpConnection unproxied = tls(mesh, web, old)) {
        straggling
            .flow("straggler calls", pause(50), () -> getOnce(island, WEB))
            .flow("straggler is called", pause(50), () -> getOnce(frontend, ISLAND))
            .flow("connection without proxy", pause(50), () -> expectOk(unproxied.get("/legacy")))
            .flow(
                "connections without proxy",
                pause(200),
                () -> {
                  try (HttpConnection fresh = tls(mesh, web, old)) {
                    expectOk(fresh.get("/legacy"));
                  }
                });
        load.awaitMore(10);
        straggling.awaitMore(5);
        network.cut();
        signal("STOP", frozen);
        RestartLoop restarts = mesh.restartLoop(looping);
        // Prepare takes no time: what is killed here has just been kept.
        SignetProcess command =
            rotations.start("rotate", "--yes", "--renew-window", "15s", "--reason", "yearly");
        String id = rotations.awaitBegun(Set.of());
        try {
          mesh.controlPlane().kill();
          command.kill();
          assertThat(rotations.phase(id)).isIn("PREPARE", "DISTRIBUTE");
          AutoCloseable obstruction = rotations.obstructIssuer(id);
          mesh.startControlPlane();
          command = rotations.start("resume");

          // On a slow host the server may have held it to be gone before it was asked.
          rotations.awaitObstacles(
              () -> !rotations.phase(id).equals("DISTRIBUTE"), name(mesh, frozen));
          kill(mesh, command, rotations, id, "DISTRIBUTE", "ACTIVATE");
          mesh.startControlPlane();
          command = rotations.start("resume");

          rotations.awaitObstacles("issuer.pem");
          kill(mesh, command, rotations, id, "ACTIVATE");
          mesh.startControlPlane();
          command = rotations.start("resume");
          rotations.awaitObstacles("issuer.pem");
          obstruction.close();

          rotations.awaitPhase(id, "RENEW");
          kill(mesh, command, rotations, id, "RENEW");
          mesh.startControlPlane();
          command = rotations.start("resume");

          rotations.awaitPhase(id, "RETIRE");
          kill(mesh, command, rotations, id, "RETIRE");
          mesh.startControlPlane();
        } finally {
          signal("CONT", frozen);
          restarts.close();
        }
        assertThat(restarts.starts()).isGreaterThan(2);

        rotations.awaitObstacles(
            name(mesh, island) + " ",
            name(mesh, looping) + " ",
            mesh.identity("legacy").dnsName(),
            "linkerd-destination.linkerd.");
        load.awaitMore(20);
        straggling.awaitMore(10);
        straggling.stop();
        assertThat(straggling.failures()).isEmpty();
        assertThat(rotations.phase(id)).as("not early").isEqualTo("RETIRE");
        assertThat(OpensslClient.get(mesh, web, HTTP_INBOUND, old)).contains("HTTP/1.1 200 OK");

        // Nobody else can say that these are done: what is killed says nothing.
        rotations.require(
            "waive",
            "shop/island",
            "shop/looping",
            mesh.identity("legacy").dnsName(),
            "linkerd/linkerd-destination",
            "linkerd/signet-audit",
            "--yes",
            "--reason",
            "made by the test");
        rotations.awaitEnd(id);
        load.awaitMore(20);
        traffic.stop();
        assertThat(load.failures()).isEmpty();
        assertThat(rotations.phases(id))
            .containsExactly("PREPARE", "DISTRIBUTE", "ACTIVATE", "RENEW", "RETIRE", "DONE");
      }
      getOnce(frozen, WEB);
      assertThat(OpensslClient.get(mesh, web, HTTP_INBOUND, old)).contains("alert unknown ca");
      assertThatThrownBy(() -> LedgerConnection.askOnce(island.at(LEDGER)))
          .as("the straggler that was waived is outside in new handshakes")
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void anAbortFromEachPhaseFailsNoRequest(@TempDir Path directory) throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = web(mesh);
      MeshWorkload frontend = client(mesh, "frontend");
      MeshWorkload cart = client(mesh, "cart");
      mesh.start();
      startApplications(mesh, web);
      Rotations rotations = new Rotations(mesh);
      Leaf old = mesh.leaf("frontend");
      String holding = mesh.identity("legacy").dnsName();

      try (Load load = new Load();
          Traffic traffic = Traffic.start(load, frontend, cart);
          TrustMember member = TrustMember.join(mesh, mesh.leaf("legacy"))) {
        String first = begin(rotations, Set.of());
        rotations.awaitObstacles(holding);
        load.awaitMore(10);
        assertThat(rotations.phase(first)).isEqualTo("DISTRIBUTE");
        rotations.require("abort", "--yes", "--no-wait", "--reason", "too early");
        rotations.awaitEnd(first);
        assertThat(rotations.phases(first))
            .containsExactly("PREPARE", "DISTRIBUTE", "RETIRE", "DONE");

        String second = begin(rotations, Set.of(first));
        rotations.awaitObstacles(holding);
        AutoCloseable obstruction = rotations.obstructIssuer(second);
        member.take();
        rotations.awaitObstacles("issuer.pem");
        load.awaitMore(10);
        assertThat(rotations.phase(second)).isEqualTo("ACTIVATE");
        rotations.require("abort", "--yes", "--no-wait", "--reason", "the disk is full");
        rotations.awaitEnd(second);
        obstruction.close();
        assertThat(rotations.phases(second))
            .containsExactly(
                "PREPARE", "DISTRIBUTE", "ACTIVATE", "ACTIVATE", "RENEW", "RETIRE", "DONE");

        String third = begin(rotations, Set.of(first, second));
        rotations.awaitPhase(third, "RENEW");
        Await.until(
            "all others serve leaves under the new anchor",
            Duration.ofSeconds(60),
            () -> {
              List<String> obstacles = rotations.obstacles();
              return obstacles.size() == 1 && obstacles.getFirst().contains(holding);
            });
        load.awaitMore(10);
        assertThat(rotations.phase(third)).isEqualTo("RENEW");
        rotations.require("abort", "--yes", "--no-wait", "--reason", "wrong anchor");
        rotations.awaitEnd(third);
        assertThat(rotations.phases(third))
            .containsExactly(
                "PREPARE",
                "DISTRIBUTE",
                "ACTIVATE",
                "RENEW",
                "ACTIVATE",
                "RENEW",
                "RETIRE",
                "DONE");

        load.awaitMore(20);
        traffic.stop();
        assertThat(load.failures()).isEmpty();
        member.expectLive();
      }
      assertThat(OpensslClient.get(mesh, web, HTTP_INBOUND, old)).contains("HTTP/1.1 200 OK");
      assertThat(rotations.status().path("anchors").findValuesAsText("state"))
          .filteredOn(state -> !state.equals("retired"))
          .hasSize(1);
    }
  }

  private static String begin(Rotations rotations, Set<String> earlier) throws Exception {
    rotations.require("rotate", "--yes", "--renew-window", "3s", "--no-wait");
    return rotations.awaitBegun(earlier);
  }

  /** Kills the server and the command that waits for it, in one of the phases that are meant. */
  private static void kill(
      Mesh mesh, SignetProcess command, Rotations rotations, String id, String... phases)
      throws IOException {
    assertThat(command.isAlive()).as(command.lastLines(5).toString()).isTrue();
    mesh.controlPlane().kill();
    command.kill();
    assertThat(rotations.phase(id)).isIn((Object[]) phases);
  }

  /** What healthy workloads do all the time: some 150 requests a second. */
  private static final class Traffic implements AutoCloseable {
    private final Load load;
    private final ManagedChannel channel;
    private final HttpConnection kept;
    private final LedgerConnection relay;

    private Traffic(
        Load load, ManagedChannel channel, HttpConnection kept, LedgerConnection relay) {
      this.load = load;
      this.channel = channel;
      this.kept = kept;
      this.relay = relay;
    }

    static Traffic start(Load load, MeshWorkload one, MeshWorkload other) throws Exception {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress(one.at(GREETER)).usePlaintext().build();
      Traffic traffic =
          new Traffic(
              load,
              channel,
              HttpConnection.open(one.at(WEB)),
              LedgerConnection.open(other.at(LEDGER)));
      BlockingClientCall<StringValue, StringValue> chat =
          ClientCalls.blockingBidiStreamingCall(channel, Applications.CHAT, CallOptions.DEFAULT);
      load.flow("kept connection", pause(30), () -> expectOk(traffic.kept.get("/kept")))
          .flow("connection for each request", pause(40), () -> getOnce(other, WEB))
          .flow("relay that stays", pause(30), traffic.relay::ask)
          .flow(
              "relay for each question", pause(50), () -> LedgerConnection.askOnce(one.at(LEDGER)))
          .flow("gRPC calls", pause(30), () -> greet(channel))
          .flow("gRPC stream", pause(30), () -> chat(chat));
      return traffic;
    }

    private static void greet(ManagedChannel channel) {
      ClientCalls.blockingUnaryCall(
          channel,
          Applications.GREET,
          CallOptions.DEFAULT.withDeadlineAfter(10, TimeUnit.SECONDS),
          StringValue.of("hello"));
    }

    private static void chat(BlockingClientCall<StringValue, StringValue> chat) throws Exception {
      assertThat(chat.write(StringValue.of("a"), 10, TimeUnit.SECONDS)).isTrue();
      assertThat(chat.read(10, TimeUnit.SECONDS)).isEqualTo(StringValue.of("You said: a"));
    }

    void stop() {
      load.stop();
    }

    @Override
    public void close() throws IOException {
      stop();
      kept.close();
      relay.close();
      channel.shutdownNow();
    }
  }

  private static MeshWorkload web(Mesh mesh) throws IOException {
    MeshWorkload web =
        mesh.workload("web")
            .port("http", 8080)
            .port("ledger", 7070)
            .port("grpc", 8083)
            .redirect(HTTP_INBOUND, 8080)
            .environment("LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT", "8s");
    serve(mesh, "web", web, 80, "http", "HTTP/1");
    serve(mesh, "web-ledger", web, 70, "ledger", "opaque");
    serve(mesh, "web-greeter", web, 80, "grpc", "gRPC");
    return web;
  }

  private static MeshWorkload client(Mesh mesh, String name) {
    return mesh.workload(name)
        .upstream(WEB, "web.shop.svc.cluster.local:80")
        .upstream(LEDGER, "web-ledger.shop.svc.cluster.local:70")
        .upstream(GREETER, "web-greeter.shop.svc.cluster.local:80")
        .upstream(ISLAND, "island.shop.svc.cluster.local:80")
        // A busy host is not what this is about.
        .environment("LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT", "8s")
        .environment("LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT", "8s");
  }

  private static void serve(
      Mesh mesh, String service, MeshWorkload workload, int port, String name, String protocol)
      throws IOException {
    mesh.service(service, workload, port, name);
    mesh.server(service, workload, name, protocol);
    mesh.allowIdentities(
        service, service, "frontend", "cart", "frozen", "looping", "island", "legacy");
  }

  private static void startApplications(Mesh mesh, MeshWorkload web) throws Exception {
    mesh.closeWithMesh(DemoServices.start(DemoServices.Kind.TCP, web.at(7070)));
    mesh.closeWithMesh(DemoServices.start(DemoServices.Kind.GRPC, web.at(8083)));
    mesh.closeWithMesh(TcpServer.start(web.at(8080), Applications::targets));
  }

  private static HttpConnection tls(Mesh mesh, MeshWorkload server, Leaf leaf) throws Exception {
    return HttpConnection.over(
        TlsConnection.open(server.at(HTTP_INBOUND), mesh.identity(server).dnsName(), leaf));
  }

  private static void getOnce(MeshWorkload client, int port) throws IOException {
    expectOk(HttpConnection.getOnce(client.at(port), "/new"));
  }

  private static void expectOk(Mesh.Answer answer) {
    if (answer.status() != 200) {
      throw new AssertionError(answer.status() + " " + answer.body());
    }
  }

  private static String name(Mesh mesh, MeshWorkload workload) {
    return mesh.identity(workload).dnsName();
  }

  private static Duration pause(int millis) {
    return Duration.ofMillis(millis);
  }

  private static void signal(String name, MeshWorkload workload) throws Exception {
    Tool.run("", List.of("kill", "-" + name, Long.toString(workload.proxy().pid())));
  }
}
