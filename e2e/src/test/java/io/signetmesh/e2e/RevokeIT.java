package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
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
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An operator revokes a workload of a mesh that runs, with the command line. */
@Tag("alone")
@Timeout(300)
class RevokeIT {
  /** Listeners of proxies for clients without a proxy. */
  private static final int HTTP_INBOUND = 18_080;

  private static final int LEDGER_INBOUND = 17_070;

  /** Listeners of proxies for the workload's own application. */
  private static final int WEB = 15_001;

  private static final int LEDGER = 15_002;
  private static final int GREETER = 15_003;
  private static final int CART = 15_004;
  private static final int FRONT_LEDGER = 15_005;
  private static final int FRONT = 15_006;

  private static final Duration PROMISED = Duration.ofSeconds(1);

  /** The frontend is client of two and server of one; the visitor is the others. */
  private record Parties(
      MeshWorkload web, MeshWorkload cart, MeshWorkload frontend, MeshWorkload visitor) {
    List<MeshWorkload> others() {
      return List.of(web, cart, visitor);
    }
  }

  @Test
  void revokedWorkloadIsCutWithinASecondByAllProxiesAndStaysRefusedAfterAllProcessesRestart(
      @TempDir Path directory) throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      Parties parties = describe(mesh);
      mesh.start();
      startApplications(mesh, parties);
      Leaf stolen = mesh.leaf("frontend");
      Leaf visitors = mesh.leaf("visitor");

      ManagedChannel channel =
          NettyChannelBuilder.forAddress(parties.frontend.at(GREETER)).usePlaintext().build();
      try (Load others = new Load();
          HttpConnection kept = HttpConnection.open(parties.visitor.at(WEB))) {
        others(others, parties, kept);
        List<Live> lives = open(mesh, parties, stolen, channel);
        others.awaitMore(3);
        assertThat(lives).allSatisfy(live -> assertThat(live.ended).as(live.name).isNotDone());

        Mesh.Command revoked =
            identity(mesh, "revoke", "--identity", dnsName(mesh), "--reason", "keyCompromise");

        assertThat(revoked.exitCode()).as(revoked.output()).isZero();
        assertThat(revoked.output())
            .containsPattern("in force: (\\d+) of \\1 connected workloads")
            .doesNotContain("in force: 0 of");
        for (Live live : lives) {
          long ended = live.ended.get(30, TimeUnit.SECONDS);
          assertThat(Duration.ofNanos(ended - revoked.ended()))
              .as("%s is cut after the command has ended", live.name)
              .isLessThan(PROMISED);
          assertThat(ended)
              .as("%s is cut by the command", live.name)
              .isGreaterThan(revoked.begun());
        }
        assertRefused(mesh, parties, stolen);
        assertNotServed(
            parties.frontend.at(WEB), parties.frontend.at(CART), parties.cart.at(FRONT));
        others.awaitMore(5);
        others.stop();
        assertThat(others.failures()).isEmpty();
      } finally {
        channel.shutdownNow();
      }
      assertOnRecord(mesh, parties);

      restartAll(mesh, parties);

