package io.signetmesh.proxy.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.proxy.admin.NodeSurface.NodeWorkload;
import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.registry.Buckets;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class AdminNodeTest {
  private final HttpClient client = HttpClient.newHttpClient();
  private final AdminLoop loop = new AdminLoop();
  private final MetricsRegistry process = new MetricsRegistry(Duration.ofMinutes(1));
  private final List<String> faults = new CopyOnWriteArrayList<>();
  private volatile boolean ready = true;
  private AdminServer server;

  @BeforeEach
  void start() throws Exception {
    process.value("process_open_fds", "Descriptors.", MetricType.GAUGE, () -> 7);
    AdminSurface web = proxy(3, true);
    AdminSurface cart = proxy(5, false);
    server =
        AdminServer.start(
            loop,
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            new NodeSurface(
                () -> List.copyOf(faults),
                () -> ready,
                process,
                () ->
                    List.of(
                        new NodeWorkload("shop/web", "ready", List.of(), web),
                        new NodeWorkload("shop/cart", "starting", List.of("no leaf"), cart),
                        new NodeWorkload("shop/bad", "failed", List.of("no address"), null))));
  }

  @AfterEach
  void stop() {
    server.close();
    loop.close();
    client.close();
  }

  private AdminSurface proxy(int requests, boolean serves) {
    MetricsRegistry registry = new MetricsRegistry(Duration.ofMinutes(1));
    registry
        .counter("request_total", "Requests.")
        .with(Labels.of("direction", "inbound"))
        .add(requests);
    registry.value("connections", "Connections.", MetricType.GAUGE, () -> requests);
    registry.histogram("time", "Time.", Buckets.seconds(1, 2)).with(Labels.none()).observe(1);
    registry.include(process);
    return new AdminSurface(
        List::of,
        () -> serves,
        registry,
        Map.of(),
        () -> List.of(new PolicyInForce(8080, "policy.linkerd.io/server/web", requests)),
        false,
        () -> {});
  }

  private HttpResponse<String> get(String path, String... headers) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.address().getPort() + path))
            .timeout(Duration.ofSeconds(20));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void metricsOfAllWorkloadsAreOnePageAndThoseOfTheProcessAppearOnce() throws Exception {
    String page = get("/metrics").body();
    assertThat(page)
        .contains("\nprocess_open_fds 7\n")
        .contains("request_total{workload=\"shop/web\",direction=\"inbound\"} 3\n")
        .contains("request_total{workload=\"shop/cart\",direction=\"inbound\"} 5\n")
        .contains("\nconnections{workload=\"shop/web\"} 3\n")
        .contains("time_bucket{workload=\"shop/web\",le=\"1\"}")
        .contains("time_count{workload=\"shop/web\"} 1\n");
    Set<String> described = new HashSet<>();
    Set<String> samples = new HashSet<>();
    for (String line : page.lines().toList()) {
      if (line.startsWith("# TYPE ")) {
        assertThat(described.add(line)).as(line).isTrue();
      } else if (!line.startsWith("#")) {
        assertThat(samples.add(line.substring(0, line.lastIndexOf(' ')))).as(line).isTrue();
      }
    }
    assertThat(get("/metrics", "accept", "application/openmetrics-text").body())
        .endsWith("# EOF\n");
  }

  @Test
  void metricsCanBeAskedForOneWorkload() throws Exception {
    String page = get("/metrics?workload=shop/web").body();
    assertThat(page).contains("workload=\"shop/web\"").doesNotContain("cart", "process_open_fds");
    assertThat(get("/metrics?workload=shop%2Fweb").body()).isEqualTo(page);
    assertThat(get("/metrics?workload=shop/none").statusCode()).isEqualTo(404);
    assertThat(get("/metrics?workload=shop/bad").statusCode()).isEqualTo(404);
    for (String query : List.of("?", "?x=1", "?workload=a&workload=b", "?workload=a&x=1")) {
      assertThat(get("/metrics" + query).statusCode()).as(query).isIn(200, 400);
    }
    assertThat(get("/metrics?x=1").statusCode()).isEqualTo(400);
    assertThat(get("/workloads/shop/web/metrics").body())
        .contains("\nrequest_total{direction=\"inbound\"} 3\n", "\nprocess_open_fds 7\n");
  }

  @Test
  void workloadsAreListedWithStatesAndFaults() throws Exception {
    var listed = new ObjectMapper().readTree(get("/workloads").body()).get("workloads");
    assertThat(listed)
        .extracting(one -> one.get("name").asText())
        .containsExactly("shop/bad", "shop/cart", "shop/web");
    assertThat(listed.get(0).toString())
        .isEqualTo("{\"name\":\"shop/bad\",\"state\":\"failed\",\"faults\":[\"no address\"]}");
    assertThat(get("/workloads/shop/web").body()).contains("\"ready\"");
    assertThat(get("/workloads/shop/web/ready").statusCode()).isEqualTo(200);
    assertThat(get("/workloads/shop/cart/ready").statusCode()).isEqualTo(503);
    assertThat(get("/workloads/shop/bad/ready").statusCode()).isEqualTo(503);
    assertThat(get("/workloads/shop/bad/ready").body()).contains("no address");
    assertThat(get("/workloads/shop/cart/policies").body()).contains("\"generation\" : 5");
    for (String path :
        List.of(
            "/workloads/",
            "/workloads/shop",
            "/workloads/a/b",
            "/workloads/shop/web/x",
            "/workloads/shop/web/ready/x",
            "/policy.json",
            "/shutdown",
            "/env.json")) {
      assertThat(get(path).statusCode()).as(path).isEqualTo(404);
    }
  }

  @Test
  void oneBadWorkloadIsNoFaultOfTheProcess() throws Exception {
    assertThat(get("/live").statusCode()).isEqualTo(200);
    assertThat(get("/ready").statusCode()).isEqualTo(200);
    ready = false;
    assertThat(get("/ready").statusCode()).isEqualTo(503);
    faults.add("event loop 0 is stuck");
    assertThat(get("/live").statusCode()).isEqualTo(503);
    assertThat(get("/live").body()).contains("event loop 0 is stuck");
  }

  /** A page of another site in a browser on this host, and what a proxy passes on. */
  @Test
  void onlyClientsOnThisHostAreToldOfWorkloads() throws Exception {
    for (String path :
        List.of("/metrics", "/workloads", "/workloads/shop/web/ready", "/proxy-log-level")) {
      assertThat(get(path, "origin", "http://elsewhere.test").statusCode()).as(path).isEqualTo(403);
      assertThat(get(path, "x-forwarded-for", "192.0.2.1").statusCode()).as(path).isEqualTo(403);
    }
    assertThat(get("/ready", "x-forwarded-for", "192.0.2.1").statusCode()).isEqualTo(200);
  }
}
