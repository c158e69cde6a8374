package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Connections end with leaves of 8 seconds, and requests do not notice. */
@Timeout(150)
class ExpiringLeafIT {
  private static final Duration LIFETIME = Duration.ofSeconds(8);
  private static final Duration TRAFFIC = LIFETIME.multipliedBy(5).dividedBy(2);

  @Test
  void requestsGoOnOverSeveralLivesOfALeafAndARelayIsCutWithItsOwn(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web =
          mesh.workload("web")
              .port("http", 8080)
              .port("grpc", 8083)
              .port("ledger", 7070)
              .redirect(18_080, 8080)
              .redirect(18_083, 8083)
              .redirect(17_070, 7070)
              .environment("LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT", "5s");
      MeshWorkload frontend =
          mesh.workload("frontend")
              .upstream(15_001, "web.shop.svc.cluster.local:80")
              .upstream(15_002, "ledger.shop.svc.cluster.local:70")
              .upstream(15_003, "greeter.shop.svc.cluster.local:80")
              // A busy host is not what this is about.
              .environment("LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT", "8s");
      mesh.service("web", web, 80, "http");
      mesh.service("greeter", web, 80, "grpc");
      mesh.service("ledger", web, 70, "ledger");
      mesh.server("web", web, "http", "HTTP/1");
      mesh.server("greeter", web, "grpc", "gRPC");
      mesh.server("ledger", web, "ledger", "opaque");
      mesh.allowIdentities("web", "web", "frontend");
      mesh.allowIdentities("greeter", "greeter", "frontend");
      mesh.allowIdentities("ledger", "ledger", "frontend");
      mesh.start("--leaf-lifetime", LIFETIME.toSeconds() + "s", "--clock-skew", "0s");
      mesh.application(web, DemoServices.Kind.HTTP, 8080);
      mesh.application(web, DemoServices.Kind.GRPC, 8083);
      mesh.application(web, DemoServices.Kind.TCP, 7070);
      ManagedChannel channel =
          NettyChannelBuilder.forAddress(frontend.at(15_003)).usePlaintext().build();
      long begun = System.nanoTime();
      try (Load load = new Load();
          HttpConnection kept = HttpConnection.open(frontend.at(15_001));
          LedgerConnection ledger = LedgerConnection.open(frontend.at(15_002))) {
        ledger.ask();
        load.flow("kept HTTP/1 connection", Duration.ofMillis(4), () -> expectOk(kept.get("/kept")))
            .flow(
                "HTTP/1 connection for each request",
                Duration.ofMillis(10),
                () -> expectOk(HttpConnection.getOnce(frontend.at(15_001), "/new")))
            .flow("gRPC", Duration.ofMillis(4), () -> greet(channel));

        long lasted = untilCut(ledger, begun);
        assertThat(Duration.ofNanos(lasted)).isLessThan(LIFETIME.plusSeconds(3));

        Await.until(
            "traffic over several lives of a leaf, no failure",
            TRAFFIC.plusSeconds(20),
            () -> load.failed() > 0 || load.elapsed().compareTo(TRAFFIC) > 0);
        // Streams of the control plane have gone over as well: an edit arrives as ever.
        mesh.allowIdentities("ledger", "ledger", "nobody");
        Await.until("the edit is in force", Duration.ofSeconds(5), () -> !isServed(frontend));
        load.stop();
        assertThat(load.failures()).isEmpty();
        assertThat(load.servedByEach()).isGreaterThan(100);
      } finally {
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
      }
      // Both proxies know the end; the one that is first has it on record.
      List<String> reasons = new ArrayList<>(reasons(mesh.journalFile(web)));
      reasons.addAll(reasons(mesh.journalFile(frontend)));
      assertThat(reasons).contains("peer-expired");
      for (JsonNode line : JournalTail.fromStart(mesh.controlJournal()).lines()) {
        assertThat(line.path("administrative").path("act").asText()).isNotEqualTo("connection-cut");
      }
    }
  }

  private static void expectOk(Mesh.Answer answer) {
    if (answer.status() != 200 || !answer.body().startsWith("web: GET /")) {
      throw new AssertionError(answer.status() + " " + answer.body());
    }
  }

  private static void greet(ManagedChannel channel) {
    StringValue answer =
        ClientCalls.blockingUnaryCall(
            channel,
            Applications.GREET,
            CallOptions.DEFAULT.withDeadlineAfter(10, TimeUnit.SECONDS),
            StringValue.of("you"));
    if (answer.getValue().isEmpty()) {
      throw new AssertionError("an empty greeting");
    }
  }

  /** Asks until the connection is cut, nanoseconds since {@code begun}. */
  private static long untilCut(LedgerConnection ledger, long begun) throws InterruptedException {
    while (true) {
      try {
        ledger.ask();
      } catch (IOException e) {
        return System.nanoTime() - begun;
      }
      if (System.nanoTime() - begun > TRAFFIC.toNanos()) {
        throw new AssertionError("the connection outlives its leaf");
      }
      Thread.sleep(20);
    }
  }

  private static boolean isServed(MeshWorkload frontend) {
    try {
      LedgerConnection.askOnce(frontend.at(15_002));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static List<String> reasons(Path journal) throws IOException {
    return JournalTail.fromStart(journal).lines().stream()
        .map(line -> line.path("decision").path("reason").asText())
        .distinct()
        .toList();
  }
}