      assertRefused(mesh, parties, stolen);
      assertNotServed(parties.cart.at(FRONT));
      for (MeshWorkload server : List.of(parties.web, parties.cart)) {
        assertThat(handshake(mesh, server, visitors)).contains("HTTP/1.1 200 OK");
      }
      assertThat(HttpConnection.getOnce(parties.visitor.at(WEB), "/again").status()).isEqualTo(200);
      Await.until(
          "the frontend is refused a certificate",
          Duration.ofSeconds(60),
          () ->
              acts(mesh, "certificate-refused").stream()
                  .anyMatch(
                      act ->
                          act.path("subject").asText().contains(dnsName(mesh))
                              && act.path("attributes").path("kind").asText().equals("revoked")));
      assertThat(mesh.admin(parties.frontend, "/ready").status()).isNotEqualTo(200);
    }
  }

  @Test
  void revokedLeafIsRefusedAndTheNextOneOfItsWorkloadWorksAndAHoldIsLifted(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = mesh.workload("web").port("http", 8080).redirect(HTTP_INBOUND, 8080);
      MeshWorkload frontend =
          mesh.workload("frontend").upstream(WEB, "web.shop.svc.cluster.local:80");
      mesh.service("web", web, 80, "http");
      mesh.server("web", web, "http", "HTTP/1");
      mesh.allowIdentities("web", "web", "frontend");
      mesh.start();
      mesh.closeWithMesh(TcpServer.start(web.at(8080), Applications::targets));
      assertThat(HttpConnection.getOnce(frontend.at(WEB), "/x").status()).isEqualTo(200);
      JournalTail journal = mesh.journal(web);
      String serial = serialOfTheNewestLeaf(mesh);

      try (HttpConnection kept = HttpConnection.open(frontend.at(WEB))) {
        assertThat(kept.get("/x").status()).isEqualTo(200);
        Mesh.Command revoked = identity(mesh, "revoke", "--serial", serial);
        assertThat(revoked.exitCode()).as(revoked.output()).isZero();
        assertThat(revoked.output()).contains("revoked certificate " + serial, dnsName(mesh));
      }

      DecisionRecord cut =
          journal
              .await(record -> record.reason().equals("peer-revoked"), Duration.ofSeconds(20))
              .orElseThrow();
      assertThat(cut.clientIdentity()).isEqualTo(dnsName(mesh));

      // The workload gets another leaf by its token, without a restart.
      Await.until(
          "the workload has another leaf",
          Duration.ofSeconds(60),
          () -> HttpConnection.getOnce(frontend.at(WEB), "/x").status() == 200);
      assertThat(serialOfTheNewestLeaf(mesh)).isNotEqualTo(serial);

      Leaf leaf = mesh.leaf("frontend");
      assertThat(handshake(mesh, web, leaf)).contains("HTTP/1.1 200 OK");
      identity(mesh, "revoke", "--identity", dnsName(mesh), "--reason", "certificateHold");
      assertThat(handshake(mesh, web, leaf)).contains("certificate revoked");

      Mesh.Command lifted = identity(mesh, "revoke", "--lift", "--identity", dnsName(mesh));

      assertThat(lifted.exitCode()).as(lifted.output()).isZero();
      Await.until(
          "the leaf that was on hold is good again",
          () -> handshake(mesh, web, leaf).contains("HTTP/1.1 200 OK"));
      Await.until(
          "the workload goes on with the leaf that was on hold",
          () -> HttpConnection.getOnce(frontend.at(WEB), "/x").status() == 200);
      assertThat(acts(mesh, "certificate-revoked").getFirst().path("subject").asText())
          .isEqualTo(serial);
      assertThat(acts(mesh, "revocation-lifted").getFirst().path("subject").asText())
          .isEqualTo(dnsName(mesh));
    }
  }

  // ---- description

  private static Parties describe(Mesh mesh) throws IOException {
    MeshWorkload web =
        mesh.workload("web")
            .port("http", 8080)
            .port("ledger", 7070)
            .port("grpc", 8083)
            .redirect(HTTP_INBOUND, 8080)
            .redirect(LEDGER_INBOUND, 7070);
    MeshWorkload cart =
        mesh.workload("cart")
            .port("http", 8080)
            .redirect(HTTP_INBOUND, 8080)
            .upstream(FRONT, "front.shop.svc.cluster.local:80")
            .upstream(FRONT_LEDGER, "front-ledger.shop.svc.cluster.local:70");
    MeshWorkload frontend =
        mesh.workload("frontend")
            .port("http", 8080)
            .port("ledger", 7070)
            .upstream(WEB, "web.shop.svc.cluster.local:80")
            .upstream(LEDGER, "web-ledger.shop.svc.cluster.local:70")
            .upstream(GREETER, "web-greeter.shop.svc.cluster.local:80")
            .upstream(CART, "cart.shop.svc.cluster.local:80");
    MeshWorkload visitor =
        mesh.workload("visitor")
            .upstream(WEB, "web.shop.svc.cluster.local:80")
            .upstream(LEDGER, "web-ledger.shop.svc.cluster.local:70")
            .upstream(CART, "cart.shop.svc.cluster.local:80");
    serve(mesh, "web", web, 80, "http", "HTTP/1");
    serve(mesh, "web-ledger", web, 70, "ledger", "opaque");
    serve(mesh, "web-greeter", web, 80, "grpc", "gRPC");
    serve(mesh, "cart", cart, 80, "http", "HTTP/1");
    serve(mesh, "front", frontend, 80, "http", "HTTP/1");
    serve(mesh, "front-ledger", frontend, 70, "ledger", "opaque");
    return new Parties(web, cart, frontend, visitor);
  }

  private static void serve(
      Mesh mesh, String service, MeshWorkload workload, int port, String name, String protocol)
      throws IOException {
    mesh.service(service, workload, port, name);
    mesh.server(service, workload, name, protocol);
    mesh.allowIdentities(service, service, "frontend", "visitor", "cart");
  }

  private static void startApplications(Mesh mesh, Parties parties) throws Exception {
    mesh.application(parties.web, DemoServices.Kind.TCP, 7070);
    mesh.application(parties.web, DemoServices.Kind.GRPC, 8083);
    mesh.application(parties.frontend, DemoServices.Kind.TCP, 7070);
    for (MeshWorkload workload : List.of(parties.web, parties.cart, parties.frontend)) {
      mesh.closeWithMesh(TcpServer.start(workload.at(8080), Applications::targets));
    }
  }

  private static void restartAll(Mesh mesh, Parties parties) throws Exception {
    for (MeshWorkload workload :
        List.of(parties.web, parties.cart, parties.frontend, parties.visitor)) {
      workload.proxy().kill();
    }
    mesh.controlPlane().kill();
    mesh.startControlPlane();
    mesh.launchProxy(parties.frontend);
    for (MeshWorkload workload : parties.others()) {
      mesh.launchProxy(workload);
    }
    for (MeshWorkload workload : parties.others()) {
      mesh.awaitReady(workload);
    }
  }

  private static String dnsName(Mesh mesh) {
    return mesh.identity("frontend").dnsName();
  }

  private static Mesh.Command identity(Mesh mesh, String command, String... options)
      throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of("identity", command, "--state", mesh.processes().state().toString()));
    arguments.addAll(List.of(options));
    return mesh.command(arguments.toArray(String[]::new));
  }

  // ---- traffic

  private static void others(Load load, Parties parties, HttpConnection kept) {
    load.flow("kept connection", Duration.ofMillis(10), () -> expectOk(kept.get("/kept")))
        .flow(
            "connection for each request",
            Duration.ofMillis(20),
            () -> expectOk(HttpConnection.getOnce(parties.visitor.at(CART), "/new")))
        .flow(
            "relay for each question",
            Duration.ofMillis(20),
            () -> LedgerConnection.askOnce(parties.visitor.at(LEDGER)));
  }

  private static void expectOk(Mesh.Answer answer) {
    if (answer.status() != 200) {
      throw new AssertionError(answer.status() + " " + answer.body());
    }
  }

  /**
   * Something that lives.
   *
   * @param ended {@link System#nanoTime} of its end, which somebody waits for
   */
  private record Live(String name, CompletableFuture<Long> ended) {}

  /** With the stolen key, and by the workload's own proxy in both of its roles. */
  private static List<Live> open(Mesh mesh, Parties parties, Leaf stolen, ManagedChannel channel)
      throws Exception {
    String greeting = "GET /idle HTTP/1.1\r\nHost: web\r\n\r\n";
    String question = "BALANCE alice\n";
    return List.of(
        watch("HTTP at web", direct(mesh, parties.web, HTTP_INBOUND, stolen), greeting),
        watch("HTTP at cart", direct(mesh, parties.cart, HTTP_INBOUND, stolen), greeting),
        watch("relay at web", direct(mesh, parties.web, LEDGER_INBOUND, stolen), question),
        watch("relay of the workload", socket(mesh, parties.frontend.at(LEDGER)), question),
        watch("relay to the workload", socket(mesh, parties.cart.at(FRONT_LEDGER)), question),
        stream(channel));
  }

  private static Socket direct(Mesh mesh, MeshWorkload server, int port, Leaf leaf)
      throws Exception {
    return mesh.closeWithMesh(
        TlsConnection.open(server.at(port), mesh.identity(server).dnsName(), leaf));
  }

  private static Socket socket(Mesh mesh, InetSocketAddress server) throws IOException {
    return mesh.closeWithMesh(new Socket(server.getAddress(), server.getPort()));
  }

  /** Says something, and waits for the end of the connection after the answer. */
  private static Live watch(String name, Socket socket, String first) throws IOException {
    socket.setSoTimeout((int) Duration.ofSeconds(20).toMillis());
    socket.getOutputStream().write(first.getBytes(StandardCharsets.US_ASCII));
    InputStream in = socket.getInputStream();
    assertThat(in.read()).as(name).isNotNegative();
    socket.setSoTimeout(0);
    CompletableFuture<Long> ended = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (in.read() >= 0) {
                  // The rest of the answer.
                }
              } catch (IOException e) {
                // A cut is an end, too.
              }
              ended.complete(System.nanoTime());
            });
    return new Live(name, ended);
  }

  private static Live stream(ManagedChannel channel) throws Exception {
    CompletableFuture<Void> answered = new CompletableFuture<>();
    CompletableFuture<Long> ended = new CompletableFuture<>();
    StreamObserver<StringValue> requests =
        ClientCalls.asyncBidiStreamingCall(
            channel.newCall(Applications.CHAT, CallOptions.DEFAULT),
            new StreamObserver<>() {
              @Override
              public void onNext(StringValue value) {
                answered.complete(null);
              }

              @Override
              public void onError(Throwable failure) {
                ended.complete(System.nanoTime());
              }

              @Override
              public void onCompleted() {
                ended.complete(System.nanoTime());
              }
            });
    requests.onNext(StringValue.of("hello"));
    answered.get(20, TimeUnit.SECONDS);
    return new Live("gRPC stream", ended);
  }

  // ---- observation

  private static void assertRefused(Mesh mesh, Parties parties, Leaf stolen) throws Exception {
    for (MeshWorkload server : List.of(parties.web, parties.cart)) {
      assertThat(handshake(mesh, server, stolen)).contains("certificate revoked");
    }
  }

  private static void assertNotServed(InetSocketAddress... ways) throws IOException {
    for (InetSocketAddress way : ways) {
      assertThat(HttpConnection.getOnce(way, "/x").status())
          .as("by way of %s", way)
          .isGreaterThanOrEqualTo(500);
    }
  }

  private static String handshake(Mesh mesh, MeshWorkload server, Leaf leaf) throws Exception {
    return OpensslClient.get(mesh, server, HTTP_INBOUND, leaf, "-verify_return_error");
  }

  private static void assertOnRecord(Mesh mesh, Parties parties) throws Exception {
    JsonNode revocation = acts(mesh, "identity-revoked").getFirst();
    assertThat(revocation.path("subject").asText()).isEqualTo(dnsName(mesh));
    assertThat(revocation.path("attributes").path("reason").asText()).isEqualTo("keyCompromise");
    assertThat(acts(mesh, "connection-cut"))
        .anySatisfy(act -> assertThat(act.path("subject").asText()).isEqualTo(dnsName(mesh)));
    Await.until(
        "the cuts are on record",
        () ->
            cuts(mesh, parties.web).stream()
                        .filter(record -> dnsName(mesh).equals(record.clientIdentity()))
                        .count()
                    >= 2
                && cuts(mesh, parties.cart).stream()
                    .anyMatch(record -> dnsName(mesh).equals(record.clientIdentity())));
  }

  private static List<DecisionRecord> cuts(Mesh mesh, MeshWorkload workload) throws IOException {
    return JournalTail.fromStart(mesh.journalFile(workload)).decisions().stream()
        .filter(record -> record.reason().equals("peer-revoked"))
        .toList();
  }

  private static List<JsonNode> acts(Mesh mesh, String act) throws IOException {
    return JournalTail.fromStart(mesh.controlJournal()).lines().stream()
        .map(line -> line.path("administrative"))
        .filter(line -> line.path("act").asText().equals(act))
        .toList();
  }

  private static String serialOfTheNewestLeaf(Mesh mesh) throws IOException {
    return acts(mesh, "certificate-issued").stream()
        .filter(act -> act.path("subject").asText().equals(dnsName(mesh)))
        .toList()
        .getLast()
        .path("attributes")
        .path("serial")
        .asText();
  }
}
