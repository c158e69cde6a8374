package io.signetmesh.identity.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
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
    assertThat(ask("GET /live HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"))
        .startsWith("HTTP/1.1 413 ");
    assertThat(get("/live")).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void answersOneRequestOfAConnection() throws IOException {
    String twice = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    assertThat(ask(twice)).containsOnlyOnce("HTTP/1.1");
  }
}
