package io.signetmesh.proxy.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two workloads of one process; the clients of one take what they can. */
@Timeout(60)
final class AdminFairnessTest {
  private static final AdminServer.Limits PATIENT =
      new AdminServer.Limits(
          2 * AdminLoop.MAX_CONNECTIONS,
          Duration.ofSeconds(60),
          Duration.ofSeconds(60),
          4096,
          8192,
          4096);

  private final AdminLoop loop = new AdminLoop(true);
  private final MetricsRegistry flooded = new MetricsRegistry(Duration.ofMinutes(10));
  private final MetricsRegistry calm = new MetricsRegistry(Duration.ofMinutes(10));
  private final List<AutoCloseable> parts = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable part : parts.reversed()) {
      part.close();
    }
    loop.close();
  }

  private AdminServer serve(MetricsRegistry registry) throws IOException {
    AdminServer server =
        AdminServer.start(
            loop,
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            new AdminSurface(List::of, () -> true, registry, Map.of(), List::of, false, () -> {}),
            null,
            PATIENT);
    parts.add(server);
    return server;
  }

  /** A connection from loopback, as those of all pods that reach their own proxies. */
  private Socket connect(AdminServer server) throws IOException {
    Socket socket = new Socket(server.address().getAddress(), server.address().getPort());
    parts.add(socket);
    socket.setSoTimeout(30_000);
    return socket;
  }

  private static void ask(Socket socket, String path) throws IOException {
    socket
        .getOutputStream()
        .write(
            ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
  }

  private static String answer(Socket socket) throws IOException {
    return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
  }

  /** The whole answer; empty when the connection is refused. */
  private String get(AdminServer server, String path) throws IOException {
    Socket socket = connect(server);
    try {
      ask(socket, path);
      return answer(socket);
    } catch (SocketException e) {
      return "";
    } finally {
      parts.removeLast();
      socket.close();
    }
  }

  @Test
  void theConnectionsOfOneWorkloadKeepNoProbeOfAnotherOut() throws Exception {
    AdminServer flood = serve(flooded);
    AdminServer other = serve(calm);
    Socket early = connect(other);
    for (int i = 0; i < AdminLoop.MAX_CONNECTIONS + 2 * AdminConnections.RESERVED; i++) {
      connect(flood);
    }
    for (int i = 0; i < 2 * AdminConnections.RESERVED; i++) {
      Socket probe = connect(other);
      ask(probe, "/ready");
      assertThat(answer(probe)).startsWith("HTTP/1.1 200");
    }
    ask(early, "/live");
    assertThat(answer(early)).as("was there before").startsWith("HTTP/1.1 200");
    assertThat(get(flood, "/live")).as("of the flood itself").isEmpty();
  }

  @Test
  void aPageThatTakesLongDelaysNoProbe() throws Exception {
    AdminServer slow = serve(flooded);
    AdminServer other = serve(calm);
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    flooded.value(
        "slow",
        "Takes long.",
        MetricType.GAUGE,
        () -> {
          begun.countDown();
          try {
            goOn.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return 1;
        });
    Socket scrape = connect(slow);
    try {
      ask(scrape, "/metrics");
      assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
      for (AdminServer each : List.of(slow, other)) {
        assertThat(get(each, "/live")).startsWith("HTTP/1.1 200");
        assertThat(get(each, "/ready")).startsWith("HTTP/1.1 200");
      }
    } finally {
      goOn.countDown();
    }
    assertThat(answer(scrape)).startsWith("HTTP/1.1 200").contains("\nslow 1\n");
  }

  @Test
  void aPageIsMadeOnceASecondHoweverOftenItIsAskedFor() throws Exception {
    AdminServer server = serve(flooded);
    AtomicInteger made = new AtomicInteger();
    flooded.value("made", "Pages.", MetricType.GAUGE, made::incrementAndGet);
    long begun = System.nanoTime();
    for (int i = 0; i < 200; i++) {
      assertThat(get(server, "/metrics")).startsWith("HTTP/1.1 200").contains("\nmade ");
    }
    long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun);
    assertThat(made.get()).isLessThanOrEqualTo((int) seconds + 1);
    // Another one, since it is kept for no longer.
    int before = made.get();
    while (made.get() == before) {
      assertThat(get(server, "/metrics")).startsWith("HTTP/1.1 200");
    }
  }

  @Test
  void answersThatTheClientsOfOneWorkloadDoNotReadTakeNothingFromAnother() throws Exception {
    AdminServer flood = serve(flooded);
    AdminServer other = serve(calm);
    for (int i = 0; i < 2_000; i++) {
      Labels labels = Labels.of("a", i + "x".repeat(10_000));
      flooded.counter("request_total", "Requests.").with(labels).increment();
      calm.counter("request_total", "Requests.").with(labels).increment();
    }
    byte[] status = new byte["HTTP/1.1 200".length()];
    for (int i = 0; i < 8; i++) {
      Socket unread = connect(flood);
      ask(unread, "/metrics");
      unread.getInputStream().readNBytes(status, 0, status.length);
    }
    assertThat(new String(status, StandardCharsets.US_ASCII)).endsWith("503");
    assertThat(get(flood, "/live")).as("is small").startsWith("HTTP/1.1 200");
    assertThat(get(other, "/metrics")).startsWith("HTTP/1.1 200").hasSizeGreaterThan(20_000_000);
  }
}
