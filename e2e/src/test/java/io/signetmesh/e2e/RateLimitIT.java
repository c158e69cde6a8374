package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Rate limits of the three levels under more load than they allow, at the same time: each Server
 * has a limit of its own. What is let through in a time is the rate for that time and one burst,
 * which is a second's worth.
 */
@Tag("alone")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(150)
class RateLimitIT {
  private static final int TOTAL = 100;
  private static final int EACH = 40;
  private static final int OVERRIDE = 60;
  private static final int OTHERS = 20;
  private static final Duration TIME = Duration.ofSeconds(30);
  private static final Duration PAUSE = Duration.ofMillis(8);

  private Mesh mesh;
  private MeshWorkload server;
  private MeshWorkload one;
  private MeshWorkload two;
  private MeshWorkload three;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    server =
        mesh.workload("server")
            .port("total", 8080)
            .port("identity", 8081)
            .port("override", 8082)
            .redirect(18_081, 8081);
    one = client("one");
    two = client("two");
    three = client("three");
    limited("total", "total: {requestsPerSecond: " + TOTAL + "}");
    limited("identity", "identity: {requestsPerSecond: " + EACH + "}");
    limited(
        "override",
        """
        identity: {requestsPerSecond: %d}
          overrides:
            - requestsPerSecond: %d
              clientRefs: [{kind: ServiceAccount, name: one}, {kind: ServiceAccount, name: two}]\
        """
            .formatted(OTHERS, OVERRIDE));
    mesh.allowIdentities("total", "total", "one", "two");
    mesh.allowNetworks("identity", "identity", "0.0.0.0/0");
    mesh.allowIdentities("override", "override", "one", "two", "three");
    mesh.start();
    for (int port : new int[] {8080, 8081, 8082}) {
      mesh.closeWithMesh(TcpServer.start(server.at(port), Applications::bodies));
    }
    for (MeshWorkload client : new MeshWorkload[] {one, two, three}) {
      for (int port : new int[] {9080, 9081, 9082}) {
        Await.until(
            "answers come from the server",
            () -> HttpConnection.getOnce(client.at(port), "/0").status() < 500);
      }
    }
  }

  private MeshWorkload client(String name) {
    return mesh.workload(name)
        .upstream(9080, "total.shop.svc.cluster.local:80")
        .upstream(9081, "identity.shop.svc.cluster.local:80")
        .upstream(9082, "override.shop.svc.cluster.local:80");
  }

  private void limited(String name, String limits) throws Exception {
    mesh.service(name, server, 80, name);
    mesh.server(name, server, name, "HTTP/1");
    mesh.manifest(
        "limit-" + name,
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: HTTPLocalRateLimitPolicy
        metadata: {name: %s, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: %s}
          %s
        """
            .formatted(name, name, limits));
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  /** Requests of one kind of client to one Server. */
  private static final class Stream {
    private final LongAdder granted = new LongAdder();
    private final LongAdder limited = new LongAdder();
    private final LongAdder denied = new LongAdder();

    void drive(Load load, String name, InetSocketAddress entry, int connections) throws Exception {
      for (int i = 0; i < connections; i++) {
        HttpConnection connection = HttpConnection.open(entry);
        load.flow(
            name + "-" + i,
            PAUSE,
            () -> {
              int status = connection.get("/0").status();
              switch (status) {
                case 200 -> granted.increment();
                case 429 -> limited.increment();
                case 403 -> denied.increment();
                default -> throw new AssertionError("status " + status);
              }
            });
      }
    }

    void holds(String what, int rate, Duration time) {
      double expected = rate * (time.toNanos() / 1e9) + rate;
      assertThat(limited.sum())
          .as("%s: refused, so that the limit was reached all the time", what)
          .isGreaterThan(granted.sum() / 4);
      assertThat((double) granted.sum())
          .as("%s: granted", what)
          .isCloseTo(expected, Percentage.withPercentage(5));
    }
  }

  @Test
  void holdWithinFivePercentOverThirtySeconds() throws Exception {
    Stream total = new Stream();
    Stream denied = new Stream();
    Stream eachOne = new Stream();
    Stream eachTwo = new Stream();
    Stream anonymous = new Stream();
    Stream shared = new Stream();
    Stream own = new Stream();
    Duration time;
    try (Load load = new Load()) {
      total.drive(load, "total-one", one.at(9080), 2);
      total.drive(load, "total-two", two.at(9080), 2);
      denied.drive(load, "denied", three.at(9080), 1);
      eachOne.drive(load, "identity-one", one.at(9081), 2);
      eachTwo.drive(load, "identity-two", two.at(9081), 2);
      anonymous.drive(load, "anonymous", server.at(18_081), 2);
      shared.drive(load, "override-one", one.at(9082), 1);
      shared.drive(load, "override-two", two.at(9082), 2);
      own.drive(load, "override-three", three.at(9082), 1);
      Await.until("30 s of load", TIME.plusSeconds(5), () -> load.elapsed().compareTo(TIME) >= 0);
      time = load.elapsed();
      load.stop();
      assertThat(load.failures()).isEmpty();
    }

    total.holds("total", TOTAL, time);
    eachOne.holds("identity, first client", EACH, time);
    eachTwo.holds("identity, second client", EACH, time);
    anonymous.holds("identity, clients without one", EACH, time);
    shared.holds("override shared by two", OVERRIDE, time);
    own.holds("identity beside an override", OTHERS, time);
    assertThat(denied.denied.sum()).as("refused by policy, at no cost to the limit").isPositive();
    assertThat((double) denied.granted.sum() + denied.limited.sum()).isCloseTo(0, within(0.0));
  }
}
