package io.signetmesh.identity.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The admin server of a controller. */
@Timeout(60)
final class AdminServerTest {
  private final AtomicBoolean ready = new AtomicBoolean();
  private AdminServer admin;

  @BeforeEach
  void start() throws IOException {
    admin =
        AdminServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            out -> out.write("signet_policy_generation 7\n".getBytes(StandardCharsets.US_ASCII)),
            ready::get);
  }

  @AfterEach
  void stop() {
    admin.close();
  }

  private String ask(String request) throws IOException {
    try (Socket socket = new Socket(admin.address().getAddress(), admin.address().getPort())) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  private String get(String path) throws IOException {
    return ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }

  @Test
  void tellsMetricsReadinessAndLiveness() throws IOException {
    assertThat(get("/live")).startsWith("HTTP/1.1 200 OK\r\n");
    assertThat(get("/ready")).startsWith("HTTP/1.1 503 ");
    ready.set(true);
    assertThat(get("/ready")).startsWith("HTTP/1.1 200 OK\r\n");
    assertThat(get("/metrics?x=y"))
        .startsWith("HTTP/1.1 200 OK\r\n")
        .contains("content-type: text/plain; version=0.0.4; charset=utf-8")
        .endsWith("\r\n\r\nsignet_policy_generation 7\n");
  }

  @Test
  void documentIsSentOnceForEachVersion() throws IOException {
    admin.close();
    byte[] content = "list".getBytes(StandardCharsets.US_ASCII);
    admin =
        AdminServer.start(
                new AdminServer.Listen(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), true),
                ServerMeters.none(),
                () -> true,
                Map.of(
                    "/crl",
                    () ->
                        new AdminServer.Document(
                            content, "application/pkix-crl", "crl-7", Instant.EPOCH)))
            .orElseThrow();

    assertThat(get("/crl"))
        .startsWith("HTTP/1.1 200 OK\r\n")
        .contains(
            "content-type: application/pkix-crl\r\n",
            "etag: \"crl-7\"\r\n",
            "last-modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
        .endsWith("\r\n\r\nlist");
    assertThat(ask("GET /crl HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"crl-7\"\r\n\r\n"))
        .startsWith("HTTP/1.1 304 ")
        .doesNotContain("list");
    assertThat(ask("GET /crl HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"crl-6\"\r\n\r\n"))
        .startsWith("HTTP/1.1 200 OK\r\n");
    assertThat(get("/other")).contains("expected /metrics, /ready, /live or /crl");
  }

  @Test
  void aScrapeThatTakesLongHoldsNoProbe() throws Exception {
    CountDownLatch scraping = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (AdminServer slow =
            AdminServer.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                out -> {
                  scraping.countDown();
                  try {
                    goOn.await();
                  } catch (InterruptedException e) {
                    throw new InterruptedIOException();
                  }
                  out.write("late 1\n".getBytes(StandardCharsets.US_ASCII));
                },
                () -> true);
        Socket scrape = new Socket(slow.address().getAddress(), slow.address().getPort());
        Socket probe = new Socket(slow.address().getAddress(), slow.address().getPort())) {
      send(scrape, "/metrics");
      scraping.await();
      send(probe, "/live");
      assertThat(new String(probe.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
          .startsWith("HTTP/1.1 200 OK\r\n");
      goOn.countDown();
      assertThat(new String(scrape.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
          .endsWith("late 1\n");
    }
  }

  private static void send(Socket socket, String path) throws IOException {
    socket.setSoTimeout(20_000);
    socket
        .getOutputStream()
        .write(
            ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .getBytes(StandardCharsets.ISO_8859_1));
  }

  @Test
  void aPortThatIsTakenIsAnErrorOnlyWhereItIsRequired() throws IOException {
    ServerMeters meters = ServerMeters.none();
    assertThat(
            AdminServer.start(new AdminServer.Listen(admin.address(), false), meters, () -> true))
        .isEmpty();
    assertThatThrownBy(
            () ->
                AdminServer.start(
                    new AdminServer.Listen(admin.address(), true), meters, () -> true))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot be bound");
  }

  @Test
  void answersHeadWithoutBody() throws IOException {
    assertThat(ask("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .contains("content-length: 27")
        .endsWith("\r\n\r\n");
  }

  @Test
  void knowsNothingElse() throws IOException {
    assertThat(get("/")).startsWith("HTTP/1.1 404 ");
    assertThat(get("/metrics/../shutdown")).startsWith("HTTP/1.1 404 ");
    assertThat(ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"))
        .startsWith("HTTP/1.1 405 ")
        .contains("allow: GET, HEAD");
  }

  @Test
  void refusesWhatIsNoRequestOrTooLarge() throws IOException {
    assertThat(ask("nonsense\r\n\r\n")).startsWith("HTTP/1.1 400 ");
    assertThat(get("/" + "a".repeat(100_000))).doesNotContain(" 200 ");
    assertThat(ask("GET /live HTTP/1.1\r\nHost: a\r\nX: " + "a".repeat(9_000) + "\r\n\r\n"))
        .startsWith("HTTP/1.1 400 ");
    // The answer leaves a connection open that the client wants to keep, until time is up.
    assertThat(
            ask(
                "GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                    + "Content-Length: 5000\r\n\r\n"))
        .startsWith("HTTP/1.1 413 ");
    assertThat(get("/live")).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void answersOneRequestOfAConnection() throws IOException {
    String twice = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    assertThat(ask(twice)).containsOnlyOnce("HTTP/1.1");
  }
}
