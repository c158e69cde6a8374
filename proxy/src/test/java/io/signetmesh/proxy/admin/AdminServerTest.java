package io.signetmesh.proxy.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.LoggerContext;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

@Timeout(30)
final class AdminServerTest {
  private final MetricsRegistry registry = new MetricsRegistry(Duration.ofMinutes(10));
  private final HttpClient client = HttpClient.newHttpClient();
  private final CountDownLatch shutdown = new CountDownLatch(1);
  private final List<String> faults = new CopyOnWriteArrayList<>();
  private volatile boolean ready;
  private final AdminLoop loop = new AdminLoop();
  private AdminServer server;

  @BeforeEach
  void start() throws IOException {
    server = serve(InetAddress.getLoopbackAddress(), true, AdminServer.Limits.DEFAULT);
  }

  @AfterEach
  void stop() {
    server.close();
    client.close();
    loop.close();
  }

  @Test
  void liveAtOnceAndReadyOnlyWhileTheProxyIs() throws Exception {
    assertThat(get("/live").statusCode()).isEqualTo(200);
    assertThat(get("/ready").statusCode()).isEqualTo(503);
    ready = true;
    assertThat(get("/ready").body()).isEqualTo("ready\n");
    ready = false;
    assertThat(get("/ready").statusCode()).isEqualTo(503);
  }

  @Test
  void neitherLiveNorReadyWhenTheProxyCannotServeAnyMore() throws Exception {
    ready = true;
    faults.add("event loop 0 has ended");
    HttpResponse<String> live = get("/live");
    assertThat(live.statusCode()).isEqualTo(503);
    assertThat(live.body()).isEqualTo("event loop 0 has ended\n");
    assertThat(get("/ready").statusCode()).isEqualTo(503);
  }

  @Test
  void metricsInTheFormatAskedFor() throws Exception {
    registry.counter("request_total", "Requests.").with(Labels.of("a", "b")).increment();
    HttpResponse<String> plain = get("/metrics");
    assertThat(plain.headers().firstValue("content-type"))
        .hasValue("text/plain; version=0.0.4; charset=utf-8");
    assertThat(plain.body()).contains("request_total{a=\"b\"} 1\n").doesNotContain("# EOF");
    HttpResponse<String> open =
        send(
            request("/metrics")
                .header("accept", "application/openmetrics-text; version=1.0.0, text/plain;q=0.5"));
    assertThat(open.headers().firstValue("content-type"))
        .hasValueSatisfying(type -> assertThat(type).startsWith("application/openmetrics-text"));
    assertThat(open.body()).endsWith("# EOF\n");
  }

