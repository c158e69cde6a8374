package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A proxy is replaced by another process while it is in use. */
@Timeout(240)
class SuccessionIT {
  private static final int DIRECT = 18_080;
  private static final int HTTP = 15_001;
  private static final int LEDGER = 15_002;

  /** Longer than a test on a slow machine: what is open is cut at its end. */
  private static final String GRACE = "180s";

  private static final Duration ENDS = Duration.ofSeconds(60);

  private Mesh mesh;
  private MeshWorkload web;
  private MeshWorkload frontend;

  @BeforeEach
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    web =
        mesh.workload("web")
            .port("http", 8080)
            .port("ledger", 7070)
            .redirect(DIRECT, 8080)
            .environment("LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT", "5s")
            .environment("LINKERD2_PROXY_SHUTDOWN_GRACE_PERIOD", GRACE);
    frontend =
        mesh.workload("frontend")
            .upstream(HTTP, "web.shop.svc.cluster.local:80")
            .upstream(LEDGER, "ledger.shop.svc.cluster.local:70")
            .environment("LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT", "8s")
            .environment("LINKERD2_PROXY_SHUTDOWN_GRACE_PERIOD", GRACE);
    mesh.service("web", web, 80, "http");
    mesh.service("ledger", web, 70, "ledger");
    mesh.server("web", web, "http", "HTTP/1");
    mesh.allowNetworks("web", "web", "127.0.0.0/8");
    mesh.server("ledger", web, "ledger", "opaque");
    mesh.allowIdentities("ledger", "ledger", "frontend");
    mesh.start();
    mesh.application(web, DemoServices.Kind.HTTP, 8080);
    mesh.application(web, DemoServices.Kind.TCP, 7070);
    Await.until("traffic flows", () -> status(frontend.at(HTTP)) == 200);
    Await.until("traffic flows directly", () -> status(web.at(DIRECT)) == 200);
  }

  @AfterEach
  void stop() throws Exception {
    mesh.close();
  }

  /** A client that keeps its connection until it is told that the connection ends. */
  private static final class Keeping implements Load.Exchange {
    private final InetSocketAddress server;
    private @Nullable HttpConnection connection;

    Keeping(InetSocketAddress server) {
      this.server = server;
    }

    @Override
    public void run() throws Exception {
      HttpConnection open = connection;
      connection = null;
      if (open == null) {
        open = HttpConnection.open(server);
      }
      assertThat(open.get("/kept").status()).isEqualTo(200);
      if (open.isClosing()) {
        open.close();
      } else {
        connection = open;
      }
    }
  }

  private static int status(InetSocketAddress server) throws IOException {
    return HttpConnection.getOnce(server, "/").status();
  }

  private SignetProcess succeed(MeshWorkload workload, Map<String, String> overrides)
      throws Exception {
    SignetProcess successor = mesh.launchSecondProxy(workload, overrides, "--replace");
    Await.until(
        "the successor serves",
        ENDS,
        () -> Mesh.output(successor).contains("taking connections in place of process"));
    return successor;
  }

  @Test
  void bothProxiesOfACallAreReplacedUnderLoadWithoutAFailedRequest() throws Exception {
    SignetProcess firstWeb = web.proxy();
    SignetProcess firstFrontend = frontend.proxy();
    SignetProcess secondWeb;
    SignetProcess thirdWeb;
    try (LedgerConnection ledger = LedgerConnection.open(frontend.at(LEDGER));
        Load load = new Load()) {
      for (int i = 0; i < 4; i++) {
        load.flow(
                "kept connection through the mesh",
                Duration.ofMillis(i),
                new Keeping(frontend.at(HTTP)))
            .flow("kept connection", Duration.ofMillis(i), new Keeping(web.at(DIRECT)));
      }
      load.flow(
              "connection for each request through the mesh",
              Duration.ofMillis(5),
              () -> assertThat(status(frontend.at(HTTP))).isEqualTo(200))
          .flow(
              "connection for each request",
              Duration.ofMillis(5),
              () -> assertThat(status(web.at(DIRECT))).isEqualTo(200))
          .flow("probe", Duration.ofMillis(50), () -> assertReady(web))
          .flow("TCP connection", Duration.ofMillis(10), ledger::ask)
          .flow(
              "TCP connection for each question",
              Duration.ofMillis(20),
              () -> LedgerConnection.askOnce(frontend.at(LEDGER)));
      load.awaitMore(20);

      secondWeb = succeed(web, Map.of());
      load.awaitMore(50);
      // The connection that was open is still the first proxy's, and policy is in force at both.
      assertThat(firstWeb.isAlive()).isTrue();
      mesh.allowIdentities("other", "web", "nobody");
      assertThat(policyStatus()).endsWith("exit 0");
      assertThat(firstWeb.isAlive()).isTrue();
      // Again, with more event loops and another transport.
      thirdWeb =
          succeed(web, Map.of("LINKERD2_PROXY_CORES", "2", "SIGNET_PROXY_TRANSPORT", "epoll"));
      load.awaitMore(50);
      succeed(frontend, Map.of());
      load.awaitMore(50);
      load.stop();
      assertThat(load.failures()).isEmpty();
    }
    // Connections that are over hold nobody up.
    for (SignetProcess ended : List.of(firstWeb, firstFrontend, secondWeb)) {
      assertThat(ended.awaitExit(ENDS)).as("%s has ended", ended.name()).isTrue();
      assertThat(ended.exitCode()).isZero();
    }
    assertThat(thirdWeb.isAlive()).isTrue();
    assertThat(status(frontend.at(HTTP))).isEqualTo(200);
    assertThat(policyStatus()).endsWith("exit 0");
    mesh.processes().stop(thirdWeb);
    assertThat(sequences(mesh.journalFile(web))).isNotEmpty();
  }

  /** What an operator sees who waits for the newest policy, with the exit code at the end. */
  private String policyStatus() throws Exception {
    SignetProcess status =
        mesh.run(
            "status-" + System.nanoTime(),
            Map.of(),
            "policy",
            "status",
            "--state",
            mesh.processes().state().toString(),
            "--wait",
            "10s");
    assertThat(status.awaitExit(ENDS)).isTrue();
    return Mesh.output(status) + "exit " + status.exitCode();
  }

  private void assertReady(MeshWorkload workload) throws Exception {
    assertThat(HttpConnection.getOnce(workload.at(4191), "/ready").status()).isEqualTo(200);
  }

  /** The numbers of the records, after a look that they are consecutive. */
  private static List<Long> sequences(Path journal) throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<Long> numbers = new ArrayList<>();
    for (String line : Files.readAllLines(journal)) {
      long number = json.readTree(line).get("sequence").asLong();
      if (!numbers.isEmpty()) {
        assertThat(number).isEqualTo(numbers.getLast() + 1);
      }
      numbers.add(number);
    }
    return numbers;
  }

  @Test
  void aSuccessorThatIsNotReadyTakesNothingAndItsEndChangesNothing() throws Exception {
    mesh.controlPlane().kill();
    SignetProcess successor = mesh.launchSecondProxy(web, Map.of(), "--replace");
    Await.until(
        "the running proxy knows of it",
        ENDS,
        () -> Mesh.output(web.proxy()).contains("is about to take over"));
    try (Load load = new Load()) {
      load.flow(
          "request", Duration.ofMillis(5), () -> assertThat(status(web.at(DIRECT))).isEqualTo(200));
      load.awaitMore(100);
      successor.kill();
      load.awaitMore(100);
      load.stop();
      assertThat(load.failures()).isEmpty();
    }
    Await.until(
        "the running proxy goes on", () -> Mesh.output(web.proxy()).contains("this proxy goes on"));
    assertReady(web);

    mesh.startControlPlane();
    succeed(web, Map.of());
    assertThat(status(web.at(DIRECT))).isEqualTo(200);
    assertThat(web.proxy().awaitExit(ENDS)).isTrue();
  }

  @Test
  void connectionsWaitForTheSuccessorWhenTheFirstProxyDies() throws Exception {
    mesh.controlPlane().kill();
    SignetProcess successor = mesh.launchSecondProxy(web, Map.of(), "--replace");
    Await.until(
        "the running proxy knows of it",
        ENDS,
        () -> Mesh.output(web.proxy()).contains("is about to take over"));
    Await.until("it has got the listeners", () -> Mesh.output(successor).contains("inbound ["));
    web.proxy().kill();
    try (HttpConnection waiting = HttpConnection.open(web.at(DIRECT))) {
      waiting.send("GET / HTTP/1.1\r\nHost: web.shop\r\n\r\n");
      mesh.startControlPlane();
      assertThat(waiting.answer().status()).isEqualTo(200);
    }
  }

  @Test
  void aSecondProxyThatIsNoSuccessorIsRefused() throws Exception {
    SignetProcess second = mesh.launchSecondProxy(web, Map.of());
    assertThat(second.awaitExit(ENDS)).isTrue();
    assertThat(second.exitCode()).isNotZero();
    assertThat(Mesh.output(second)).contains("waits for its successor").contains("--replace");
    // Nor is one that cannot see the first: SO_REUSEPORT would let it in.
    SignetProcess blind =
        mesh.launchSecondProxy(
            web, Map.of("SIGNET_PROXY_HANDOVER", "off", "LINKERD2_PROXY_CORES", "2"));
    assertThat(blind.awaitExit(ENDS)).isTrue();
    assertThat(blind.exitCode()).isNotZero();
    assertThat(Mesh.output(blind)).contains("cannot listen on").contains("in use");
    // And where listeners cannot be taken over, that is said, and the first goes on.
    SignetProcess nio =
        mesh.launchSecondProxy(web, Map.of("SIGNET_PROXY_TRANSPORT", "nio"), "--replace");
    assertThat(nio.awaitExit(ENDS)).isTrue();
    assertThat(nio.exitCode()).isNotZero();
    assertThat(Mesh.output(nio)).contains("nio cannot take over").contains("cannot listen on");
    assertThat(status(web.at(DIRECT))).isEqualTo(200);

    // A killed one leaves its socket behind, which hinders nobody.
    web.proxy().kill();
    mesh.launchSecondProxy(web, Map.of(), "--replace");
    Await.until("it serves", ENDS, () -> status(web.at(DIRECT)) == 200);
  }
}