  @Test
  void metricsAreCompressedOnlyWhenAsked() throws Exception {
    HttpResponse<byte[]> zipped =
        client.send(
            request("/metrics").header("accept-encoding", "deflate, gzip;q=0.8").build(),
            HttpResponse.BodyHandlers.ofByteArray());
    assertThat(zipped.headers().firstValue("content-encoding")).hasValue("gzip");
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(zipped.body()))) {
      assertThat(new String(in.readAllBytes(), StandardCharsets.UTF_8))
          .contains("signet_metrics_overflow_total");
    }
    assertThat(
            send(request("/metrics").header("accept-encoding", "gzip;q=0"))
                .headers()
                .firstValue("content-encoding"))
        .isEmpty();
  }

  @Test
  void environmentIsShownWithoutSecrets() throws Exception {
    JsonNode all = new ObjectMapper().readTree(get("/env.json").body());
    assertThat(all.get("LINKERD2_PROXY_LOG").asText()).isEqualTo("warn");
    assertThat(all.get("LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS").asText())
        .startsWith("-----BEGIN CERTIFICATE");
    assertThat(all.toString()).doesNotContain("hunter2").doesNotContain("MIGHAgE");
    JsonNode some = new ObjectMapper().readTree(get("/env.json?LINKERD2_PROXY_LOG&MISSING").body());
    assertThat(some.size()).isEqualTo(2);
    assertThat(some.get("MISSING").isNull()).isTrue();
    assertThat(get("/env.json?a=b").statusCode()).isEqualTo(400);
    assertThat(raw("GET /env.json?%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        .startsWith("HTTP/1.1 400");
  }

  @Test
  void policiesInForceAreShown() throws Exception {
    JsonNode ports = new ObjectMapper().readTree(get("/policy.json").body()).get("ports");
    assertThat(ports.get(0).get("port").asInt()).isEqualTo(8080);
    assertThat(ports.get(0).get("generation").asLong()).isEqualTo(42);
    assertThat(ports.get(1).get("server").isNull()).isTrue();
  }

  @Test
  void shutdownByPostAndOnlyOnce() throws Exception {
    assertThat(get("/shutdown").statusCode()).isEqualTo(405);
    assertThat(shutdown.getCount()).isEqualTo(1);
    assertThat(post("/shutdown").statusCode()).isEqualTo(200);
    assertThat(shutdown.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(post("/shutdown").statusCode()).isEqualTo(200);
  }

  @Test
  void shutdownThatIsNotEnabledDoesNotExist() throws Exception {
    server.close();
    server = serve(InetAddress.getLoopbackAddress(), false, AdminServer.Limits.DEFAULT);
    assertThat(post("/shutdown").statusCode()).isEqualTo(404);
    assertThat(shutdown.getCount()).isEqualTo(1);
  }

  @Test
  void foreignPagesAndForwardedRequestsAreRefused() throws Exception {
    assertThat(
            send(request("/shutdown")
                    .header("origin", "https://evil.example")
                    .POST(HttpRequest.BodyPublishers.noBody()))
                .statusCode())
        .isEqualTo(403);
    assertThat(send(request("/env.json").header("l5d-client-id", "c")).statusCode()).isEqualTo(403);
    assertThat(raw("GET /env.json HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n"))
        .startsWith("HTTP/1.1 403");
    assertThat(shutdown.getCount()).isEqualTo(1);
  }

  @Test
  void clientsOfOtherHostsSeeOnlyHealthAndMetrics() throws Exception {
    Optional<InetAddress> own = nonLoopbackAddress();
    org.junit.jupiter.api.Assumptions.assumeTrue(
        own.isPresent(), "host has no address but loopback");
    server.close();
    server = serve(own.orElseThrow(), true, AdminServer.Limits.DEFAULT);
    assertThat(get("/live").statusCode()).isEqualTo(200);
    assertThat(get("/metrics").statusCode()).isEqualTo(200);
    assertThat(get("/env.json").statusCode()).isEqualTo(403);
    assertThat(get("/policy.json").statusCode()).isEqualTo(403);
    assertThat(get("/proxy-log-level").statusCode()).isEqualTo(403);
    assertThat(post("/shutdown").statusCode()).isEqualTo(403);
  }

  @Test
  void aWorkloadOfSeveralChangesNothingOfWhatTheProcessLogs() throws Exception {
    try (AdminLoop shared = new AdminLoop(true);
        AdminServer other =
            AdminServer.start(
                shared,
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                surface(false),
                null,
                AdminServer.Limits.DEFAULT)) {
      URI uri = URI.create("http://localhost:" + other.address().getPort() + "/proxy-log-level");
      HttpRequest put =
          HttpRequest.newBuilder(uri).PUT(HttpRequest.BodyPublishers.ofString("trace")).build();
      assertThat(client.send(put, HttpResponse.BodyHandlers.ofString()).statusCode())
          .isGreaterThanOrEqualTo(400);
      assertThat(LoggerFactory.getLogger("io.signetmesh.test.y").isTraceEnabled()).isFalse();
    }
  }

  @Test
  void loggersAreNotMadeWithoutEnd() {
    LoggerContext context = new LoggerContext();
    LogbackLevels levels = new LogbackLevels(context);
    assertThatThrownBy(() -> levels.set("a".repeat(257) + "=info"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a logger's name has 257 characters: expected at most 256");
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 200; i++) {
                levels.set("x" + i + ".a".repeat(120) + "=info");
              }
            })
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no room for another: expected one that exists");
    levels.set("x0=warn");
    assertThat(levels.current()).contains("x0=warn");
    assertThat(context.getLoggerList()).hasSizeLessThan(8192 + 64 * 128);
  }

  @Test
  void logLevelIsShownAndChangedAndABadFilterChangesNothing() throws Exception {
    String before = get("/proxy-log-level").body().trim();
    try {
      assertThat(put("/proxy-log-level", "warn,io.signetmesh.test=trace").statusCode())
          .isEqualTo(204);
      assertThat(LoggerFactory.getLogger("io.signetmesh.test.x").isTraceEnabled()).isTrue();
      assertThat(get("/proxy-log-level").body())
          .contains("io.signetmesh.test=trace")
          .startsWith("warn");
      assertThat(put("/proxy-log-level", "info,io.signetmesh.test=loud").statusCode())
          .isEqualTo(400);
      assertThat(LoggerFactory.getLogger("io.signetmesh.test.x").isTraceEnabled()).isTrue();
    } finally {
      put("/proxy-log-level", before);
    }
  }

  @Test
  void wrongMethodsAndUnknownPaths() throws Exception {
    assertThat(post("/metrics").statusCode()).isEqualTo(405);
    assertThat(post("/live").headers().firstValue("allow")).hasValue("GET, HEAD");
    assertThat(get("/").statusCode()).isEqualTo(404);
    assertThat(get("/metrics/").statusCode()).isEqualTo(404);
    assertThat(raw("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        .startsWith("HTTP/1.1 200")
        .endsWith("\r\n\r\n");
  }

  @Test
  void pipelinedRequestsAreAnsweredInOrder() throws Exception {
    String answers =
        raw(
            "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100)
                + "GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assertThat(answers.split("HTTP/1.1 200", -1)).hasSize(101);
    assertThat(answers.indexOf("HTTP/1.1 404")).isGreaterThan(answers.lastIndexOf("HTTP/1.1 200"));
  }

  @Test
  void oversizedAndMalformedRequestsAreRefusedAndTheServerLives() throws Exception {
    assertThat(
            raw("GET /live HTTP/1.1\r\nHost: localhost\r\nX: " + "a".repeat(100_000) + "\r\n\r\n"))
        .startsWith("HTTP/1.1 431");
    assertThat(raw("GET /" + "a".repeat(100_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .startsWith("HTTP/1.1 414");
    assertThat(
            raw(
                "PUT /proxy-log-level HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n"
                    + "a".repeat(100_000)))
        .startsWith("HTTP/1.1 413");
    assertThat(raw("\u0000\u0001\u0002 garbage\r\n\r\n")).startsWith("HTTP/1.1 400");
    assertThat(get("/live").statusCode()).isEqualTo(200);
  }

  @Test
  void slowRequestIsCutOff() throws Exception {
    server.close();
    server =
        serve(
            InetAddress.getLoopbackAddress(),
            true,
            new AdminServer.Limits(
                128, Duration.ofMillis(300), Duration.ofSeconds(1), 4096, 8192, 4096));
    try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
      socket.setSoTimeout(10_000);
      socket
          .getOutputStream()
          .write("GET /live HTTP/1.1\r\nHo".getBytes(StandardCharsets.US_ASCII));
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    }
  }

  @Test
  void whoHoldsTheConnectionsKeepsNoProbeOut() throws Exception {
    server.close();
    server =
        serve(
            InetAddress.getLoopbackAddress(),
            true,
            new AdminServer.Limits(
                4, Duration.ofSeconds(60), Duration.ofSeconds(60), 4096, 8192, 4096));
    List<Socket> idle = new ArrayList<>();
    try {
      for (int i = 0; i < 4; i++) {
        idle.add(from("127.0.0.2"));
      }
      for (int i = 0; i < 4; i++) {
        try (Socket probe = from("127.0.0.3")) {
          probe
              .getOutputStream()
              .write(
                  "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
                      .getBytes(StandardCharsets.US_ASCII));
          assertThat(probe.getInputStream().read()).isEqualTo('H');
          // What the probe leaves is taken again at once.
          idle.add(from("127.0.0.2"));
        }
      }
    } finally {
      for (Socket socket : idle) {
        socket.close();
      }
    }
  }

  @Test
  void answersThatNobodyReadsTakeABoundedPartOfTheHeap() throws Exception {
    server.close();
    server =
        serve(
            InetAddress.getLoopbackAddress(),
            true,
            new AdminServer.Limits(
                128, Duration.ofSeconds(60), Duration.ofSeconds(60), 4096, 8192, 4096));
    // One exposition is larger than what the kernel takes of it.
    for (int i = 0; i < 2_000; i++) {
      registry
          .counter("request_total", "Requests.")
          .with(Labels.of("a", i + "x".repeat(10_000)))
          .increment();
    }
    byte[] scrape =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    List<Socket> unread = new ArrayList<>();
    try {
      int refused = 0;
      for (int i = 0; i < 8; i++) {
        Socket socket = from("127.0.0.2");
        unread.add(socket);
        socket.getOutputStream().write(scrape);
        byte[] status = socket.getInputStream().readNBytes("HTTP/1.1 200".length());
        refused += new String(status, StandardCharsets.US_ASCII).endsWith("503") ? 1 : 0;
      }
      assertThat(refused).isPositive();
      // Another client gets its own all the same.
      try (Socket collector = from("127.0.0.3")) {
        collector
            .getOutputStream()
            .write(
                "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII));
        assertThat(collector.getInputStream().readAllBytes().length).isGreaterThan(20_000_000);
      }
    } finally {
      for (Socket socket : unread) {
        socket.close();
      }
    }
  }

  /** Connects from an address of this host. */
  private Socket from(String address) throws IOException {
    Socket socket = new Socket();
    socket.setSoTimeout(10_000);
    socket.bind(new InetSocketAddress(address, 0));
    socket.connect(server.address());
    return socket;
  }

  @Test
  void connectionsAboveTheLimitAreClosed() throws Exception {
    server.close();
    server =
        serve(
            InetAddress.getLoopbackAddress(),
            true,
            new AdminServer.Limits(
                1, Duration.ofSeconds(10), Duration.ofSeconds(1), 4096, 8192, 4096));
    try (Socket first = new Socket(server.address().getAddress(), server.address().getPort())) {
      first.setSoTimeout(10_000);
      first
          .getOutputStream()
          .write(
              "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      assertThat(first.getInputStream().read()).isEqualTo('H');
      try (Socket second = new Socket(server.address().getAddress(), server.address().getPort())) {
        second.setSoTimeout(10_000);
        int read;
        try {
          read = second.getInputStream().read();
        } catch (SocketException reset) {
          read = -1;
        }
        assertThat(read).isEqualTo(-1);
      }
    }
  }

  private AdminServer serve(InetAddress address, boolean shutdownEnabled, AdminServer.Limits limits)
      throws IOException {
    return AdminServer.start(
        loop, new InetSocketAddress(address, 0), surface(shutdownEnabled), null, limits);
  }

  private AdminSurface surface(boolean shutdownEnabled) {
    return new AdminSurface(
        () -> List.copyOf(faults),
        () -> ready,
        registry,
        Map.of(
            "LINKERD2_PROXY_LOG", "warn",
            "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS", "-----BEGIN CERTIFICATE-----\nMIIB",
            "SIGNET_PROXY_IDENTITY_TOKEN", "hunter2",
            "db_password", "hunter2",
            "ODD", "-----BEGIN PRIVATE KEY-----\nMIGHAgE"),
        () ->
            List.of(
                new PolicyInForce(8080, "policy.linkerd.io/server/web", 42),
                new PolicyInForce(9090, null, 0)),
        shutdownEnabled,
        shutdown::countDown);
  }

  private static Optional<InetAddress> nonLoopbackAddress() throws SocketException {
    return Collections.list(NetworkInterface.getNetworkInterfaces()).stream()
        .flatMap(NetworkInterface::inetAddresses)
        .filter(address -> !address.isLoopbackAddress() && !address.isLinkLocalAddress())
        .findFirst();
  }

  private HttpRequest.Builder request(String path) {
    InetSocketAddress address = server.address();
    String host = address.getAddress().getHostAddress();
    int zone = host.indexOf('%');
    host = zone < 0 ? host : host.substring(0, zone);
    return HttpRequest.newBuilder(
        URI.create(
            "http://"
                + (host.contains(":") ? "[" + host + "]" : host)
                + ":"
                + address.getPort()
                + path));
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> get(String path) throws Exception {
    return send(request(path));
  }

  private HttpResponse<String> post(String path) throws Exception {
    return send(request(path).POST(HttpRequest.BodyPublishers.noBody()));
  }

  private HttpResponse<String> put(String path, String body) throws Exception {
    return send(request(path).PUT(HttpRequest.BodyPublishers.ofString(body)));
  }

  /** Sends bytes as they are and reads until the server closes. */
  private String raw(String bytes) throws IOException {
    try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
      socket.setSoTimeout(20_000);
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  socket.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
                } catch (IOException e) {
                  // The server may close before it has read all of it: the answer is what counts.
                  Thread.onSpinWait();
                }
              });
      StringBuilder answer = new StringBuilder();
      byte[] buffer = new byte[8192];
      try {
        int count;
        while ((count = socket.getInputStream().read(buffer)) >= 0) {
          answer.append(new String(buffer, 0, count, StandardCharsets.ISO_8859_1));
        }
      } catch (SocketException e) {
        // Reset, because bytes were left unread: what came before stands.
        answer.append("");
      }
      return answer.toString();
    }
  }
}
